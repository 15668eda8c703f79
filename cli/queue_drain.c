// SPDX-License-Identifier: LGPL-3.0-only
/* flux queue drain: wait until no job is active. */
#include <flux/v1/job_manager.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"timeout", 't', OPT_FSD, "FSD", "Give up after this long"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_job_manager_drain_request in = FLUX_JOB_MANAGER_DRAIN_REQUEST_INIT;
    struct flux_error err = {""};
    struct flux_to to = FLUX_ANY;
    int r;

    to.timeout = cli_fsd(cli, "timeout", 0);
    r = flux_job_manager_drain(cli_handle(cli), to, &in, NULL, &err);
    return r == 0 ? 0 : cli_fail(cli, "drain: %s", r == -ETIMEDOUT ? "timeout" : err.text);
}

const struct flux_verb verb_queue_drain = {
    .path = "queue drain",
    .summary = "Wait for queue to become empty.",
    .options = {options},
    .tagged = true,
    .run = run,
};
