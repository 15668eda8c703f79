// SPDX-License-Identifier: LGPL-3.0-only
/* Flux Standard Duration (RFC 23): a number with an optional suffix ms, s, m, h or d, or "inf". */
#ifndef FLUX_FSD_H
#define FLUX_FSD_H

#include <flux/base.h>

#pragma GCC visibility push(default)

#define FLUX_FSD_MAX 32 /* room for any formatted duration */

/* Text to seconds (INFINITY for "inf" and "infinity", whatever the case). 0 or -EINVAL.
 * Independent of the locale. */
int flux_fsd_parse(const char *s, double *seconds, struct flux_error *err);

/* Seconds to the shortest suitable unit, six significant digits: "1.25h", "500ms", "infinity".
 * Returns buf. */
char *flux_fsd_format(double seconds, char buf[FLUX_FSD_MAX]);

/* The same for a glance, three significant digits: "5.98m", "26.8s". Returns buf. */
char *flux_fsd_round(double seconds, char buf[FLUX_FSD_MAX]);

#pragma GCC visibility pop
#endif
