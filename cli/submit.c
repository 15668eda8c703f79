// SPDX-License-Identifier: LGPL-3.0-only
/* flux submit: jobs in the background, one or (--cc) many; prints their ids. */
#include <flux/idset.h>

#include "submit/submit.h"

/* The list of jobs for --bcc; one, of one or more members, without. */
static int submit_jobs(struct cli *cli, const struct submission *s, const char *jobspec)
{
    FLUX_AUTO(idset) bcc = cli_idset(cli, "bcc");
    size_t count = bcc ? flux_idset_count(bcc) : 1;
    FLUX_AUTO_MEM(struct submit_job) jobs = flux_alloc(count * sizeof(jobs[0]) + 1);

    for (size_t i = 0; i < count; i++)
        jobs[i] = (struct submit_job){.jobspec = jobspec, .cc = cli_str(cli, "cc", NULL)};
    return submit_many(cli, s, jobs, count);
}

static int run(struct cli *cli)
{
    if (cli_has(cli, "cc") && cli_has(cli, "bcc"))
        return cli_misused(cli, "specify only one of --cc or --bcc");
    return submit_command(cli, submit_jobs);
}

const struct flux_verb verb_submit = {
    .path = "submit",
    .args = "COMMAND [ARGS...]",
    .summary = "Submit jobs and print their ids",
    .options = {submit_options_tasks, submit_options_common, submit_options_many},
    .stop_at_free = true,
    .tagged = true,
    .run = run,
};
