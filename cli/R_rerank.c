// SPDX-License-Identifier: LGPL-3.0-only
/* flux R rerank: ranks by the places of the hosts in a list. */
#include "rsets.h"

static int run(struct cli *cli)
{
    FLUX_AUTO(hostlist) hosts = NULL;
    struct flux_error err = {""};
    struct rsets sets;
    int r;

    if (cli->argc != 1)
        return cli_misused(cli, "expected a hostlist");
    if (flux_hostlist_decode(cli->argv[0], &hosts, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    sets = rsets_read(cli, 1);
    r = flux_rset_rerank(sets.list[0], hosts, &err);
    r = r < 0 ? cli_fail(cli, "%s", err.text) : rsets_print(sets.list[0]);
    rsets_done(&sets);
    return r;
}

const struct flux_verb verb_R_rerank = {
    .path = "R rerank",
    .args = "HOSTLIST",
    .summary = "Renumber ranks by the order of hosts",
    .run = run,
};
