// SPDX-License-Identifier: LGPL-3.0-only
/* flux queue stop. */
#include "queuectl.h"

static int run(struct cli *cli)
{
    return queuectl_run(cli, FLUX_JOB_MANAGER_QUEUE_ACTION_STOP);
}

const struct flux_verb verb_queue_stop = {
    .path = "queue stop",
    .args = "[QUEUE...]",
    .summary = "Stop scheduling",
    .options = {queuectl_options, queuectl_reason_options},
    .tagged = true,
    .run = run,
};
