// SPDX-License-Identifier: LGPL-3.0-only
/* Times at the head of lines that come one after the other. */
#ifndef FLUX_CLI_STAMP_H
#define FLUX_CLI_STAMP_H

#include <stdbool.h>

struct stamp {
    bool human; /* for people; else ISO times */
    bool delta; /* for people: time since the line before, not since the last absolute one */
    double base;
    long minute; /* of the last absolute time */
};

/* "2023-05-02T14:51:12.039371Z ", or "[May02 14:51] " when a new minute begins and the offset
 * "[  +0.039371] " from that line otherwise. `t`: seconds since the epoch. */
void stamp_print(struct stamp *s, double t);

#endif
