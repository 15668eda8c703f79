// SPDX-License-Identifier: LGPL-3.0-only
/* flux job raise: raise an exception on jobs; severity 0 ends them. */
#include "jobargs.h"

#include <flux/fluid.h>
#include <flux/v1/job_manager.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"severity", 's', OPT_INT, "N", "Set exception severity [0-7] (default 0)"},
    {"type", 't', OPT_STR, "TYPE", "Set exception type (default cancel)"},
    {"message", 'm', OPT_STR, "NOTE", "Set optional exception note"},
    {NULL},
};

/* Job ids come first; what is none, or stands after them, is the note. */
static int count_ids(const struct cli *cli)
{
    uint64_t id;
    int n = 0;

    while (n < cli->argc && flux_fluid_parse(cli->argv[n], &id, NULL) == 0)
        n++;
    return n;
}

static int run(struct cli *cli)
{
    flux_job_manager_raise_request in = FLUX_JOB_MANAGER_RAISE_REQUEST_INIT;
    long long severity = cli_int(cli, "severity", 0);
    FLUX_AUTO_STR words = NULL;
    int n = count_ids(cli), r = 0;

    if (n == 0)
        return cli_misused(cli, "expected at least one job id");
    if (severity < 0 || severity > 7)
        return cli_fail(cli, "invalid severity %lld: not 0-7", severity);
    words = cli_join_args(cli, n);
    if (words && cli_has(cli, "message"))
        return cli_misused(cli, "do not set --message and a note on the command line");
    in.severity = (uint32_t)severity;
    in.type = (char *)cli_str(cli, "type", "cancel");
    in.note = words ? words : (char *)cli_str(cli, "message", "");
    for (int i = 0; i < n; i++) {
        struct flux_error err = {""};

        in.id = cli_jobid(cli, cli->argv[i]);
        if (flux_job_manager_raise(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
            r = cli_fail(cli, "%s: %s", cli->argv[i], err.text);
    }
    return r;
}

const struct flux_verb verb_job_raise = {
    .path = "job raise",
    .args = "JOBID... [--] [NOTE...]",
    .summary = "Raise exception on one or more jobs",
    .options = {options},
    .run = run,
};
