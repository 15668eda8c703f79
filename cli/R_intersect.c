// SPDX-License-Identifier: LGPL-3.0-only
/* flux R intersect: what is in all of the sets. */
#include "rsets.h"

static struct flux_rset *op(const struct flux_rset *a, const struct flux_rset *b,
                            struct flux_error *err)
{
    return flux_rset_intersect(a, b);
}

static int run(struct cli *cli)
{
    return rsets_fold(cli, op);
}

const struct flux_verb verb_R_intersect = {
    .path = "R intersect",
    .summary = "Keep what is in all resource sets",
    .run = run,
};
