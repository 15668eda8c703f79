// SPDX-License-Identifier: LGPL-3.0-only
/* The administrator's view of nodes: a row for each state, half (online or offline) and reason. */
#ifndef FLUX_CLI_RESSTATUS_H
#define FLUX_CLI_RESSTATUS_H

#include <flux/idset.h>
#include <flux/rset.h>

#include "format/format.h"
#include "verb.h"

struct resstatus_row {
    const char *state;
    bool online;
    struct flux_idset *ranks;
    char *reason;
    double timestamp;
    const struct flux_rset *all;
};

struct resstatus {
    struct flux_rset *all;
    struct resstatus_row *rows;
    size_t count;
};

extern const struct format_field resstatus_fields[];
/* Escape sequence for a row, or NULL. */
const char *resstatus_color(const void *row);

/* Ask, and make the rows of these states (NULL: the usual ones); `empty`: also rows of online
 * states without members. Ranks that options --include and --queue do not select are left out. */
int resstatus_init(struct resstatus *s, struct cli *cli, const char *states, bool empty,
                   struct flux_error *err);
void resstatus_done(struct resstatus *s);
/* Merge rows that look alike in this format, and print them. */
int resstatus_print(struct resstatus *s, struct cli *cli, struct format *f, struct flux_error *err);

#endif
