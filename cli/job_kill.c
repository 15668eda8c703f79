// SPDX-License-Identifier: LGPL-3.0-only
/* flux job kill: send a signal to the tasks of running jobs. */
#include "jobargs.h"

#include <signal.h>

#include <flux/v1/job_manager.h>

#include "handle.h"
#include <flux/signame.h>

static const struct flux_option options[] = {
    {"signal", 's', OPT_STR, "SIG", "Send signal SIG (default SIGTERM)"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_job_manager_kill_request in = FLUX_JOB_MANAGER_KILL_REQUEST_INIT;
    const char *name = cli_str(cli, "signal", "TERM");
    int signum = flux_signame_parse(name), r = 0;

    if (cli->argc == 0)
        return cli_misused(cli, "expected at least one job id");
    if (signum < 0)
        return cli_fail(cli, "Invalid signal %s", name);
    in.signum = (uint32_t)signum;
    for (int i = 0; i < cli->argc; i++) {
        struct flux_error err = {""};

        in.id = cli_jobid(cli, cli->argv[i]);
        if (flux_job_manager_kill(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
            r = cli_fail(cli, "kill %s: %s", cli->argv[i], err.text);
    }
    return r;
}

const struct flux_verb verb_job_kill = {
    .path = "job kill",
    .args = "JOBID...",
    .summary = "Send signal to running jobs",
    .options = {options},
    .run = run,
};
