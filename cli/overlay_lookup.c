// SPDX-License-Identifier: LGPL-3.0-only
/* flux overlay lookup: ranks to hosts, hosts to ranks. */
#include <flux/idset.h>

#include "ranks.h"

static int print_hosts(struct cli *cli, const struct cli_ranks *ranks, const struct flux_idset *set)
{
    FLUX_AUTO(hostlist) hl = flux_hostlist_new();
    FLUX_AUTO_STR text = NULL;
    char buf[FLUX_HOST_SIZE];

    if (!flux_idset_empty(set) && flux_idset_last(set) >= ranks->size)
        return cli_fail(cli, "%s is not in 0-%u", cli->argv[0], ranks->size - 1);
    FLUX_IDSET_FOREACH(set, rank)
    flux_hostlist_append_host(hl, cli_ranks_host(ranks, rank, buf));
    text = flux_hostlist_encode(hl);
    puts(text);
    return 0;
}

static int print_ranks(struct cli *cli, const struct cli_ranks *ranks)
{
    FLUX_AUTO(hostlist) hosts = NULL;
    FLUX_AUTO(idset) set = flux_idset_new();
    FLUX_AUTO_STR text = NULL;
    struct flux_error err;

    if (flux_hostlist_decode(cli->argv[0], &hosts, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    FLUX_HOSTLIST_FOREACH(hosts, it, name)
    {
        int64_t rank = cli_ranks_find(cli, ranks, name);
        if (rank < 0)
            return 1;
        flux_idset_add(set, rank);
    }
    text = flux_idset_encode(set, FLUX_IDSET_RANGE);
    puts(text);
    return 0;
}

static int run(struct cli *cli)
{
    FLUX_AUTO(idset) set = NULL;
    struct cli_ranks ranks;
    int code;

    if (cli->argc != 1)
        return cli_misused(cli, "expected ranks or hosts");
    cli_ranks_get(cli, &ranks);
    if (flux_idset_decode(cli->argv[0], &set, NULL) == 0 && !flux_idset_empty(set))
        code = print_hosts(cli, &ranks, set);
    else
        code = print_ranks(cli, &ranks);
    cli_ranks_done(&ranks);
    return code;
}

const struct flux_verb verb_overlay_lookup = {
    .path = "overlay lookup",
    .args = "RANKS|HOSTS",
    .summary = "Translate ranks to hosts and hosts to ranks",
    .run = run,
};
