// SPDX-License-Identifier: LGPL-3.0-only
/* What is known of one job, read from the KVS, for those who may know it: the job's user and the
 * instance owner. Whose job it is says the first line of its eventlog. */

#include <flux/module.h>

#include "info.h"

static const struct flux_job_info_ops ops = FLUX_JOB_INFO_OPS(job_info);

static int start(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err)
{
    *state = h;
    return flux_job_info_serve(h, &ops, h, err);
}

static void stop(struct flux *h, void *state)
{
    info_watch_done();
}

const struct flux_part job_info_part = {.name = "job-info", .start = start, .stop = stop};
