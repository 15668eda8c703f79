// SPDX-License-Identifier: LGPL-3.0-only
/* Signals by name or number, as people type them. */
#ifndef FLUX_CLI_SIGNALS_H
#define FLUX_CLI_SIGNALS_H

/* "TERM", "SIGTERM", "15" to 15; -EINVAL. */
int cli_signal_parse(const char *text);

#endif
