// SPDX-License-Identifier: LGPL-3.0-only
/* Resource sets: the container. */
#include "rset.h"

#include <stdio.h>

const char *const rset_kind_names[FLUX_RSET_KINDS] = {"core", "gpu"};

struct rset_kids *rset_kids_new(struct flux_idset *cores, struct flux_idset *gpus)
{
    struct rset_kids *kids = flux_alloc(sizeof(*kids));

    kids->refs = 1;
    kids->ids[FLUX_RSET_CORE] = cores ? cores : flux_idset_new();
    kids->ids[FLUX_RSET_GPU] = gpus ? gpus : flux_idset_new();
    return kids;
}

struct rset_kids *rset_kids_ref(struct rset_kids *kids)
{
    kids->refs++;
    return kids;
}

void rset_kids_unref(struct rset_kids *kids)
{
    if (!kids || --kids->refs > 0)
        return;
    for (int k = 0; k < FLUX_RSET_KINDS; k++)
        flux_idset_free(kids->ids[k]);
    free(kids);
}

bool rset_kids_empty(const struct rset_kids *kids)
{
    return flux_idset_empty(kids->ids[FLUX_RSET_CORE]) &&
           flux_idset_empty(kids->ids[FLUX_RSET_GPU]);
}

struct flux_rset *flux_rset_new(void)
{
    return flux_alloc(sizeof(struct flux_rset));
}

void flux_rset_free(struct flux_rset *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++) {
        free(r->nodes[i].host);
        rset_kids_unref(r->nodes[i].kids);
    }
    free(r->nodes);
    for (size_t i = 0; i < r->nproperties; i++) {
        free(r->properties[i].name);
        flux_idset_free(r->properties[i].ranks);
    }
    free(r->properties);
    json_decref(r->extra);
    free(r);
}

void rset_push(struct flux_rset *r, unsigned rank, const char *host, struct rset_kids *kids)
{
    if (r->count == r->room) {
        r->room = r->room ? r->room * 2 : 4;
        r->nodes = flux_realloc(r->nodes, r->room, sizeof(*r->nodes));
    }
    r->nodes[r->count++] = (struct rset_node){rank, flux_strdup(host), rset_kids_ref(kids)};
}

