// SPDX-License-Identifier: LGPL-3.0-only
/* Set algebra on resource sets. Work is per pair of different contents: runs of equal nodes reuse
 * the last result. */
#include "rset.h"

#include <limits.h>
#include <uthash.h>

#include <flux/buf.h>

typedef struct flux_idset *(*ids_f)(const struct flux_idset *a, const struct flux_idset *b);

/* The last pair combined and what came out. */
struct combine {
    ids_f op;
    const struct rset_kids *a, *b;
    struct rset_kids *out; /* a reference; NULL before the first */
};

static struct rset_kids *combine(struct combine *cb, const struct rset_kids *a,
                                 const struct rset_kids *b)
{
    if (cb->out && cb->a == a && cb->b == b)
        return cb->out;
    rset_kids_unref(cb->out);
    cb->a = a;
    cb->b = b;
    cb->out = rset_kids_new(cb->op(a->ids[FLUX_RSET_CORE], b->ids[FLUX_RSET_CORE]),
                            cb->op(a->ids[FLUX_RSET_GPU], b->ids[FLUX_RSET_GPU]));
    return cb->out;
}

/* Nodes of a alone, of b alone and of both, into r; `keep_a`, `keep_b` say what to do with the
 * former two. */
static void merge(struct flux_rset *r, const struct flux_rset *a, const struct flux_rset *b,
                  ids_f op, bool keep_a, bool keep_b)
{
    struct combine cb = {.op = op};
    size_t i = 0, j = 0;

    while (i < a->count || j < b->count) {
        const struct rset_node *x = i < a->count ? &a->nodes[i] : NULL;
        const struct rset_node *y = j < b->count ? &b->nodes[j] : NULL;

        if (x && y && x->rank == y->rank) {
            struct rset_kids *kids = combine(&cb, x->kids, y->kids);
            if (!rset_kids_empty(kids))
                rset_push(r, x->rank, x->host, kids);
            i++;
            j++;
        } else if (x && (!y || x->rank < y->rank)) {
            if (keep_a)
                rset_push(r, x->rank, x->host, x->kids);
            i++;
        } else {
            if (keep_b)
                rset_push(r, y->rank, y->host, y->kids);
            j++;
        }
    }
    rset_kids_unref(cb.out);
}

static int check_hosts(const struct flux_rset *a, const struct flux_rset *b, struct flux_error *err)
{
    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        const struct rset_node *x = &a->nodes[i], *y = &b->nodes[j];

        if (x->rank == y->rank && strcmp(x->host, y->host) != 0)
            return flux_error_set(err, -EINVAL, "R: rank %u is both %s and %s", x->rank, x->host,
                                  y->host);
        i += x->rank <= y->rank;
        j += y->rank <= x->rank;
    }
    return 0;
}

int flux_rset_union(const struct flux_rset *a, const struct flux_rset *b, struct flux_rset **ret,
                    struct flux_error *err)
{
    struct flux_rset *r;
    int rc = check_hosts(a, b, err);

    if (rc < 0)
        return rc;
    r = flux_rset_new();
    merge(r, a, b, flux_idset_union, true, true);
    rset_inherit(r, a);
    for (size_t i = 0; i < b->nproperties; i++)
        flux_rset_set_property(r, b->properties[i].name, b->properties[i].ranks, NULL);
    *ret = r;
    return 0;
}

int flux_rset_append(const struct flux_rset *a, const struct flux_rset *b, struct flux_rset **ret,
                     struct flux_error *err)
{
    FLUX_AUTO(rset) both = flux_rset_intersect(a, b);

    if (flux_rset_nnodes(both) > 0) {
        FLUX_AUTO_STR text = flux_rset_summary(both);
        return flux_error_set(err, -EEXIST, "R: in both: %.200s", text);
    }
    return flux_rset_union(a, b, ret, err);
}

struct flux_rset *flux_rset_diff(const struct flux_rset *a, const struct flux_rset *b)
{
    struct flux_rset *r = flux_rset_new();

    merge(r, a, b, flux_idset_difference, true, false);
    rset_inherit(r, a);
    return r;
}

struct flux_rset *flux_rset_intersect(const struct flux_rset *a, const struct flux_rset *b)
{
    struct flux_rset *r = flux_rset_new();

    merge(r, a, b, flux_idset_intersect, false, false);
    rset_inherit(r, a);
    return r;
}

