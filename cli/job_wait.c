// SPDX-License-Identifier: LGPL-3.0-only
/* flux job wait: reap waitable jobs. Exit 0: success; 1: failure; 2: nothing to wait for. */
#include "jobargs.h"

#include <flux/fluid.h>
#include <flux/v1/job_manager.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"all", 'a', OPT_FLAG, NULL, "Wait for all (waitable) jobs"},
    {"verbose", 'v', OPT_FLAG, NULL, "Emit a line of output for all jobs, not just failing ones"},
    {NULL},
};

/* 0, 1 or 2 as above. */
static int wait_one(struct cli *cli, uint64_t id, bool name_it)
{
    flux_job_manager_wait_request in = FLUX_JOB_MANAGER_WAIT_REQUEST_INIT;
    flux_job_manager_wait_response *out = NULL;
    struct flux_error err = {""};
    int r;

    in.id = id;
    r = flux_job_manager_wait(cli_handle(cli), FLUX_ANY, &in, &out, &err);
    if (r == -ECHILD) {
        if (!cli_has(cli, "all"))
            cli_fail(cli, "there are no more waitable jobs");
        return 2;
    }
    if (r < 0)
        cli_die(cli, "%s", err.text);
    if (!out->success)
        fprintf(stderr, "%s: %s\n", flux_fluid_f58(out->id), out->text);
    else if (cli_has(cli, "verbose"))
        fprintf(stderr, "%s: job returned success\n", flux_fluid_f58(out->id));
    else if (name_it)
        printf("%s\n", flux_fluid_f58(out->id));
    r = !out->success;
    flux_job_manager_wait_response_free(out);
    return r;
}

static int run(struct cli *cli)
{
    int r, worst = 0;

    if (cli->argc > 1 || (cli->argc > 0 && cli_has(cli, "all")))
        return cli_misused(cli, "expected one job id, or --all, or nothing");
    if (!cli_has(cli, "all"))
        return wait_one(cli, cli->argc ? cli_jobid(cli, cli->argv[0]) : 0, cli->argc == 0);
    while ((r = wait_one(cli, 0, false)) != 2)
        worst = r > worst ? r : worst;
    return worst;
}

const struct flux_verb verb_job_wait = {
    .path = "job wait",
    .args = "[--all] [JOBID]",
    .summary = "Wait for job(s) to complete",
    .options = {options},
    .run = run,
};
