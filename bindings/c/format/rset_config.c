// SPDX-License-Identifier: LGPL-3.0-only
/* A resource set from the entries of resource.config. Ranks are given in the order in which hosts
 * are named first; what several entries say of a host adds up. */
#include <flux/rset.h>

#include <uthash.h>

/* One host of resource.config. */
struct host {
    char *name;
    unsigned rank;
    struct flux_idset *ids[FLUX_RSET_KINDS];
    UT_hash_handle hh;
};

static struct host *find_host(struct host **hosts, const char *name)
{
    struct host *host;

    HASH_FIND_STR(*hosts, name, host);
    if (host)
        return host;
    host = flux_alloc(sizeof(*host));
    host->name = flux_strdup(name);
    host->rank = HASH_COUNT(*hosts);
    for (int k = 0; k < FLUX_RSET_KINDS; k++)
        host->ids[k] = flux_idset_new();
    HASH_ADD_KEYPTR(hh, *hosts, host->name, strlen(host->name), host);
    return host;
}

static void free_hosts(struct host *hosts)
{
    struct host *host, *tmp;

    HASH_ITER (hh, hosts, host, tmp) {
        HASH_DEL(hosts, host);
        for (int k = 0; k < FLUX_RSET_KINDS; k++)
            flux_idset_free(host->ids[k]);
        free(host->name);
        free(host);
    }
}

static int read_entry(const json_t *o, size_t i, struct host **hosts, struct flux_error *err)
{
    static const char *const keys[] = {"cores", "gpus"};
    const char *names = json_string_value(json_object_get(o, "hosts"));
    FLUX_AUTO(hostlist) list = NULL;
    int r;

    if (!names)
        return flux_error_set(err, -EINVAL, "resource.config[%zu]: hosts is missing", i);
    r = flux_hostlist_decode(names, &list, err);
    if (r < 0)
        return flux_error_prefix(err, r, "resource.config[%zu].hosts", i);
    FLUX_HOSTLIST_FOREACH(list, it, name)
    {
        find_host(hosts, name);
    }
    for (int k = 0; k < FLUX_RSET_KINDS; k++) {
        const char *ids = json_string_value(json_object_get(o, keys[k]));
        FLUX_AUTO(idset) set = NULL;

        if (!ids)
            continue;
        r = flux_idset_decode(ids, &set, err);
        if (r < 0)
            return flux_error_prefix(err, r, "resource.config[%zu].%s", i, keys[k]);
        FLUX_HOSTLIST_FOREACH(list, it, name)
        {
            flux_idset_add_set(find_host(hosts, name)->ids[k], set);
        }
    }
    return 0;
}

static int set_properties(struct flux_rset *all, const json_t *entry, size_t i, struct host *hosts,
                          struct flux_error *err)
{
    const json_t *properties = json_object_get(entry, "properties");
    FLUX_AUTO(hostlist) list = NULL;
    FLUX_AUTO(idset) ranks = flux_idset_new();
    json_t *v;
    size_t j;
    int r;

    if (!properties)
        return 0;
    flux_hostlist_decode(json_string_value(json_object_get(entry, "hosts")), &list, NULL);
    FLUX_HOSTLIST_FOREACH(list, it, name)
    {
        flux_idset_add(ranks, find_host(&hosts, name)->rank);
    }
    json_array_foreach ((json_t *)properties, j, v) {
        if (!json_is_string(v))
            return flux_error_set(err, -EINVAL, "resource.config[%zu].properties: not a string", i);
        r = flux_rset_set_property(all, json_string_value(v), ranks, err);
        if (r < 0)
            return flux_error_prefix(err, r, "resource.config[%zu].properties", i);
    }
    return 0;
}

static int from_entries(const json_t *entries, struct flux_rset *all, struct host **hosts,
                        struct flux_error *err)
{
    struct host *host;
    size_t i;
    json_t *v;
    int r;

    json_array_foreach ((json_t *)entries, i, v) {
        r = read_entry(v, i, hosts, err);
        if (r < 0)
            return r;
    }
    for (host = *hosts; host; host = host->hh.next) {
        r = flux_rset_add(all, host->rank, host->name, host->ids[FLUX_RSET_CORE],
                          host->ids[FLUX_RSET_GPU], err);
        if (r < 0)
            return flux_error_prefix(err, r, "resource.config: host %s", host->name);
    }
    json_array_foreach ((json_t *)entries, i, v) {
        r = set_properties(all, v, i, *hosts, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int flux_rset_from_config(const json_t *entries, struct flux_rset **ret, struct flux_error *err)
{
    FLUX_AUTO(rset) all = flux_rset_new();
    struct host *hosts = NULL;
    int r = from_entries(entries, all, &hosts, err);

    free_hosts(hosts);
    if (r == 0)
        *ret = FLUX_GIVE(all);
    return r;
}