struct flux_rset *flux_rset_copy_ranks(const struct flux_rset *r, const struct flux_idset *ranks)
{
    struct flux_rset *copy = flux_rset_new();

    for (size_t i = 0; i < r->count; i++)
        if (flux_idset_contains(ranks, r->nodes[i].rank))
            rset_push(copy, r->nodes[i].rank, r->nodes[i].host, r->nodes[i].kids);
    rset_inherit(copy, r);
    return copy;
}

/* ---- renumbering */

/* Properties from old ranks to new: old[i] became r->nodes' rank in map[i]. */
static void move_properties(struct flux_rset *r, const unsigned *old, const unsigned *now, size_t n)
{
    for (size_t p = 0; p < r->nproperties; p++) {
        struct flux_idset *ranks = flux_idset_new();

        for (size_t i = 0; i < n; i++)
            if (flux_idset_contains(r->properties[p].ranks, old[i]))
                flux_idset_add(ranks, now[i]);
        flux_idset_free(r->properties[p].ranks);
        r->properties[p].ranks = ranks;
    }
}

static struct flux_idset *zero_origin(const struct flux_idset *a)
{
    struct flux_idset *set = flux_idset_new();

    if (!flux_idset_empty(a))
        flux_idset_add_range(set, 0, flux_idset_count(a) - 1);
    return set;
}

void flux_rset_remap(struct flux_rset *r)
{
    FLUX_AUTO_MEM(unsigned) old = flux_alloc(r->count * sizeof(unsigned));
    FLUX_AUTO_MEM(unsigned) now = flux_alloc(r->count * sizeof(unsigned));
    struct rset_kids *last = NULL, *mapped = NULL;

    for (size_t i = 0; i < r->count; i++) {
        struct rset_node *node = &r->nodes[i];

        old[i] = node->rank;
        now[i] = node->rank = i;
        if (node->kids != last) {
            rset_kids_unref(mapped);
            rset_kids_unref(last);
            last = rset_kids_ref(node->kids);
            mapped = rset_kids_new(zero_origin(last->ids[FLUX_RSET_CORE]),
                                   flux_idset_copy(last->ids[FLUX_RSET_GPU]));
        }
        rset_kids_unref(node->kids);
        node->kids = rset_kids_ref(mapped);
    }
    rset_kids_unref(mapped);
    rset_kids_unref(last);
    move_properties(r, old, now, r->count);
}

struct place {
    const char *host;
    size_t at;
    UT_hash_handle hh;
};

/* Nodes by their host's name: the first of each name; later ones are reached by scanning on. */
static struct place *index_hosts(const struct flux_rset *r, struct place *room)
{
    struct place *places = NULL, *p;

    for (size_t i = 0; i < r->count; i++) {
        HASH_FIND_STR(places, r->nodes[i].host, p);
        if (p)
            continue;
        p = &room[i];
        *p = (struct place){.host = r->nodes[i].host, .at = i};
        HASH_ADD_KEYPTR(hh, places, p->host, strlen(p->host), p);
    }
    return places;
}

/* The next node of that name that has no new rank yet; r->count: none. */
static size_t next_place(const struct flux_rset *r, struct place *p, const unsigned *now)
{
    while (p->at < r->count &&
           (now[p->at] != UINT_MAX || strcmp(r->nodes[p->at].host, p->host) != 0))
        p->at++;
    return p->at;
}

/* New rank of each node by its host's name; repeated names are taken in turn. */
static int find_places(const struct flux_rset *r, const struct flux_hostlist *hosts, unsigned *now,
                       bool all, struct flux_error *err)
{
    FLUX_AUTO_MEM(struct place) room = flux_alloc(r->count * sizeof(*room));
    struct place *places = index_hosts(r, room), *p, *tmp;
    struct flux_hostlist_iter it = {0};
    const char *host;
    size_t found = 0;
    int rc = 0;

    for (unsigned rank = 0; rc == 0 && (host = flux_hostlist_next(hosts, &it)); rank++) {
        HASH_FIND_STR(places, host, p);
        if (p && next_place(r, p, now) < r->count) {
            now[p->at] = rank;
            found++;
        } else if (all)
            rc = flux_error_set(err, -ENOENT, "R: host %s is not in the set", host);
    }
    for (size_t i = 0; rc == 0 && found < r->count && i < r->count; i++)
        if (now[i] == UINT_MAX)
            rc = flux_error_set(err, -ENOENT, "R: host %s is not among the hosts given",
                                r->nodes[i].host);
    HASH_ITER (hh, places, p, tmp) {
        HASH_DEL(places, p);
    }
    return rc;
}

