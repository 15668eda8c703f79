// SPDX-License-Identifier: LGPL-3.0-only
/* The pool: inventory, node states, masks, and the index that pool_fit.c searches. */
#include "pool_private.h"

static void bits_set(struct pool_bits *b, size_t i)
{
    b->words[i / 64] |= 1ull << (i % 64);
    if (i / 64 < b->low)
        b->low = i / 64;
}

static void bits_clear(struct pool_bits *b, size_t i)
{
    b->words[i / 64] &= ~(1ull << (i % 64));
}

/* *now tells whether i is in the bitmap; make it so that it is if `want`. */
static void bits_put(struct pool_bits *b, size_t i, bool *now, bool want)
{
    if (want && !*now)
        bits_set(b, i);
    else if (!want && *now)
        bits_clear(b, i);
    *now = want;
}

static void load_ids(const struct flux_idset *set, uint64_t *words)
{
    FLUX_IDSET_FOREACH(set, id)
    {
        words[id / 64] |= 1ull << (id % 64);
    }
}

static void load_node(struct pool *p, size_t i)
{
    struct pool_node *node = &p->nodes[i];
    struct flux_rset_node src;

    flux_rset_node(p->all, i, &src);
    node->rank = src.rank;
    node->host = src.host;
    node->level = -1;
    node->state = POOL_DOWN;
    for (int k = 0; k < FLUX_RSET_KINDS; k++) {
        node->total[k] = node->free[k] = flux_idset_count(src.ids[k]);
        load_ids(src.ids[k], pool_node_free(p, i, k));
        load_ids(src.ids[k], pool_node_total(p, i, k));
    }
    p->present[i / 64] |= 1ull << (i % 64);
}

/* Words that the largest id of a kind needs. */
static unsigned width_of(const struct flux_rset *r, int kind)
{
    const struct flux_idset *last = NULL;
    struct flux_rset_node node;
    unsigned width = 0;

    for (size_t i = 0; flux_rset_node(r, i, &node); i++) {
        const struct flux_idset *set = node.ids[kind];

        if (set == last || flux_idset_empty(set))
            continue;
        last = set;
        if (flux_idset_last(set) / 64 + 1 > width)
            width = flux_idset_last(set) / 64 + 1;
    }
    return width;
}

struct pool *pool_new(const struct flux_rset *all)
{
    struct pool *p = flux_alloc(sizeof(*p));

    p->all = flux_rset_copy(all);
    p->nnodes = flux_rset_nnodes(all);
    p->nwords = (p->nnodes + 63) / 64;
    p->nodes = flux_alloc(p->nnodes * sizeof(*p->nodes));
    for (int k = 0; k < FLUX_RSET_KINDS; k++) {
        p->width[k] = width_of(all, k);
        p->free[k] = flux_alloc(p->nnodes * p->width[k] * 8);
        p->total[k] = flux_alloc(p->nnodes * p->width[k] * 8);
    }
    for (int i = 0; i < POOL_LEVELS; i++)
        p->level[i] = (struct pool_bits){flux_alloc(p->nwords * 8), p->nwords};
    p->idle = (struct pool_bits){flux_alloc(p->nwords * 8), p->nwords};
    p->gpus = (struct pool_bits){flux_alloc(p->nwords * 8), p->nwords};
    p->present = flux_alloc(p->nwords * 8);
    p->picks = flux_alloc(p->nnodes * sizeof(*p->picks));
    for (size_t i = 0; i < p->nnodes; i++)
        load_node(p, i);
    return p;
}

static void mask_free(struct pool *p, struct pool_mask *m)
{
    HASH_DEL(p->masks, m);
    flux_constraint_free(m->constraint);
    free(m->words);
    free(m->key);
    free(m);
}

void pool_free(struct pool *p)
{
    struct pool_mask *m, *tmp;

    if (!p)
        return;
    HASH_ITER (hh, p->masks, m, tmp) {
        mask_free(p, m);
    }
    for (int k = 0; k < FLUX_RSET_KINDS; k++) {
        free(p->free[k]);
        free(p->total[k]);
    }
    for (int i = 0; i < POOL_LEVELS; i++)
        free(p->level[i].words);
    free(p->idle.words);
    free(p->gpus.words);
    free(p->present);
    free(p->picks);
    free(p->nodes);
    flux_rset_free(p->all);
    free(p);
}

const struct flux_rset *pool_all(const struct pool *p)
{
    return p->all;
}

