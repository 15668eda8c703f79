// SPDX-License-Identifier: LGPL-3.0-only
/* flux queue enable. */
#include "queuectl.h"

static int run(struct cli *cli)
{
    return queuectl_run(cli, FLUX_JOB_MANAGER_QUEUE_ACTION_ENABLE);
}

const struct flux_verb verb_queue_enable = {
    .path = "queue enable",
    .args = "[QUEUE...]",
    .summary = "Enable job submission",
    .options = {queuectl_options},
    .tagged = true,
    .run = run,
};
