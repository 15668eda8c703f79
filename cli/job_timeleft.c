// SPDX-License-Identifier: LGPL-3.0-only
/* flux job timeleft: time before a running job's (or the enclosing one's) limit. */
#include "jobargs.h"

#include <flux/fsd.h>
#include <flux/v1/job_list.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"human", 'H', OPT_FLAG, NULL, "Print a duration instead of seconds"},
    {NULL},
};

/* In a job's own instance its id belongs to the enclosing one. */
static uint64_t choose_job(struct cli *cli)
{
    const char *own = getenv("FLUX_JOB_ID");

    if (cli->argc > 0)
        return cli_jobid(cli, cli->argv[0]);
    if (own)
        return cli_jobid(cli, own);
    own = getenv("FLUX_ENCLOSING_ID");
    if (!own)
        cli_die(cli, "JOBID argument required and not in a job");
    if (cli_enclosing_enter(cli, 1, false) < 0)
        exit(1);
    return cli_jobid(cli, own);
}

static int run(struct cli *cli)
{
    flux_job_list_ids_request in = FLUX_JOB_LIST_IDS_REQUEST_INIT;
    flux_job_list_ids_response *out = NULL;
    uint64_t id = choose_job(cli);
    struct flux_error err = {""};
    char fsd[FLUX_FSD_MAX];
    double left;
    int r = 0;

    in.ids = &id;
    in.n_ids = 1;
    if (flux_job_list_ids(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    left = out->n_jobs ? out->jobs[0]->expiration - flux_walltime() : 0;
    if (!out->n_jobs || out->jobs[0]->state < FLUX_JOB_RUN)
        r = cli_fail(cli, "job has not started");
    else if (out->jobs[0]->state > FLUX_JOB_RUN)
        puts(cli_has(cli, "human") ? "0s" : "0");
    else if (out->jobs[0]->expiration <= 0)
        puts("infinity");
    else if (cli_has(cli, "human"))
        puts(flux_fsd_format(left > 0 ? (double)(long)left : 0, fsd));
    else
        printf("%lu\n", left > 0 ? (unsigned long)left : 0);
    flux_job_list_ids_response_free(out);
    return r;
}

const struct flux_verb verb_job_timeleft = {
    .path = "job timeleft",
    .args = "[JOBID]",
    .summary = "Find remaining runtime for job or enclosing instance",
    .options = {options},
    .run = run,
};
