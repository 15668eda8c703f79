// SPDX-License-Identifier: LGPL-3.0-only
/* What the nodes have, merged on its way up the tree. A rank reports its subtree once it is whole;
 * where the inventory is known beforehand, only nodes that differ from it are reported. */
#include "resource.h"

#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include <flux/discover.h>
#include <flux/topology.h>

static void on_sent(struct flux_future *f, void *arg)
{
    struct resource *res = arg;
    struct flux_error err;

    if (flux_resource_discovery_report_result(f, NULL, &err) < 0)
        flux_log(res->h, LOG_ERR, "discovery: report to the parent failed: %s", err.text);
    flux_future_free(f);
}

static void send_up(struct resource *res, const flux_resource_discovery_report_request *in)
{
    flux_future_then(flux_resource_discovery_report_async(res->h, FLUX_UPSTREAM, in), on_sent, res);
}

static void check_whole(struct resource *res)
{
    flux_resource_discovery_report_request in = FLUX_RESOURCE_DISCOVERY_REPORT_REQUEST_INIT;

    if (res->reported || !res->subtree || flux_rset_nnodes(res->subtree) < res->expected)
        return;
    res->reported = true;
    if (res->rank == 0) {
        resource_define(res, FLUX_GIVE(res->subtree));
        return;
    }
    FLUX_AUTO_STR text = flux_rset_encode(res->subtree);
    in.r = text;
    send_up(res, &in);
}

static int merge(struct resource *res, const char *text, struct flux_error *err)
{
    FLUX_AUTO(rset) theirs = NULL;
    struct flux_rset *both;
    struct flux_rset_node last;
    int r = flux_rset_decode(text, &theirs, err);

    if (r < 0)
        return r;
    if (flux_rset_node(theirs, flux_rset_nnodes(theirs) - 1, &last) && last.rank >= res->size)
        return flux_error_set(err, -EINVAL, "rank %u is not in this instance", last.rank);
    if (res->reported || !res->subtree) /* a broker has come back: all is known already */
        return 0;
    r = flux_rset_union(res->subtree, theirs, &both, err);
    if (r < 0)
        return r;
    flux_rset_free(res->subtree);
    res->subtree = both;
    check_whole(res);
    return 0;
}

/* A report is a broker's word on its own subtree, and nobody else's. */
static bool is_from_child(struct resource *res, struct flux_call *call)
{
    size_t n;
    const uint32_t *route = flux_call_route(call, &n);

    return n == 2 && route[0] > 0 && route[0] < res->size &&
           flux_topology_parent(flux_topology(res->h), route[0]) == res->rank;
}

int discovery_report(struct flux_call *call, const flux_resource_discovery_report_request *in,
                     flux_resource_discovery_report_response *out)
{
    struct resource *res = flux_call_data(call);
    flux_resource_discovery_report_request on = FLUX_RESOURCE_DISCOVERY_REPORT_REQUEST_INIT;
    struct flux_error err;
    int r;

    if (!is_from_child(res, call))
        return flux_call_fail(call, EPERM, "only a child reports on its subtree");
    r = *in->r ? merge(res, in->r, &err) : 0;
    if (r < 0)
        return flux_call_fail(call, -r, "%s", err.text);
    if (in->n_mismatches == 0)
        return 0;
    if (res->rank > 0) {
        on.mismatches = in->mismatches;
        on.n_mismatches = in->n_mismatches;
        send_up(res, &on);
        return 0;
    }
    for (size_t i = 0; i < in->n_mismatches; i++)
        resource_mismatch(res, in->mismatches[i]->rank, in->mismatches[i]->reason);
    return 0;
}

static void host_name(struct resource *res, char *buf, size_t size)
{
    const char *name = flux_attr(res->h, "hostname");

    if (name)
        snprintf(buf, size, "%s", name);
    else if (gethostname(buf, size) < 0)
        snprintf(buf, size, "localhost");
    buf[size - 1] = '\0';
}

static int discover_self(struct resource *res, struct flux_rset **ret, struct flux_error *err)
{
    struct flux_discovered d;
    char host[FLUX_HOST_SIZE];
    int r = flux_discover_node(res->inv.restricted, &d, err);

    if (r < 0)
        return r;
    host_name(res, host, sizeof(host));
    *ret = flux_rset_new();
    return flux_discovered_add(&d, *ret, res->rank, host, err);
}

static void report_mismatch(struct resource *res, char *reason)
{
    flux_resource_discovery_report_request in = FLUX_RESOURCE_DISCOVERY_REPORT_REQUEST_INIT;
    flux_resource_mismatch m = FLUX_RESOURCE_MISMATCH_INIT, *list[] = {&m};

    flux_log(res->h, LOG_ERR, "%s", reason);
    if (res->rank == 0) {
        resource_mismatch(res, 0, reason);
        return;
    }
    m.rank = res->rank;
    m.reason = reason;
    in.mismatches = list;
    in.n_mismatches = 1;
    send_up(res, &in);
}

/* This node against what it should have. */
static void verify_self(struct resource *res)
{
    FLUX_AUTO(rset) self = NULL;
    struct flux_error err;

    if (flux_rset_find(res->inv.all, res->rank) < 0)
        return;
    if (discover_self(res, &self, &err) < 0 ||
        flux_rset_verify(res->inv.all, self, &res->inv.rules, &err) < 0)
        report_mismatch(res, err.text);
}

static int find_inventory(struct resource *res, struct flux_error *err)
{
    struct inventory_input in = {
        .conf = flux_conf(res->h),
        .hostlist = flux_attr(res->h, "hostlist"),
        .job_r = flux_attr(res->h, "resource.R"),
        .size = res->size,
    };

    FLUX_AUTO_STR r_text = NULL;
    struct flux_error why;
    int r = inventory_find(&in, &res->inv, err);

    /* Other ranks than 0 discover all the same: whether R fits is not theirs to know, and what they
     * report is ignored if it does. */
    if (r < 0 || res->rank > 0 || res->inv.method != INVENTORY_DISCOVERY || in.job_r)
        return r;
    r = enclosing_r(res, &r_text, &why);
    if (r < 0) {
        if (r != -ENOENT)
            flux_log(res->h, LOG_WARNING, "R of the enclosing job: %s: using what is found",
                     why.text);
        return 0;
    }
    in.job_r = r_text;
    return inventory_find(&in, &res->inv, err);
}

int gather_start(struct resource *res, struct flux_error *err)
{
    const struct flux_topology *topo = flux_topology(res->h);
    int r = find_inventory(res, err);

    if (r < 0)
        return r;
    res->expected = topo ? flux_topology_descendants(topo, res->rank) + 1 : 1;
    if (res->inv.method == INVENTORY_DISCOVERY) {
        r = discover_self(res, &res->subtree, err);
        if (r == 0)
            check_whole(res);
        if (r == 0 && res->rank == 0 && !res->reported)
            recall_start(res);
        return r;
    }
    if (res->rank == 0) {
        FLUX_AUTO(idset) exclude = NULL;

        r = inventory_exclude(flux_conf(res->h), res->inv.all, &exclude, err);
        if (r < 0)
            return r;
        resource_define(res, flux_rset_copy(res->inv.all));
    }
    if (res->inv.method == INVENTORY_CONFIG && res->inv.verify)
        verify_self(res);
    return 0;
}

void gather_stop(struct resource *res)
{
    flux_future_free(res->recall);
    flux_rset_free(res->subtree);
    inventory_done(&res->inv);
}
