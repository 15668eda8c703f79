// SPDX-License-Identifier: LGPL-3.0-only
/* Ranks and hosts: one question to rank 0, which knows them all. */
#include "ranks.h"

#include <flux/v1/overlay.h>

#include "handle.h"

void cli_ranks_get(struct cli *cli, struct cli_ranks *r)
{
    flux_overlay_topology_request in = FLUX_OVERLAY_TOPOLOGY_REQUEST_INIT;
    flux_overlay_topology_response *out = NULL;
    struct flux_error err = {""};

    if (flux_overlay_topology(cli_handle(cli), FLUX_RANK(0), &in, &out, &err) < 0)
        cli_die(cli, "%s", err.text);
    r->size = out->n_parents;
    r->parents = flux_memdup(out->parents, r->size * sizeof(*r->parents));
    r->parents[0] = UINT32_MAX;
    if (flux_hostlist_decode(out->hostlist, &r->hosts, &err) < 0)
        cli_die(cli, "hostlist of the instance: %s", err.text);
    flux_overlay_topology_response_free(out);
}

void cli_ranks_done(struct cli_ranks *r)
{
    free(r->parents);
    flux_hostlist_free(r->hosts);
}

int64_t cli_ranks_find(struct cli *cli, const struct cli_ranks *r, const char *target)
{
    unsigned long rank;
    ssize_t at;
    char *end;

    rank = strtoul(target, &end, 10);
    if (*target >= '0' && *target <= '9' && !*end) {
        if (rank < r->size)
            return rank;
        cli_fail(cli, "rank %s is not in 0-%u", target, r->size - 1);
        return -ENOENT;
    }
    at = flux_hostlist_find(r->hosts, target);
    if (at >= 0)
        return at;
    cli_fail(cli, "host %s is not in this instance", target);
    return -ENOENT;
}

const char *cli_ranks_host(const struct cli_ranks *r, uint32_t rank, char buf[FLUX_HOST_SIZE])
{
    const char *name = flux_hostlist_nth(r->hosts, rank, buf);

    return name ? name : "?";
}
