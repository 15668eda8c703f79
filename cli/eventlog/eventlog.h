// SPDX-License-Identifier: LGPL-3.0-only
/* Events (RFC 18) for a person to read. */
#ifndef FLUX_CLI_EVENTLOG_H
#define FLUX_CLI_EVENTLOG_H

#include <flux/eventlog.h>

#include "../verb.h"

extern const struct flux_option eventlog_options[]; /* -u, -H, -L */

struct eventlog_style {
    bool raw;   /* the line as it is */
    bool human; /* dates and times since the last event */
    bool color;
    double first, last; /* timestamps; 0 at first */
};

/* By the options; -EINVAL after a message. */
int eventlog_style_init(const struct cli *cli, struct eventlog_style *style);
/* One line of a log, with its newline. */
void eventlog_print(FILE *out, struct eventlog_style *style, const char *line, size_t len);

#endif
