// SPDX-License-Identifier: LGPL-3.0-only
/* Signing job requests where that is needed: by users who are not the owner of the instance. */
#ifndef FLUX_SIGN_H
#define FLUX_SIGN_H

#include <flux/handle.h>

#pragma GCC visibility push(default)

/* Sign the text of a jobspec with libflux-sign, which is loaded on first use. `type` is "munge",
 * "curve", "none", or NULL: the site's default. Returns 1 and *j, a new string for
 * JobIngestJob.signed; or 0, with *j NULL, if the caller owns the instance and no type was asked
 * for: send the jobspec itself. A negative errno where it can't be signed; the text says what to
 * install or set up. */
int flux_sign_request(struct flux *h, const char *type, const char *jobspec, char **j,
                      struct flux_error *err);

#pragma GCC visibility pop
#endif
