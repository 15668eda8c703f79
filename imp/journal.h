// SPDX-License-Identifier: LGPL-3.0-only
/* The journal of requests that were started on this host: a signed request belongs to the first job
 * id that it came with, for as long as its signature can be valid. */
#ifndef IMP_JOURNAL_H
#define IMP_JOURNAL_H

#include <stdint.h>
#include <sys/types.h>

#include "conf/error.h"

/* Enter the pair into the journal in directory `path`, which belongs to root alone and is made if
 * its parent is there. 0: it is new, or was there. -EALREADY: the request was another job's. Any
 * other error: not entered, so nothing may be started. `ttl`: seconds that an entry lives. */
int journal_enter(const char *path, const char *j, const char *job, int64_t ttl,
                  struct imp_error *err);

#endif
