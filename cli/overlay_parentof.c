// SPDX-License-Identifier: LGPL-3.0-only
/* flux overlay parentof: the rank of a broker's parent. */
#include "ranks.h"

static int run(struct cli *cli)
{
    struct cli_ranks ranks;
    int64_t rank;
    int code = 1;

    if (cli->argc != 1)
        return cli_misused(cli, "expected one rank or host");
    cli_ranks_get(cli, &ranks);
    rank = cli_ranks_find(cli, &ranks, cli->argv[0]);
    if (rank == 0)
        code = cli_fail(cli, "%s has no parent", cli->argv[0]);
    else if (rank > 0)
        code = printf("%u\n", ranks.parents[rank]) < 0;
    cli_ranks_done(&ranks);
    return code;
}

const struct flux_verb verb_overlay_parentof = {
    .path = "overlay parentof",
    .args = "RANK|HOST",
    .summary = "Show the parent of a broker",
    .run = run,
};
