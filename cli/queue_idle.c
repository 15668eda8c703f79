// SPDX-License-Identifier: LGPL-3.0-only
/* flux queue idle: wait until no job is in RUN or CLEANUP; says how many are pending. */
#include <flux/v1/job_manager.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"timeout", 't', OPT_FSD, "FSD", "Give up after this long"},
    {"quiet", 0, OPT_FLAG, NULL, "Do not print the number of pending jobs"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_job_manager_idle_request in = FLUX_JOB_MANAGER_IDLE_REQUEST_INIT;
    flux_job_manager_idle_response *out = NULL;
    struct flux_error err = {""};
    struct flux_to to = FLUX_ANY;
    int r;

    to.timeout = cli_fsd(cli, "timeout", 0);
    r = flux_job_manager_idle(cli_handle(cli), to, &in, &out, &err);
    if (r < 0)
        return cli_fail(cli, "idle: %s", r == -ETIMEDOUT ? "timeout" : err.text);
    if (out->pending > 0 && !cli_has(cli, "quiet"))
        printf("%u jobs\n", out->pending);
    flux_job_manager_idle_response_free(out);
    return 0;
}

const struct flux_verb verb_queue_idle = {
    .path = "queue idle",
    .summary = "Wait for queue to become idle.",
    .options = {options},
    .tagged = true,
    .run = run,
};
