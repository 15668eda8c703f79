// SPDX-License-Identifier: LGPL-3.0-only
/* flux queue start. */
#include "queuectl.h"

static int run(struct cli *cli)
{
    return queuectl_run(cli, FLUX_JOB_MANAGER_QUEUE_ACTION_START);
}

const struct flux_verb verb_queue_start = {
    .path = "queue start",
    .args = "[QUEUE...]",
    .summary = "Start scheduling",
    .options = {queuectl_options},
    .tagged = true,
    .run = run,
};