static int by_rank(const void *a, const void *b)
{
    const struct rset_node *x = a, *y = b;

    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* Put what `from` has into `to`, which has the same rank. */
static int merge_node(struct rset_node *to, struct rset_node *from, struct flux_error *err)
{
    struct flux_idset *ids[FLUX_RSET_KINDS];

    if (to->host && from->host && strcmp(to->host, from->host) != 0)
        return flux_error_set(err, -EINVAL, "R: rank %u is both %s and %s", to->rank, to->host,
                              from->host);
    for (int k = 0; k < FLUX_RSET_KINDS; k++)
        ids[k] = flux_idset_union(to->kids->ids[k], from->kids->ids[k]);
    rset_kids_unref(to->kids);
    to->kids = rset_kids_new(ids[FLUX_RSET_CORE], ids[FLUX_RSET_GPU]);
    return 0;
}

int rset_settle(struct flux_rset *r, struct flux_error *err)
{
    bool sorted = true;
    size_t n = 0;
    int rc = 0;

    for (size_t i = 1; i < r->count && sorted; i++)
        sorted = r->nodes[i - 1].rank < r->nodes[i].rank;
    if (sorted)
        return 0;
    qsort(r->nodes, r->count, sizeof(*r->nodes), by_rank);
    for (size_t i = 0; i < r->count; i++) {
        if (n == 0 || r->nodes[n - 1].rank != r->nodes[i].rank) {
            r->nodes[n++] = r->nodes[i];
            continue;
        }
        if (rc == 0)
            rc = merge_node(&r->nodes[n - 1], &r->nodes[i], err);
        free(r->nodes[i].host);
        rset_kids_unref(r->nodes[i].kids);
    }
    r->count = n;
    return rc;
}

struct flux_rset *flux_rset_copy(const struct flux_rset *r)
{
    struct flux_rset *copy = flux_rset_new();

    for (size_t i = 0; i < r->count; i++)
        rset_push(copy, r->nodes[i].rank, r->nodes[i].host, r->nodes[i].kids);
    rset_inherit(copy, r);
    return copy;
}

void rset_inherit(struct flux_rset *r, const struct flux_rset *from)
{
    FLUX_AUTO(idset) ranks = flux_rset_ranks(r);

    for (size_t i = 0; i < from->nproperties; i++) {
        FLUX_AUTO(idset) some = flux_idset_intersect(from->properties[i].ranks, ranks);

        if (!flux_idset_empty(some))
            flux_rset_set_property(r, from->properties[i].name, some, NULL);
    }
    r->starttime = from->starttime;
    r->expiration = from->expiration;
    r->nslots = from->nslots;
    json_decref(r->extra);
    r->extra = json_incref(from->extra);
}

/* ---- building */

static int check_ids(const struct flux_idset *ids, enum flux_rset_kind kind, struct flux_error *err)
{
    if (ids && !flux_idset_empty(ids) && flux_idset_last(ids) > FLUX_RSET_ID_MAX)
        return flux_error_set(err, -EINVAL, "R: %s ids must not exceed %u", rset_kind_names[kind],
                              FLUX_RSET_ID_MAX);
    return 0;
}

/* Insert at its place in the order of ranks. */
static int insert(struct flux_rset *r, unsigned rank, const char *host, struct rset_kids *kids,
                  struct flux_error *err)
{
    size_t at = r->count;

    if (rank >= FLUX_RSET_NODES_MAX)
        return flux_error_set(err, -EINVAL, "R: ranks must be below %u", FLUX_RSET_NODES_MAX);
    if (flux_rset_find(r, rank) >= 0)
        return flux_error_set(err, -EEXIST, "R: rank %u is there already", rank);
    rset_push(r, rank, host, kids);
    while (at > 0 && r->nodes[at - 1].rank > rank) {
        struct rset_node node = r->nodes[at];
        r->nodes[at] = r->nodes[at - 1];
        r->nodes[--at] = node;
    }
    return 0;
}

int flux_rset_add(struct flux_rset *r, unsigned rank, const char *host,
                  const struct flux_idset *cores, const struct flux_idset *gpus,
                  struct flux_error *err)
{
    struct rset_kids *kids;
    int rc;

    if (check_ids(cores, FLUX_RSET_CORE, err) < 0 || check_ids(gpus, FLUX_RSET_GPU, err) < 0)
        return -EINVAL;
    kids =
        rset_kids_new(cores ? flux_idset_copy(cores) : NULL, gpus ? flux_idset_copy(gpus) : NULL);
    rc = rset_kids_empty(kids)
             ? flux_error_set(err, -EINVAL, "R: rank %u has neither cores nor gpus", rank)
             : insert(r, rank, host, kids, err);
    rset_kids_unref(kids);
    return rc;
}

static int decode_ids(const char *text, enum flux_rset_kind kind, struct flux_idset **ret,
                      struct flux_error *err)
{
    int rc = flux_idset_decode(text ? text : "", ret, err);

    if (rc < 0)
        return flux_error_prefix(err, rc, "R: %s", rset_kind_names[kind]);
    return check_ids(*ret, kind, err);
}

int flux_rset_add_group(struct flux_rset *r, const char *ranks, const char *hosts,
                        const char *cores, const char *gpus, struct flux_error *err)
{
    FLUX_AUTO(idset) set = NULL;
    FLUX_AUTO(idset) cset = NULL;
    FLUX_AUTO(idset) gset = NULL;
    FLUX_AUTO(hostlist) list = NULL;
    struct flux_hostlist_iter it = {0};
    struct rset_kids *kids;
    int rc;

    if ((rc = flux_idset_decode(ranks, &set, err)) < 0 ||
        (rc = flux_hostlist_decode(hosts, &list, err)) < 0 ||
        (rc = decode_ids(cores, FLUX_RSET_CORE, &cset, err)) < 0 ||
        (rc = decode_ids(gpus, FLUX_RSET_GPU, &gset, err)) < 0)
        return rc;
    if (flux_idset_count(set) != flux_hostlist_count(list))
        return flux_error_set(err, -EINVAL, "R: %zu ranks but %zu hosts", flux_idset_count(set),
                              flux_hostlist_count(list));
    kids = rset_kids_new(FLUX_GIVE(cset), FLUX_GIVE(gset));
    if (rset_kids_empty(kids))
        rc = flux_error_set(err, -EINVAL, "R: neither cores nor gpus");
    FLUX_IDSET_FOREACH(set, rank)
    {
        if (rc == 0)
            rc = insert(r, rank, flux_hostlist_next(list, &it), kids, err);
    }
    rset_kids_unref(kids);
    return rc;
}

/* ---- looking */

size_t flux_rset_nnodes(const struct flux_rset *r)
{
    return r->count;
}

size_t flux_rset_count(const struct flux_rset *r, enum flux_rset_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < r->count; i++)
        n += flux_idset_count(r->nodes[i].kids->ids[kind]);
    return n;
}