static int rerank(struct flux_rset *r, const struct flux_hostlist *hosts, bool all,
                  struct flux_error *err)
{
    FLUX_AUTO_MEM(unsigned) old = flux_alloc(r->count * sizeof(unsigned));
    FLUX_AUTO_MEM(unsigned) now = flux_alloc(r->count * sizeof(unsigned));
    int rc;

    memset(now, 0xff, r->count * sizeof(unsigned));
    rc = find_places(r, hosts, now, all, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < r->count; i++) {
        old[i] = r->nodes[i].rank;
        r->nodes[i].rank = now[i];
    }
    move_properties(r, old, now, r->count);
    return rset_settle(r, err);
}

int flux_rset_rerank(struct flux_rset *r, const struct flux_hostlist *hosts, struct flux_error *err)
{
    if (flux_hostlist_count(hosts) != r->count)
        return flux_error_set(err, -EINVAL, "R: %zu hosts for %zu nodes",
                              flux_hostlist_count(hosts), r->count);
    return rerank(r, hosts, true, err);
}

int flux_rset_rerank_within(struct flux_rset *r, const struct flux_hostlist *hosts,
                            struct flux_error *err)
{
    return rerank(r, hosts, false, err);
}

/* ---- verification */

/* Append what `a` has of a kind and `b` has not: "core[4-7]". */
static void add_difference(struct flux_buf *out, enum flux_rset_kind kind,
                           const struct flux_idset *a, const struct flux_idset *b)
{
    FLUX_AUTO(idset) ids = flux_idset_difference(a, b);
    FLUX_AUTO_STR text = NULL;

    if (flux_idset_empty(ids))
        return;
    text = flux_idset_encode(ids, FLUX_IDSET_RANGE | FLUX_IDSET_BRACKETS);
    flux_buf_printf(out, "%s%s%s", out->len ? "," : "", rset_kind_names[kind], text);
}

static int differ(const struct rset_node *node, const char *how, const struct flux_buf *what,
                  struct flux_error *err)
{
    return flux_error_set(err, -EINVAL, "rank %u (%s): %s resources: %.*s", node->rank, node->host,
                          how, (int)what->len, what->data);
}

static int verify_node(const struct rset_node *expected, const struct rset_node *actual,
                       const struct flux_rset_rules *rules, struct flux_error *err)
{
    FLUX_AUTO_BUF missing = FLUX_BUF_INIT(0);
    FLUX_AUTO_BUF extra = FLUX_BUF_INIT(0);

    if (rules->hostname != FLUX_RSET_IGNORE && strcmp(expected->host, actual->host) != 0)
        return flux_error_set(err, -EINVAL, "rank %u: host name is %s, expected %s", actual->rank,
                              actual->host, expected->host);
    for (int k = 0; k < FLUX_RSET_KINDS; k++) {
        const struct flux_idset *want = expected->kids->ids[k], *have = actual->kids->ids[k];

        if (rules->ids[k] == FLUX_RSET_IGNORE)
            continue;
        if (rules->ids[k] != FLUX_RSET_ALLOW_MISSING)
            add_difference(&missing, k, want, have);
        if (rules->ids[k] != FLUX_RSET_ALLOW_EXTRA)
            add_difference(&extra, k, have, want);
    }
    if (missing.len)
        return differ(actual, "missing", &missing, err);
    return extra.len ? differ(actual, "extra", &extra, err) : 0;
}

int flux_rset_verify(const struct flux_rset *expected, const struct flux_rset *actual,
                     const struct flux_rset_rules *rules, struct flux_error *err)
{
    for (size_t i = 0; i < actual->count; i++) {
        const struct rset_node *node = &actual->nodes[i];
        ssize_t at = flux_rset_find(expected, node->rank);
        int rc;

        if (at < 0)
            return flux_error_set(err, -EINVAL, "rank %u (%s): not in the resource set", node->rank,
                                  node->host);
        rc = verify_node(&expected->nodes[at], node, rules, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}
