// SPDX-License-Identifier: LGPL-3.0-only
/* Job ids, users and states as people write them. Masks are those of job_list.proto. */
#ifndef FLUX_CLI_JOBARGS_H
#define FLUX_CLI_JOBARGS_H

#include <stdint.h>

#include "verb.h"

enum {
    JOB_NEW = 1,
    JOB_DEPEND = 2,
    JOB_PRIORITY = 4,
    JOB_SCHED = 8,
    JOB_RUN = 16,
    JOB_CLEANUP = 32,
    JOB_INACTIVE = 64,
    JOB_PENDING = JOB_DEPEND | JOB_PRIORITY | JOB_SCHED,
    JOB_RUNNING = JOB_RUN | JOB_CLEANUP,
    JOB_ACTIVE = JOB_PENDING | JOB_RUNNING,
};
#define ANY_USER UINT32_MAX

/* Any form of a job id; ends the program with a message for anything else. */
uint64_t cli_jobid(const struct cli *cli, const char *text);
/* The jobs named by the free arguments from `first` on; caller frees. */
uint64_t *cli_jobids(const struct cli *cli, int first, size_t *count);
/* "all", a name or a number. Ends the program for an unknown user. */
uint32_t cli_user(const struct cli *cli, const char *text);
/* Comma-separated states and results ("pending,completed"); 0 or -EINVAL with a text. */
int cli_states_parse(const char *text, uint32_t *states, uint32_t *results, struct flux_error *err);
/* "DEPEND", "D" for one bit of the mask; "COMPLETED", "CD" for a result. */
const char *cli_state_name(uint32_t state);
const char *cli_state_letter(uint32_t state);
const char *cli_result_name(uint32_t result);
const char *cli_result_letters(uint32_t result);
/* Free arguments from `first` on, joined by blanks; NULL if there are none. Caller frees. */
char *cli_join_args(const struct cli *cli, int first);

#endif
