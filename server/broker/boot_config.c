// SPDX-License-Identifier: LGPL-3.0-only
/* Boot from the [bootstrap] table: hosts in rank order, one certificate for all. Hosts may come up
 * in any order; a broker waits for its parent for as long as it takes. */
#include "boot.h"

#include <limits.h>
#include <stdio.h>
#include <uthash.h>

#include <flux/hostlist.h>

#include "overlay.h"

struct host {
    char *name;
    const char *bind, *connect, *parent; /* borrowed from the configuration; NULL = default */
    uint32_t rank;
    UT_hash_handle hh;
};

struct hosts {
    const json_t *table; /* [bootstrap] */
    struct host **by_rank;
    uint32_t count;
    struct host *by_name;
};

static void hosts_done(struct hosts *h)
{
    HASH_CLEAR(hh, h->by_name);
    for (uint32_t i = 0; i < h->count; i++) {
        free(h->by_rank[i]->name);
        free(h->by_rank[i]);
    }
    free(h->by_rank);
}

static const char *string_of(const json_t *table, const char *key)
{
    return json_string_value(json_object_get(table, key));
}

/* A host named again only gets what the later entry says of it. */
static struct host *host_named(struct hosts *h, const char *name)
{
    struct host *host = NULL;

    HASH_FIND_STR(h->by_name, name, host);
    if (host)
        return host;
    host = flux_alloc(sizeof(*host));
    host->name = flux_strdup(name);
    host->rank = h->count;
    if ((h->count & (h->count - 1)) == 0)
        h->by_rank = flux_realloc(h->by_rank, h->count ? h->count * 2 : 1, sizeof(h->by_rank[0]));
    h->by_rank[h->count++] = host;
    HASH_ADD_KEYPTR(hh, h->by_name, host->name, strlen(host->name), host);
    return host;
}

static int add_entry(struct hosts *h, const json_t *entry, size_t index, struct flux_error *err)
{
    const char *names = string_of(entry, "host"), *value;
    FLUX_AUTO(hostlist) hl = NULL;
    int r;

    if (!names)
        return flux_error_set(err, -EINVAL, "bootstrap.hosts[%zu]: host is missing", index);
    if ((r = flux_hostlist_decode(names, &hl, err)) < 0)
        return flux_error_prefix(err, r, "bootstrap.hosts[%zu]", index);
    FLUX_HOSTLIST_FOREACH(hl, it, name)
    {
        struct host *host = host_named(h, name);
        if ((value = string_of(entry, "bind")))
            host->bind = value;
        if ((value = string_of(entry, "connect")))
            host->connect = value;
        if ((value = string_of(entry, "parent")))
            host->parent = value;
    }
    return 0;
}

static int read_hosts(struct hosts *h, struct flux_error *err)
{
    const json_t *list = json_object_get(h->table, "hosts"), *entry;
    size_t i;
    int r;

    json_array_foreach (list, i, entry) {
        if ((r = add_entry(h, entry, i, err)) < 0)
            return r;
    }
    return 0;
}

/* "tcp://%h:%p" with the host's name and the default port. Caller frees. */
static int expand(const struct hosts *h, const struct host *host, const char *key, const char *own,
                  char **ret, struct flux_error *err)
{
    const json_t *port = json_object_get(h->table, "default_port");
    FLUX_AUTO_STR name = flux_printf("default_%s", key);
    const char *uri = own ? own : string_of(h->table, name);
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(1024);

    if (!uri)
        return flux_error_set(err, -EINVAL, "bootstrap: neither %s nor default_%s is set for %s",
                              key, key, host->name);
    for (const char *p = uri; *p; p++) {
        if (p[0] == '%' && p[1] == 'h')
            flux_buf_puts(&b, host->name);
        else if (p[0] == '%' && p[1] == 'p' && !json_is_integer(port))
            return flux_error_set(err, -EINVAL, "bootstrap: %s needs default_port", uri);
        else if (p[0] == '%' && p[1] == 'p')
            flux_buf_printf(&b, "%lld", (long long)json_integer_value(port));
        else {
            flux_buf_putc(&b, *p);
            continue;
        }
        p++;
    }
    if (b.failed)
        return flux_error_set(err, -EINVAL, "bootstrap: %s is too long", uri);
    *ret = flux_buf_take(&b);
    return 0;
}

