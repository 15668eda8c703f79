// SPDX-License-Identifier: LGPL-3.0-only
/* flux overlay disconnect: have a broker cut off one of its children. */
#include <flux/v1/overlay.h>

#include "handle.h"
#include "ranks.h"

static const struct flux_option options[] = {
    {"parent", 'r', OPT_STR, "RANK|HOST", "Ask this broker (default: the parent of the target)"},
    {NULL},
};

static int disconnect(struct cli *cli, const struct cli_ranks *ranks)
{
    flux_overlay_disconnect_request in = FLUX_OVERLAY_DISCONNECT_REQUEST_INIT;
    int64_t target = cli_ranks_find(cli, ranks, cli->argv[0]), parent;
    char a[FLUX_HOST_SIZE], b[FLUX_HOST_SIZE];
    struct flux_error err = {""};

    if (target < 0)
        return 1;
    if (target == 0)
        return cli_fail(cli, "%s is rank 0, which has no parent", cli->argv[0]);
    parent = cli_has(cli, "parent") ? cli_ranks_find(cli, ranks, cli_str(cli, "parent", ""))
                                    : ranks->parents[target];
    if (parent < 0)
        return 1;
    cli_warn(cli, "asking %s (rank %u) to disconnect child %s (rank %u)",
             cli_ranks_host(ranks, parent, a), (unsigned)parent, cli_ranks_host(ranks, target, b),
             (unsigned)target);
    in.rank = target;
    if (flux_overlay_disconnect(cli_handle(cli), FLUX_RANK(parent), &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

static int run(struct cli *cli)
{
    struct cli_ranks ranks;
    int code;

    if (cli->argc != 1)
        return cli_misused(cli, "expected one rank or host");
    cli_ranks_get(cli, &ranks);
    code = disconnect(cli, &ranks);
    cli_ranks_done(&ranks);
    return code;
}

const struct flux_verb verb_overlay_disconnect = {
    .path = "overlay disconnect",
    .args = "RANK|HOST",
    .summary = "Disconnect a broker from its parent",
    .options = {options},
    .run = run,
};
