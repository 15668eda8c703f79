// SPDX-License-Identifier: LGPL-3.0-only
/* The hosts of [bootstrap]: a host named again only gets what the later entry says of it, and every
 * host leads to rank 0 by its parents. */
#include <flux/bootstrap.h>

#include <stdio.h>
#include <uthash.h>

#include <flux/buf.h>
#include <flux/hostlist.h>

struct host {
    char *name;
    const char *bind, *connect, *parent; /* of the table; NULL = default */
    size_t entry;                        /* that set the parent */
    uint32_t rank;
    UT_hash_handle hh;
};

struct flux_bootstrap {
    const json_t *table;
    struct host **by_rank;
    struct host *by_name;
    uint32_t *parents;
    uint32_t size;
};

void flux_bootstrap_free(struct flux_bootstrap *bs)
{
    if (!bs)
        return;
    HASH_CLEAR(hh, bs->by_name);
    for (uint32_t i = 0; i < bs->size; i++) {
        free(bs->by_rank[i]->name);
        free(bs->by_rank[i]);
    }
    free(bs->by_rank);
    free(bs->parents);
    free(bs);
}

static const char *string_of(const json_t *table, const char *key)
{
    return json_string_value(json_object_get(table, key));
}

static struct host *find(const struct flux_bootstrap *bs, const char *name)
{
    struct host *host = NULL;

    HASH_FIND_STR(bs->by_name, name, host);
    return host;
}

static struct host *find_or_add(struct flux_bootstrap *bs, const char *name)
{
    struct host *host = find(bs, name);

    if (host)
        return host;
    host = flux_alloc(sizeof(*host));
    host->name = flux_strdup(name);
    host->rank = bs->size;
    if ((bs->size & (bs->size - 1)) == 0)
        bs->by_rank =
            flux_realloc(bs->by_rank, bs->size ? bs->size * 2 : 1, sizeof(bs->by_rank[0]));
    bs->by_rank[bs->size++] = host;
    HASH_ADD_KEYPTR(hh, bs->by_name, host->name, strlen(host->name), host);
    return host;
}

static int add_entry(struct flux_bootstrap *bs, const json_t *entry, size_t index, char *where,
                     struct flux_error *err)
{
    const char *names = string_of(entry, "host"), *value;
    FLUX_AUTO(hostlist) hl = NULL;
    int r;

    snprintf(where, FLUX_BOOTSTRAP_WHERE, "bootstrap.hosts.%zu", index);
    if (!names)
        return flux_error_set(err, -EINVAL, "host is missing");
    if ((r = flux_hostlist_decode(names, &hl, err)) < 0)
        return r;
    FLUX_HOSTLIST_FOREACH(hl, it, name)
    {
        struct host *host = find_or_add(bs, name);
        if ((value = string_of(entry, "bind")))
            host->bind = value;
        if ((value = string_of(entry, "connect")))
            host->connect = value;
        if ((value = string_of(entry, "parent"))) {
            host->parent = value;
            host->entry = index;
        }
    }
    return 0;
}

static int find_parent(struct flux_bootstrap *bs, const struct host *host, struct flux_error *err)
{
    const struct host *parent = find(bs, host->parent);

    if (!parent)
        return flux_error_set(err, -EINVAL, "'%s', the parent of %s, is not in bootstrap.hosts",
                              host->parent, host->name);
    if (host->rank == 0 && parent != host)
        return flux_error_set(err, -EINVAL,
                              "%s is rank 0, the root of the tree: it cannot have a parent",
                              host->name);
    if (host->rank > 0 && parent == host)
        return flux_error_set(err, -EINVAL, "%s cannot be its own parent", host->name);
    bs->parents[host->rank] = parent->rank;
    return 0;
}

/* "a -> b -> a", as far as there is room for it. */
static int loop_error(const struct flux_bootstrap *bs, uint32_t rank, struct flux_error *err)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(160);
    uint32_t at = rank;

    do {
        if (flux_buf_printf(&b, "%s -> ", bs->by_rank[at]->name) < 0)
            break;
        at = bs->parents[at];
    } while (at != rank);
    return flux_error_set(err, -EINVAL, "parents make a loop that does not lead to rank 0: %s%s",
                          b.data, b.failed ? "..." : bs->by_rank[rank]->name);
}

/* Walk up from each rank; a walk that meets itself is a loop. */
static int check_loops(const struct flux_bootstrap *bs, char *where, struct flux_error *err)
{
    FLUX_AUTO_MEM(uint32_t) walk = flux_alloc((bs->size + 1) * sizeof(*walk));

    walk[0] = UINT32_MAX; /* the number of the walk that came by, from 1; rank 0 ends all */
    for (uint32_t start = 1; start < bs->size; start++) {
        uint32_t at = start;
        while (!walk[at]) {
            walk[at] = start;
            at = bs->parents[at];
        }
        if (walk[at] == start && at != 0) {
            snprintf(where, FLUX_BOOTSTRAP_WHERE, "bootstrap.hosts.%zu.parent",
                     bs->by_rank[at]->entry);
            return loop_error(bs, at, err);
        }
    }
    return 0;
}

