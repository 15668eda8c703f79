// SPDX-License-Identifier: LGPL-3.0-only
/* Signals by name or number, as people type them. */
#ifndef FLUX_SIGNAME_H
#define FLUX_SIGNAME_H

#pragma GCC visibility push(default)

/* "TERM", "SIGTERM", "15" to 15; -EINVAL. */
int flux_signame_parse(const char *text);

#pragma GCC visibility pop
#endif