static int make_topology(struct broker *b, const struct hosts *h, struct flux_error *err)
{
    FLUX_AUTO_MEM(uint32_t) parents = flux_alloc(h->count * sizeof(uint32_t));
    const char *topo = attrs_get(b->attrs, "tbon.topo");
    bool chosen = attrs_flags(b->attrs, "tbon.topo") & ATTR_COMMAND;

    for (uint32_t i = 0; i < h->count; i++) {
        struct host *parent = NULL;
        if (!h->by_rank[i]->parent)
            continue;
        HASH_FIND_STR(h->by_name, h->by_rank[i]->parent, parent);
        if (!parent)
            return flux_error_set(err, -EINVAL, "bootstrap: %s, the parent of %s, is no host",
                                  h->by_rank[i]->parent, h->by_rank[i]->name);
        parents[i] = parent->rank;
    }
    if (chosen && strcmp(topo, "custom"))
        return flux_topology_new(topo, h->count, &b->topo, err);
    attrs_set(b->attrs, "tbon.topo", "custom", 0);
    return flux_topology_custom(parents, h->count, &b->topo, err);
}

static void set_hostlist(struct broker *b, const struct hosts *h)
{
    FLUX_AUTO(hostlist) hl = flux_hostlist_new();
    FLUX_AUTO_STR text = NULL;

    for (uint32_t i = 0; i < h->count; i++)
        flux_hostlist_append_host(hl, h->by_rank[i]->name);
    text = flux_hostlist_encode(hl);
    attrs_set(b->attrs, "hostlist", text, 0);
}

static int find_self(struct broker *b, const struct hosts *h, struct flux_error *err)
{
    const char *name = attrs_get(b->attrs, "hostname");
    FLUX_AUTO_STR shortname = flux_strndup(name, strcspn(name, "."));
    struct host *self = NULL;

    HASH_FIND_STR(h->by_name, name, self);
    if (!self)
        HASH_FIND_STR(h->by_name, shortname, self);
    if (!self)
        return flux_error_set(err, -ENOENT, "this host, %s, is not in bootstrap.hosts", name);
    b->rank = self->rank;
    b->size = h->count;
    return 0;
}

static int open_links(struct broker *b, const struct hosts *h, const struct cert *cert,
                      struct flux_error *err)
{
    const struct host *self = h->by_rank[b->rank], *parent;
    FLUX_AUTO_STR bind = NULL;
    FLUX_AUTO_STR connect = NULL;
    int r;

    if ((r = overlay_open(b, cert, err)) < 0)
        return r;
    overlay_allow(b, cert->public_key, OVERLAY_RANK_ANY);
    if (flux_topology_child_count(b->topo, b->rank) > 0) {
        if ((r = expand(h, self, "bind", self->bind, &bind, err)) < 0 ||
            (r = overlay_listen(b, bind, NULL, err)) < 0)
            return r;
    }
    if (b->rank == 0)
        return 0;
    parent = h->by_rank[flux_topology_parent(b->topo, b->rank)];
    if ((r = expand(h, parent, "connect", parent->connect, &connect, err)) < 0)
        return r;
    overlay_set_parent(b, connect, cert->public_key);
    return 0;
}

static int boot_with(struct broker *b, struct hosts *h, struct cert *cert, struct flux_error *err)
{
    const char *path = string_of(h->table, "curve_cert");
    int r;

    if ((r = read_hosts(h, err)) < 0)
        return r;
    if (h->count == 0)
        return boot_single(b, err);
    if ((r = find_self(b, h, err)) < 0 || (r = make_topology(b, h, err)) < 0)
        return r;
    set_hostlist(b, h);
    attrs_set(b->attrs, "broker.mapping", "[]", ATTR_READONLY);
    attrs_set(b->attrs, "broker.boot-method", "config", ATTR_READONLY);
    if (h->count == 1)
        return 0;
    if (!path)
        return flux_error_set(
            err, -EINVAL, "bootstrap.curve_cert is not set: make a certificate with flux keygen");
    if ((r = cert_load(cert, path, err)) < 0)
        return r;
    return open_links(b, h, cert, err);
}

int boot_config(struct broker *b, struct flux_error *err)
{
    struct hosts h = {.table = json_object_get(b->conf, "bootstrap")};
    struct cert cert = {0};
    int r = boot_with(b, &h, &cert, err);

    hosts_done(&h);
    cert_done(&cert);
    return r;
}
