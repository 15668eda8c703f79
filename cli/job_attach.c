// SPDX-License-Identifier: LGPL-3.0-only
/* flux job attach: follow a job as if it had been started by flux run. */
#include "jobargs.h"

#include <flux/fluid.h>

#include "attach/attach.h"

enum { BYTES_PER_TAIL_LINE = 128 };

static const struct flux_option options[] = {
    {"label-io", 'l', OPT_FLAG, NULL, "Label output by rank"},
    {"unbuffered", 'u', OPT_FLAG, NULL, "Pass standard input on as it comes (it always is)"},
    {"stdin-ranks", 'i', OPT_STR, "RANKS", "Send standard input to these ranks (default: all)"},
    {"tail", 0, OPT_OPTSTR, "N", "Begin with about the last N (10) lines of output"},
    {"read-only", 'r', OPT_FLAG, NULL, "Disable reading stdin and capturing signals"},
    {"verbose", 'v', OPT_LEVEL, "LEVEL", "Show the job's events; -vv: of the shells too"},
    {"quiet", 'q', OPT_FLAG, NULL, "Suppress warnings written to stderr"},
    {"wait-event", 'w', OPT_STR, "EVENT", "Wait for this event before leaving (default finish)"},
    {"show-events", 'E', OPT_FLAG, NULL, "Show job events on stderr"},
    {"show-exec", 'X', OPT_FLAG, NULL, "Show exec events on stderr"},
    {"show-status", 0, OPT_FLAG, NULL, "Show the status line while the job is pending"},
    {"debug", 0, OPT_FLAG, NULL, "Report more"},
    {NULL},
};

static int run(struct cli *cli)
{
    const char *tail = cli_str(cli, "tail", "10");
    bool read_only = cli_has(cli, "read-only");
    struct attach_options how = {
        .output = true,
        .input = !read_only,
        .signals = !read_only,
        .status_line = !cli_has(cli, "quiet"),
        .label = cli_has(cli, "label-io"),
        .quiet = cli_has(cli, "quiet"),
        .show_events = cli_count(cli, "verbose") > 0 || cli_has(cli, "show-events"),
        .show_exec_events = cli_count(cli, "verbose") > 1 || cli_has(cli, "show-exec"),
        .wait_event = cli_str(cli, "wait-event", NULL),
        .input_tasks = cli_str(cli, "stdin-ranks", NULL),
    };
    struct attach *a;
    int code;

    if (cli->argc != 1)
        return cli_misused(cli, "expected one job id");
    if (cli_has(cli, "tail"))
        how.tail = strtoull(tail, NULL, 10) * BYTES_PER_TAIL_LINE;
    a = attach_new(cli, &how);
    attach_add(a, cli_jobid(cli, cli->argv[0]));
    code = attach_run(a);
    attach_free(a);
    return code;
}

const struct flux_verb verb_job_attach = {
    .path = "job attach",
    .args = "JOBID",
    .summary = "Interactively attach to job",
    .options = {options},
    .run = run,
};
