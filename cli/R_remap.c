// SPDX-License-Identifier: LGPL-3.0-only
/* flux R remap: ranks and cores renumbered from 0. */
#include "rsets.h"

static int run(struct cli *cli)
{
    struct rsets sets = rsets_read(cli, 1);
    int r;

    flux_rset_remap(sets.list[0]);
    r = rsets_print(sets.list[0]);
    rsets_done(&sets);
    return r;
}

const struct flux_verb verb_R_remap = {
    .path = "R remap",
    .summary = "Renumber ranks and cores from 0",
    .run = run,
};
