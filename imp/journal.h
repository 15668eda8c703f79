// SPDX-License-Identifier: LGPL-3.0-only
/* The journal of requests that were started on this host: a signed request starts once, for as long
 * as its signature can be valid. */
#ifndef IMP_JOURNAL_H
#define IMP_JOURNAL_H

#include <stdint.h>
#include <sys/types.h>

#include "conf/error.h"

/* Enter the request, and the id of the job that it is started as, into the journal in directory
 * `path`, which belongs to root alone and is made if its parent is there. 0: it is new. -EALREADY:
 * it was entered before. Any other error: not entered, so nothing may be started. `ttl`: seconds
 * for which a signature is valid. */
int journal_enter(const char *path, const char *j, const char *job, int64_t ttl,
                  struct imp_error *err);

#endif
