// SPDX-License-Identifier: LGPL-3.0-only
/* flux run: submit a job and stay attached to it; its exit code is ours. */
#include "verb.h"

#include <unistd.h>

#include <flux/fluid.h>
#include <flux/idset.h>

#include "attach/attach.h"
#include "submit/submit.h"

static const struct flux_option options[] = {
    {"wait-event", 0, OPT_STR, "NAME", "Leave at this event instead of the end of the job"},
    {"verbose", 'v', OPT_LEVEL, "LEVEL", "Show the job id; -vv: events; -vvv: of the shells too"},
    {"quiet", 0, OPT_FLAG, NULL, "Say nothing about how the job ended"},
    {NULL},
};

static int follow(struct cli *cli, uint64_t id, bool terminal)
{
    const char *input = cli_str(cli, "input", NULL);
    FLUX_AUTO(idset) tasks = NULL;
    bool ranks =
        input && (strcmp(input, "all") == 0 || flux_idset_decode(input, &tasks, NULL) == 0);
    int verbose = cli_count(cli, "verbose");
    struct attach_options how = {
        .output = true,
        .input = !input || ranks,
        .signals = true,
        .status_line = true,
        .terminal = terminal,
        .label = cli_has(cli, "label-io"),
        .quiet = cli_has(cli, "quiet"),
        .show_events = verbose > 1,
        .show_exec_events = verbose > 2,
        .wait_event = cli_str(cli, "wait-event", NULL),
        .input_tasks = ranks ? input : NULL,
    };
    struct attach *a = attach_new(cli, &how);
    int code;

    if (verbose)
        fprintf(stderr, "jobid: %s\n", flux_fluid_f58(id));
    attach_add(a, id);
    code = attach_run(a);
    attach_free(a);
    return code;
}

static int submit_and_follow(struct cli *cli, const struct submission *s, const char *jobspec)
{
    struct flux_error err = {""};
    uint64_t id;
    bool terminal =
        isatty(STDIN_FILENO) && json_object_get(json_object_get(s->options, "pty"), "interactive");

    if (submit_one(cli, s, jobspec, &id, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return follow(cli, id, terminal);
}

static int run(struct cli *cli)
{
    return submit_command(cli, submit_and_follow);
}

const struct flux_verb verb_run = {
    .path = "run",
    .args = "COMMAND [ARGS...]",
    .summary = "Run a job and stay attached to it",
    .options = {submit_options_tasks, submit_options_common, options},
    .stop_at_free = true,
    .tagged = true,
    .run = run,
};
