// SPDX-License-Identifier: LGPL-3.0-only
/* flux R append: resource sets that have nothing in common, put together. */
#include "rsets.h"

static struct flux_rset *op(const struct flux_rset *a, const struct flux_rset *b,
                            struct flux_error *err)
{
    struct flux_rset *sum = NULL;

    return flux_rset_append(a, b, &sum, err) < 0 ? NULL : sum;
}

static int run(struct cli *cli)
{
    return rsets_fold(cli, op);
}

const struct flux_verb verb_R_append = {
    .path = "R append",
    .summary = "Put resource sets together",
    .run = run,
};
