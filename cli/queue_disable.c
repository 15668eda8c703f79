// SPDX-License-Identifier: LGPL-3.0-only
/* flux queue disable. */
#include "queuectl.h"

static int run(struct cli *cli)
{
    return queuectl_run(cli, FLUX_JOB_MANAGER_QUEUE_ACTION_DISABLE);
}

const struct flux_verb verb_queue_disable = {
    .path = "queue disable",
    .args = "[QUEUE...]",
    .summary = "Disable job submission",
    .options = {queuectl_options, queuectl_reason_options},
    .tagged = true,
    .run = run,
};
