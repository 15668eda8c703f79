// SPDX-License-Identifier: LGPL-3.0-only
/* What the broker runs: the initial program, rc scripts; and the end of all jobs after it. */
#ifndef BROKER_PROGRAM_H
#define BROKER_PROGRAM_H

#include "broker.h"

/* Run the initial program at rank 0 (none: stay in the run state until a shutdown). */
void program_run(struct broker *b);
/* A command with the initial program's environment; its output goes to `output` (0: to ours). */
int program_start_script(struct broker *b, char *const *argv, int output,
                         void (*on_exit)(int status, void *arg), void *arg, struct subproc **ret,
                         struct flux_error *err);
/* An instance that is a job tells the enclosing one its address, as a memo of the job; `done` is
 * called when that is over, well or not. False: this is no job, nothing is done. */
bool program_tell_parent(struct broker *b, void (*done)(int status, void *arg), void *arg);
/* Cancel all jobs and wait for them, for at most broker.cleanup-timeout; posts EVENT_CLEANUP_DONE.
 */
void program_cleanup(struct broker *b);

#endif
