// SPDX-License-Identifier: LGPL-3.0-only
/* Resource sets on standard input, one JSON object after the other, for the verbs of `flux R`. */
#ifndef FLUX_CLI_RSETS_H
#define FLUX_CLI_RSETS_H

#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/rset.h>

#include "verb.h"

struct rsets {
    struct flux_rset **list;
    size_t count;
};

/* All of them; ends the program with a message if one is bad or there are fewer than `least`. */
struct rsets rsets_read(const struct cli *cli, size_t least);
void rsets_done(struct rsets *sets);

/* Fold them, first to last, and print the result: the run() of append, diff, intersect. */
int rsets_fold(struct cli *cli,
               struct flux_rset *(*op)(const struct flux_rset *a, const struct flux_rset *b,
                                       struct flux_error *err));
int rsets_print(const struct flux_rset *set);

#endif
