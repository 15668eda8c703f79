// SPDX-License-Identifier: LGPL-3.0-only
/* flux job urgency: change how soon a pending job is considered. */
#include "jobargs.h"

#include <flux/v1/job_manager.h>

#include "handle.h"
#include "submit/submit.h"

static const struct flux_option options[] = {
    {"verbose", 'v', OPT_FLAG, NULL, "Show the old urgency"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_job_manager_set_urgency_request in = FLUX_JOB_MANAGER_SET_URGENCY_REQUEST_INIT;
    flux_job_manager_set_urgency_response *out = NULL;
    struct flux_error err = {""};
    int urgency;

    if (cli->argc != 2)
        return cli_misused(cli, "expected a job id and an urgency");
    in.id = cli_jobid(cli, cli->argv[0]);
    urgency = submit_urgency_parse(cli->argv[1], &err);
    if (urgency < 0)
        return cli_fail(cli, "%s", err.text);
    in.urgency = (uint32_t)urgency;
    if (flux_job_manager_set_urgency(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s: %s", cli->argv[0], err.text);
    if (cli_has(cli, "verbose") && out->previous == 0)
        fprintf(stderr, "old urgency: job held\n");
    else if (cli_has(cli, "verbose") && out->previous == 31)
        fprintf(stderr, "old urgency: job expedited\n");
    else if (cli_has(cli, "verbose"))
        fprintf(stderr, "old urgency: %u\n", out->previous);
    flux_job_manager_set_urgency_response_free(out);
    return 0;
}

const struct flux_verb verb_job_urgency = {
    .path = "job urgency",
    .args = "JOBID default|hold|expedite|0-31",
    .summary = "Set job urgency (0-31, hold, expedite, default)",
    .options = {options},
    .run = run,
};
