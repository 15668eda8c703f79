// SPDX-License-Identifier: LGPL-3.0-only
/* Names of log levels (syslog's). */
#ifndef FLUX_CLI_SEVERITY_H
#define FLUX_CLI_SEVERITY_H

/* "err" for 3; "debug" for what is above 7. */
const char *cli_severity_name(unsigned level);
/* Level of a name or number; -EINVAL. */
int cli_severity_parse(const char *text);

#endif
