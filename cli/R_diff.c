// SPDX-License-Identifier: LGPL-3.0-only
/* flux R diff: what is in the first set and in none of the others. */
#include "rsets.h"

static struct flux_rset *op(const struct flux_rset *a, const struct flux_rset *b,
                            struct flux_error *err)
{
    return flux_rset_diff(a, b);
}

static int run(struct cli *cli)
{
    return rsets_fold(cli, op);
}

const struct flux_verb verb_R_diff = {
    .path = "R diff",
    .summary = "Remove the later resource sets from the first",
    .run = run,
};