static int read_table(struct flux_bootstrap *bs, char *where, struct flux_error *err)
{
    const json_t *entry;
    size_t i;
    int r;

    json_array_foreach (json_object_get(bs->table, "hosts"), i, entry) {
        if ((r = add_entry(bs, entry, i, where, err)) < 0)
            return r;
    }
    bs->parents = flux_alloc((bs->size + 1) * sizeof(*bs->parents));
    for (uint32_t rank = 0; rank < bs->size; rank++) {
        const struct host *host = bs->by_rank[rank];
        snprintf(where, FLUX_BOOTSTRAP_WHERE, "bootstrap.hosts.%zu.parent", host->entry);
        if (host->parent && (r = find_parent(bs, host, err)) < 0)
            return r;
    }
    return check_loops(bs, where, err);
}

int flux_bootstrap_new(const json_t *table, struct flux_bootstrap **ret,
                       char where[FLUX_BOOTSTRAP_WHERE], struct flux_error *err)
{
    FLUX_AUTO(bootstrap) bs = flux_alloc(sizeof(*bs));
    int r;

    bs->table = table;
    if ((r = read_table(bs, where, err)) < 0)
        return r;
    *ret = FLUX_GIVE(bs);
    return 0;
}

uint32_t flux_bootstrap_size(const struct flux_bootstrap *bs)
{
    return bs->size;
}

const char *flux_bootstrap_host(const struct flux_bootstrap *bs, uint32_t rank)
{
    return bs->by_rank[rank]->name;
}

uint32_t flux_bootstrap_rank(const struct flux_bootstrap *bs, const char *name)
{
    FLUX_AUTO_STR shortname = flux_strndup(name, strcspn(name, "."));
    struct host *host = find(bs, name);

    if (!host)
        host = find(bs, shortname);
    return host ? host->rank : FLUX_BOOTSTRAP_NONE;
}

const uint32_t *flux_bootstrap_parents(const struct flux_bootstrap *bs)
{
    return bs->parents;
}

char *flux_bootstrap_hostlist(const struct flux_bootstrap *bs)
{
    FLUX_AUTO(hostlist) hl = flux_hostlist_new();

    for (uint32_t i = 0; i < bs->size; i++)
        flux_hostlist_append_host(hl, bs->by_rank[i]->name);
    return flux_hostlist_encode(hl);
}

/* FNV-1a: it tells mistakes apart, not attackers; those have to have the certificate. */
uint64_t flux_bootstrap_digest(const struct flux_bootstrap *bs)
{
    uint64_t h = 14695981039346656037u;

    for (uint32_t i = 0; i < bs->size; i++) {
        const char *p = bs->by_rank[i]->name;
        do
            h = (h ^ (unsigned char)*p) * 1099511628211u;
        while (*p++);
    }
    return h ? h : 1;
}

static int expand(const struct flux_bootstrap *bs, const char *uri, const char *name, char **ret,
                  struct flux_error *err)
{
    const json_t *port = json_object_get(bs->table, "default_port");
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(1024);

    for (const char *p = uri; *p; p++) {
        if (p[0] == '%' && p[1] == 'p' && !json_is_integer(port))
            return flux_error_set(err, -EINVAL, "%s has %%p in it, and default_port is not set",
                                  uri);
        if (p[0] == '%' && p[1] == 'h')
            flux_buf_puts(&b, name);
        else if (p[0] == '%' && p[1] == 'p')
            flux_buf_printf(&b, "%lld", (long long)json_integer_value(port));
        else {
            flux_buf_putc(&b, *p);
            continue;
        }
        p++;
    }
    if (b.failed)
        return flux_error_set(err, -EINVAL, "%.64s... is too long", uri);
    *ret = flux_buf_take(&b);
    return 0;
}

static int endpoint(const struct flux_bootstrap *bs, uint32_t rank, const char *own,
                    const char *key, char **ret, struct flux_error *err)
{
    const char *uri = own ? own : string_of(bs->table, key), *name = bs->by_rank[rank]->name;

    if (!uri)
        return flux_error_set(err, -EINVAL,
                              "neither %s is set nor does the entry of %s have its own", key, name);
    return expand(bs, uri, name, ret, err);
}

int flux_bootstrap_bind(const struct flux_bootstrap *bs, uint32_t rank, char **ret,
                        struct flux_error *err)
{
    return endpoint(bs, rank, bs->by_rank[rank]->bind, "default_bind", ret, err);
}

int flux_bootstrap_connect(const struct flux_bootstrap *bs, uint32_t rank, char **ret,
                           struct flux_error *err)
{
    return endpoint(bs, rank, bs->by_rank[rank]->connect, "default_connect", ret, err);
}
