// SPDX-License-Identifier: LGPL-3.0-only
/* What of our environment is ours to pass on. */
#ifndef FLUX_ENVIRON_H
#define FLUX_ENVIRON_H

#include <flux/base.h>

#pragma GCC visibility push(default)

/* Was "NAME=VALUE" set by the job, launcher or instance around us, for its own tasks (FLUX_JOB_ID,
 * FLUX_URI, PMI_RANK, SLURM_...)? What an instance starts must not see it. */
bool flux_environ_is_outer(const char *assignment);
/* The process's environment without those, NULL at the end. Caller frees the array; the strings are
 * the environment's own. `*count` (may be NULL) is their number. */
char **flux_environ_inner(size_t *count);

#pragma GCC visibility pop
#endif
