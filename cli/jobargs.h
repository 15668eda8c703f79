// SPDX-License-Identifier: LGPL-3.0-only
/* Job ids, users and states as people write them. Masks are those of job_list.proto. */
#ifndef FLUX_CLI_JOBARGS_H
#define FLUX_CLI_JOBARGS_H

#include <stdint.h>

#include <flux/job.h>

#include "verb.h"

#define ANY_USER UINT32_MAX

/* Any form of a job id; ends the program with a message for anything else. */
uint64_t cli_jobid(const struct cli *cli, const char *text);
/* The jobs named by the free arguments from `first` on; caller frees. */
uint64_t *cli_jobids(const struct cli *cli, int first, size_t *count);
/* "all", a name or a number. Ends the program for an unknown user. */
uint32_t cli_user(const struct cli *cli, const char *text);
/* Comma-separated states and results ("pending,completed"); 0 or -EINVAL with a text. */
int cli_states_parse(const char *text, uint32_t *states, uint32_t *results, struct flux_error *err);
/* Free arguments from `first` on, joined by blanks; NULL if there are none. Caller frees. */
char *cli_join_args(const struct cli *cli, int first);

#endif
