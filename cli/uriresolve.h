// SPDX-License-Identifier: LGPL-3.0-only
/* From the names of instances to addresses that flux_open() takes. */
#ifndef FLUX_CLI_URIRESOLVE_H
#define FLUX_CLI_URIRESOLVE_H

#include "verb.h"

/* A URI as it is; "jobid:PATH" or "PATH" (jobs by id, "/", ".", ".."), "pid:PID". `wait`: a job's
 * address may not be known yet. 0 with *ret (caller frees), or negative with a text. */
int uri_resolve(const char *target, bool wait, char **ret, struct flux_error *err);
/* "ssh://host/path" <-> "local:///path"; what has that form already is copied. Caller frees. */
char *uri_local_form(const char *uri);
char *uri_remote_form(const char *uri);

#endif