void pool_node_changed(struct pool *p, unsigned i, const int freed[FLUX_RSET_KINDS])
{
    struct pool_node *node = &p->nodes[i];
    unsigned cores;
    bool idle;
    int level;

    for (int k = 0; k < FLUX_RSET_KINDS; k++) {
        node->free[k] += freed[k];
        if (node->state == POOL_UP)
            p->up_free[k] += freed[k];
    }
    cores = node->state == POOL_UP ? node->free[FLUX_RSET_CORE] : 0;
    level = cores ? 31 - __builtin_clz(cores) : -1;
    for (; node->level < level; node->level++)
        bits_set(&p->level[node->level + 1], i);
    for (; node->level > level; node->level--)
        bits_clear(&p->level[node->level], i);
    idle = node->state == POOL_UP && memcmp(node->free, node->total, sizeof(node->free)) == 0;
    bits_put(&p->idle, i, &node->idle, idle);
    bits_put(&p->gpus, i, &node->gpus, node->state == POOL_UP && node->free[FLUX_RSET_GPU] > 0);
}

void pool_set_state(struct pool *p, const struct flux_idset *ranks, enum pool_state state)
{
    static const int none[FLUX_RSET_KINDS];

    FLUX_IDSET_FOREACH(ranks, rank)
    {
        ssize_t i = flux_rset_find(p->all, rank);
        struct pool_node *node = i < 0 ? NULL : &p->nodes[i];

        if (!node || node->state == POOL_GONE || node->state == state)
            continue;
        for (int k = 0; k < FLUX_RSET_KINDS; k++) {
            if (node->state == POOL_UP)
                p->up_free[k] -= node->free[k];
            if (state == POOL_UP)
                p->up_free[k] += node->free[k];
        }
        node->state = state;
        if (state == POOL_GONE)
            p->present[i / 64] &= ~(1ull << (i % 64));
        pool_node_changed(p, i, none);
    }
}

/* ---- masks */

static void fill_mask(struct pool *p, struct pool_mask *m)
{
    memset(m->words, m->constraint ? 0 : 0xff, p->nwords * 8);
    if (!m->constraint) {
        if (p->nnodes % 64)
            m->words[p->nwords - 1] = (1ull << (p->nnodes % 64)) - 1;
        return;
    }
    FLUX_AUTO(idset) ranks = flux_rset_match(p->all, m->constraint);
    FLUX_IDSET_FOREACH(ranks, rank)
    {
        ssize_t i = flux_rset_find(p->all, rank);
        m->words[i / 64] |= 1ull << (i % 64);
    }
}

int pool_mask(struct pool *p, const json_t *constraint, struct pool_mask **ret,
              struct flux_error *err)
{
    FLUX_AUTO(constraint) compiled = NULL;
    FLUX_AUTO_STR key = NULL;
    struct pool_mask *m;
    int r;

    if (json_object_size(constraint) == 0)
        constraint = NULL;
    key = constraint ? json_dumps(constraint, JSON_COMPACT | JSON_SORT_KEYS) : flux_strdup("");
    if (!key)
        return flux_error_set(err, -EINVAL, "constraint: must be an object");
    HASH_FIND_STR(p->masks, key, m);
    if (!m) {
        if (constraint && (r = flux_constraint_parse(constraint, &compiled, err)) < 0)
            return r;
        m = flux_alloc(sizeof(*m));
        m->key = FLUX_GIVE(key);
        m->constraint = FLUX_GIVE(compiled);
        m->words = flux_alloc(p->nwords * 8);
        fill_mask(p, m);
        HASH_ADD_KEYPTR(hh, p->masks, m->key, strlen(m->key), m);
    }
    m->refs++;
    *ret = m;
    return 0;
}

void pool_mask_unref(struct pool *p, struct pool_mask *m)
{
    if (m && --m->refs == 0)
        mask_free(p, m);
}

const char *pool_mask_text(const struct pool_mask *m)
{
    return m->key;
}

void *pool_mask_aux(const struct pool_mask *m)
{
    return m->aux;
}

void pool_mask_set_aux(struct pool_mask *m, void *aux)
{
    m->aux = aux;
}

/* ---- reservations */

struct pool_reserve *pool_reserve_new(const struct pool *p)
{
    struct pool_reserve *rv = flux_alloc(sizeof(*rv));

    rv->nwords = p->nwords;
    rv->words = flux_alloc(p->nwords * 8);
    return rv;
}

void pool_reserve_clear(struct pool_reserve *rv)
{
    if (rv->any)
        memset(rv->words, 0, rv->nwords * 8);
    rv->any = false;
}

void pool_reserve_add(struct pool_reserve *rv, const struct pool_mask *m)
{
    for (size_t w = 0; w < rv->nwords; w++)
        rv->words[w] |= m->words[w];
    rv->any = true;
}

bool pool_reserve_leaves(const struct pool *p, const struct pool_reserve *rv,
                         const struct pool_mask *m)
{
    const struct pool_bits *some = &p->level[0];

    for (size_t w = some->low; w < p->nwords; w++)
        if (some->words[w] & m->words[w] & ~rv->words[w])
            return true;
    return false;
}

void pool_reserve_free(struct pool_reserve *rv)
{
    if (!rv)
        return;
    free(rv->words);
    free(rv);
}
