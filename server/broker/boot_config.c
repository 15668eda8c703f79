// SPDX-License-Identifier: LGPL-3.0-only
/* Boot from the [bootstrap] table: hosts in rank order, one certificate for all. Hosts may come up
 * in any order; a broker waits for its parent for as long as it takes. */
#include "boot.h"

#include <flux/bootstrap.h>

#include "overlay.h"

static int find_self(struct broker *b, const struct flux_bootstrap *bs, struct flux_error *err)
{
    const char *name = attrs_get(b->attrs, "hostname");
    uint32_t rank = flux_bootstrap_rank(bs, name);

    if (rank == FLUX_BOOTSTRAP_NONE)
        return flux_error_set(err, -ENOENT,
                              "this host, %s, is not in bootstrap.hosts: add it there, or say by "
                              "-Shostname=NAME which of them it is",
                              name);
    b->rank = rank;
    b->size = flux_bootstrap_size(bs);
    return 0;
}

static int make_topology(struct broker *b, const struct flux_bootstrap *bs, struct flux_error *err)
{
    const char *topo = attrs_get(b->attrs, "tbon.topo");
    bool chosen = attrs_flags(b->attrs, "tbon.topo") & (ATTR_COMMAND | ATTR_CONFIG);

    if (chosen && strcmp(topo, "custom"))
        return flux_topology_new(topo, b->size, &b->topo, err);
    attrs_set(b->attrs, "tbon.topo", "custom", 0);
    return flux_topology_custom(flux_bootstrap_parents(bs), b->size, &b->topo, err);
}

static int listen_here(struct broker *b, const struct flux_bootstrap *bs, struct flux_error *err)
{
    FLUX_AUTO_STR uri = NULL;
    int r = flux_bootstrap_bind(bs, b->rank, &uri, err);

    if (r < 0)
        return flux_error_prefix(err, r, "bootstrap");
    return overlay_listen(b, uri, NULL, err);
}

static int open_links(struct broker *b, const struct flux_bootstrap *bs, const struct cert *cert,
                      struct flux_error *err)
{
    FLUX_AUTO_STR connect = NULL;
    int r;

    if ((r = overlay_open(b, cert, flux_bootstrap_digest(bs), err)) < 0)
        return r;
    overlay_allow(b, cert->public_key, OVERLAY_RANK_ANY);
    if (flux_topology_child_count(b->topo, b->rank) > 0 && (r = listen_here(b, bs, err)) < 0)
        return r;
    if (b->rank == 0)
        return 0;
    r = flux_bootstrap_connect(bs, flux_topology_parent(b->topo, b->rank), &connect, err);
    if (r < 0)
        return flux_error_prefix(err, r, "bootstrap");
    overlay_set_parent(b, connect, cert->public_key);
    return 0;
}

static int boot_with(struct broker *b, struct flux_bootstrap *bs, struct cert *cert,
                     struct flux_error *err)
{
    const json_t *table = json_object_get(b->conf, "bootstrap");
    const char *path = json_string_value(json_object_get(table, "curve_cert"));
    FLUX_AUTO_STR hosts = flux_bootstrap_hostlist(bs);
    int r;

    if ((r = find_self(b, bs, err)) < 0 || (r = make_topology(b, bs, err)) < 0)
        return r;
    attrs_set(b->attrs, "hostlist", hosts, 0);
    attrs_set(b->attrs, "broker.mapping", "[]", ATTR_READONLY);
    attrs_set(b->attrs, "broker.boot-method", "config", ATTR_READONLY);
    if (b->size == 1)
        return 0;
    if (!path)
        return flux_error_set(
            err, -EINVAL, "bootstrap.curve_cert is not set: make a certificate with flux keygen");
    if ((r = cert_load(cert, path, err)) < 0)
        return r;
    return open_links(b, bs, cert, err);
}

int boot_config(struct broker *b, struct flux_error *err)
{
    FLUX_AUTO(bootstrap) bs = NULL;
    char where[FLUX_BOOTSTRAP_WHERE];
    struct cert cert = {0};
    int r = flux_bootstrap_new(json_object_get(b->conf, "bootstrap"), &bs, where, err);

    if (r < 0)
        return flux_error_prefix(err, r, "%s", where);
    if (flux_bootstrap_size(bs) == 0)
        return boot_single(b, err);
    r = boot_with(b, bs, &cert, err);
    cert_done(&cert);
    return r;
}
