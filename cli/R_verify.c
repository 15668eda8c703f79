// SPDX-License-Identifier: LGPL-3.0-only
/* flux R verify: hold what a node has (the second set) against what was expected (the first). */
#include "rsets.h"

static int run(struct cli *cli)
{
    static const struct flux_rset_rules rules = {
        .hostname = FLUX_RSET_STRICT,
        .ids = {[FLUX_RSET_CORE] = FLUX_RSET_ALLOW_EXTRA, [FLUX_RSET_GPU] = FLUX_RSET_ALLOW_EXTRA},
    };
    struct rsets sets = rsets_read(cli, 2);
    struct flux_error err = {""};
    int r = flux_rset_verify(sets.list[0], sets.list[1], &rules, &err);

    rsets_done(&sets);
    return r < 0 ? cli_fail(cli, "%s", err.text) : 0;
}

const struct flux_verb verb_R_verify = {
    .path = "R verify",
    .summary = "Check the second resource set against the first",
    .run = run,
};
