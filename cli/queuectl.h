// SPDX-License-Identifier: LGPL-3.0-only
/* What the verbs that control queues share. */
#ifndef FLUX_CLI_QUEUECTL_H
#define FLUX_CLI_QUEUECTL_H

#include <flux/v1/job_manager.h>

#include "verb.h"

/* Options of enable and start; disable and stop have both tables. */
extern const struct flux_option queuectl_options[];
extern const struct flux_option queuectl_reason_options[];

/* Apply `action` to the queues that are named, or to all. */
int queuectl_run(struct cli *cli, enum _Flux__V1__JobManagerQueueAction action);

/* The status lines of one queue, by what the action has changed. */
void queuectl_print_submission(const flux_job_manager_queue *q);
void queuectl_print_scheduling(const flux_job_manager_queue *q);

#endif