bool flux_rset_node(const struct flux_rset *r, size_t i, struct flux_rset_node *ret)
{
    if (i >= r->count)
        return false;
    ret->rank = r->nodes[i].rank;
    ret->host = r->nodes[i].host;
    for (int k = 0; k < FLUX_RSET_KINDS; k++)
        ret->ids[k] = r->nodes[i].kids->ids[k];
    return true;
}

ssize_t flux_rset_find(const struct flux_rset *r, unsigned rank)
{
    size_t lo = 0, hi = r->count;

    if (hi && r->nodes[hi - 1].rank < rank)
        return -ENOENT;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (r->nodes[mid].rank < rank)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < r->count && r->nodes[lo].rank == rank ? (ssize_t)lo : -ENOENT;
}

struct flux_idset *flux_rset_ranks(const struct flux_rset *r)
{
    struct flux_idset *set = flux_idset_new();

    for (size_t i = 0; i < r->count; i++)
        flux_idset_add(set, r->nodes[i].rank);
    return set;
}

struct flux_hostlist *flux_rset_hosts(const struct flux_rset *r)
{
    struct flux_hostlist *hosts = flux_hostlist_new();

    for (size_t i = 0; i < r->count; i++)
        flux_hostlist_append_host(hosts, r->nodes[i].host);
    return hosts;
}

char *flux_rset_nodelist(const struct flux_rset *r)
{
    FLUX_AUTO(hostlist) hosts = flux_rset_hosts(r);

    return flux_hostlist_encode(hosts);
}

int flux_rset_host_ranks(const struct flux_rset *r, const struct flux_hostlist *hosts,
                         struct flux_idset **ret, struct flux_error *err)
{
    FLUX_AUTO(hostlist) mine = flux_rset_hosts(r);
    FLUX_AUTO(idset) positions = NULL;
    int rc = flux_hostlist_positions(mine, hosts, &positions, err);

    if (rc < 0)
        return rc;
    *ret = flux_idset_new();
    FLUX_IDSET_FOREACH(positions, i)
    {
        flux_idset_add(*ret, r->nodes[i].rank);
    }
    return 0;
}

double flux_rset_starttime(const struct flux_rset *r)
{
    return r->starttime;
}

double flux_rset_expiration(const struct flux_rset *r)
{
    return r->expiration;
}

void flux_rset_set_times(struct flux_rset *r, double starttime, double expiration)
{
    r->starttime = starttime;
    r->expiration = expiration;
}

int flux_rset_nslots(const struct flux_rset *r)
{
    return r->nslots;
}

void flux_rset_set_nslots(struct flux_rset *r, int nslots)
{
    r->nslots = nslots;
}

json_t *flux_rset_scheduling(const struct flux_rset *r)
{
    return json_object_get(r->extra, "scheduling");
}

void flux_rset_set_scheduling(struct flux_rset *r, json_t *scheduling)
{
    json_t *extra = r->extra ? json_copy(r->extra) : json_object();

    if (scheduling)
        json_object_set(extra, "scheduling", scheduling);
    else
        json_object_del(extra, "scheduling");
    json_decref(r->extra);
    r->extra = extra;
}
