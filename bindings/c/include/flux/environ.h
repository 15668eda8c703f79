// SPDX-License-Identifier: LGPL-3.0-only
/* What of our environment is ours to pass on, and where commands are looked for. */
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

/* The files to try in order for `command`: itself if it has a slash, else one for each directory of
 * `path` (the value of PATH; NULL: a default). Ends with NULL; caller frees by
 * flux_search_free(). */
char **flux_search_files(const char *command, const char *path);
void flux_search_free(char **files);

#pragma GCC visibility pop
#endif
