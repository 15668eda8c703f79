// SPDX-License-Identifier: LGPL-3.0-only
/* First fit over the pool's index. A fit chooses nodes into the pool's scratch list and changes
 * nothing; taking happens after it has succeeded. */
#include "pool_private.h"

#include <stdio.h>

/* Where a fit looks: the present state, or (feasibility) every node as if idle. */
struct view {
    const uint64_t *words; /* candidates */
    size_t low;
    const uint64_t *mask;
    const uint64_t *also;     /* NULL, or candidates must be in here too */
    const uint64_t *reserved; /* NULL: none */
    bool totals;              /* count what nodes have rather than what is free */
};

int pool_request_init(struct pool_request *rq, const struct flux_jobspec *js,
                      const struct pool_mask *mask, struct flux_error *err)
{
    if (js->beyond)
        return flux_error_set(err, -EINVAL, "this scheduler cannot serve %s", js->beyond);
    *rq = (struct pool_request){
        .nnodes = js->nnodes,
        .slots_per_node = js->slots_per_node,
        .nslots = js->nslots,
        .cores_per_slot = js->cores_per_slot,
        .gpus_per_slot = js->gpus_per_slot,
        .exclusive = js->exclusive,
        .flexible = js->nnodes ? js->node_count : js->slot_count,
        .mask = mask,
    };
    return 0;
}

static uint64_t candidates(const struct view *v, size_t w)
{
    uint64_t word = v->words[w] & v->mask[w];

    if (v->also)
        word &= v->also[w];
    if (v->reserved)
        word &= ~v->reserved[w];
    return word;
}

/* The next candidate at or after node i; SIZE_MAX: none. */
static size_t next_candidate(const struct pool *p, const struct view *v, size_t i)
{
    size_t w = i / 64;
    uint64_t word;

    if (w < v->low) {
        w = v->low;
        i = w * 64;
    }
    if (w >= p->nwords)
        return SIZE_MAX;
    word = candidates(v, w) & (~0ull << (i % 64));
    while (!word) {
        if (++w >= p->nwords)
            return SIZE_MAX;
        word = candidates(v, w);
    }
    return w * 64 + __builtin_ctzll(word);
}

/* How many slots of the request a node has room for. */
static unsigned slots_on(const struct pool_node *node, const struct pool_request *rq, bool totals)
{
    const unsigned *have = totals ? node->total : node->free;
    unsigned n = UINT32_MAX;

    if (rq->cores_per_slot)
        n = have[FLUX_RSET_CORE] / rq->cores_per_slot;
    if (rq->gpus_per_slot && have[FLUX_RSET_GPU] / rq->gpus_per_slot < n)
        n = have[FLUX_RSET_GPU] / rq->gpus_per_slot;
    return n;
}

static unsigned most(const struct pool_request *rq)
{
    if (rq->flexible)
        return rq->flexible->max;
    return rq->nnodes ? rq->nnodes : rq->nslots;
}

/* The number to take out of those found: 0 if too few. */
static unsigned settle(const struct pool_request *rq, unsigned found)
{
    unsigned want = most(rq);

    if (rq->flexible)
        return flux_count_fit(rq->flexible, found);
    return found >= want ? want : 0;
}

/* Nodes that can each take their slots. Returns nodes found, at most `want`. */
static unsigned fit_nodes(struct pool *p, const struct pool_request *rq, const struct view *v,
                          unsigned want)
{
    unsigned n = 0;

    for (size_t i = next_candidate(p, v, 0); i != SIZE_MAX && n < want;
         i = next_candidate(p, v, i + 1)) {
        if (slots_on(&p->nodes[i], rq, v->totals) >= rq->slots_per_node)
            p->picks[n++] = (struct pool_pick){i, rq->slots_per_node};
    }
    p->npicks = n;
    return n;
}

/* Slots wherever there is room. Returns slots found, at most `want`. */
static unsigned fit_slots(struct pool *p, const struct pool_request *rq, const struct view *v,
                          unsigned want)
{
    unsigned found = 0;

    p->npicks = 0;
    for (size_t i = next_candidate(p, v, 0); i != SIZE_MAX && found < want;
         i = next_candidate(p, v, i + 1)) {
        unsigned n = slots_on(&p->nodes[i], rq, v->totals);

        if (n > want - found)
            n = want - found;
        if (n)
            p->picks[p->npicks++] = (struct pool_pick){i, n};
        found += n;
    }
    return found;
}

/* Cut the picks down to `slots`. */
static void trim_slots(struct pool *p, unsigned slots)
{
    size_t i = 0;

    for (; slots && i < p->npicks; i++) {
        if (p->picks[i].slots > slots)
            p->picks[i].slots = slots;
        slots -= p->picks[i].slots;
    }
    p->npicks = i;
}

static bool fit(struct pool *p, const struct pool_request *rq, const struct view *v)
{
    unsigned want = most(rq), n;

    if (rq->nnodes) {
        n = settle(rq, fit_nodes(p, rq, v, want));
        p->npicks = n;
    } else {
        n = settle(rq, fit_slots(p, rq, v, want));
        trim_slots(p, n);
    }
    return n > 0;
}

/* Cores that one node must have free to be worth looking at. */
static unsigned cores_wanted(const struct pool_request *rq)
{
    uint64_t n = (uint64_t)rq->cores_per_slot * (rq->nnodes ? rq->slots_per_node : 1);

    return n > UINT32_MAX ? UINT32_MAX : n;
}

/* ---- taking */

struct pool_alloc *pool_alloc_new(const struct pool *p, unsigned npieces)
{
    unsigned stride = sizeof(struct pool_piece) + 8 * (p->width[0] + p->width[1]);
    struct pool_alloc *a = flux_alloc(sizeof(*a) + (size_t)npieces * stride);

    a->npieces = npieces;
    a->stride = stride;
    return a;
}

/* Move the n lowest bits from `from` to `to`. */
static void take_bits(uint64_t *from, uint64_t *to, unsigned n)
{
    for (; n; from++, to++) {
        uint64_t word = *from, rest = word;
        unsigned have = __builtin_popcountll(word);

        if (have > n) {
            for (unsigned i = 0; i < n; i++)
                rest &= rest - 1;
            word &= ~rest;
            have = n;
        }
        *to |= word;
        *from &= ~word;
        n -= have;
    }
}

static void take_piece(struct pool *p, const struct pool_request *rq, const struct pool_pick *pick,
                       struct pool_piece *pc)
{
    const struct pool_node *node = &p->nodes[pick->node];
    int freed[FLUX_RSET_KINDS];
    unsigned n[FLUX_RSET_KINDS] = {rq->cores_per_slot * pick->slots,
                                   rq->gpus_per_slot * pick->slots};

    pc->node = pick->node;
    for (int k = 0; k < FLUX_RSET_KINDS; k++) {
        if (rq->exclusive)
            n[k] = node->total[k];
        take_bits(pool_node_free(p, pick->node, k), pool_piece_bits(p, pc, k), n[k]);
        freed[k] = -(int)n[k];
    }
    pool_node_changed(p, pick->node, freed);
}

int pool_alloc(struct pool *p, const struct pool_request *rq, const struct pool_reserve *reserved,
               struct pool_alloc **ret)
{
    unsigned cores = cores_wanted(rq);
    unsigned level = cores ? 31 - __builtin_clz(cores) : 0;
    struct pool_bits *bits;
    uint64_t least = (uint64_t)rq->cores_per_slot * (rq->nnodes ? rq->nnodes : rq->nslots) *
                     (rq->nnodes ? rq->slots_per_node : 1);

    if (level >= POOL_LEVELS || least > p->up_free[FLUX_RSET_CORE])
        return -EAGAIN;
    bits = rq->exclusive ? &p->idle : &p->level[level];
    while (bits->low < p->nwords && !bits->words[bits->low])
        bits->low++;
    struct view v = {
        .words = bits->words,
        .low = bits->low,
        .mask = rq->mask->words,
        .also = rq->gpus_per_slot ? p->gpus.words : NULL,
        .reserved = reserved && reserved->any ? reserved->words : NULL,
    };
    if (!fit(p, rq, &v))
        return -EAGAIN;
    *ret = pool_alloc_new(p, p->npicks);
    for (size_t i = 0; i < p->npicks; i++)
        take_piece(p, rq, &p->picks[i], pool_piece(*ret, i));
    return 0;
}

int pool_feasible(struct pool *p, const struct pool_request *rq, struct flux_error *err)
{
    struct view v = {.words = p->present, .mask = rq->mask->words, .totals = true};

    if (fit(p, rq, &v))
        return 0;
    if (next_candidate(p, &v, 0) == SIZE_MAX)
        return flux_error_set(err, -ENOSPC, "unsatisfiable request: no node meets the constraint");
    if (rq->nnodes)
        return flux_error_set(err, -ENOSPC,
                              "unsatisfiable request: %u node(s) with %u core(s) and %u gpu(s) "
                              "each are more than there are",
                              rq->nnodes, rq->cores_per_slot * rq->slots_per_node,
                              rq->gpus_per_slot * rq->slots_per_node);
    return flux_error_set(err, -ENOSPC,
                          "unsatisfiable request: %u slot(s) of %u core(s) and %u gpu(s) are more "
                          "than there are",
                          rq->nslots, rq->cores_per_slot, rq->gpus_per_slot);
}

/* ---- giving back */

static void release_piece(struct pool *p, struct pool_piece *pc)
{
    int freed[FLUX_RSET_KINDS] = {0};

    for (int k = 0; k < FLUX_RSET_KINDS; k++) {
        uint64_t *bits = pool_piece_bits(p, pc, k), *mine = pool_node_free(p, pc->node, k);

        for (unsigned w = 0; w < p->width[k]; w++) {
            mine[w] |= bits[w];
            freed[k] += __builtin_popcountll(bits[w]);
        }
    }
    pool_node_changed(p, pc->node, freed);
}

void pool_release(struct pool *p, struct pool_alloc *a)
{
    if (!a)
        return;
    for (unsigned i = 0; i < a->npieces; i++)
        release_piece(p, pool_piece(a, i));
    free(a);
}

bool pool_release_ranks(struct pool *p, struct pool_alloc *a, const struct flux_idset *ranks)
{
    unsigned n = 0;

    for (unsigned i = 0; i < a->npieces; i++) {
        struct pool_piece *pc = pool_piece(a, i);

        if (flux_idset_contains(ranks, p->nodes[pc->node].rank))
            release_piece(p, pc);
        else if (n++ != i)
            memcpy(pool_piece(a, n - 1), pc, a->stride);
    }
    a->npieces = n;
    return n == 0;
}

static int hold_node(struct pool *p, const struct flux_rset_node *node, struct pool_piece *pc,
                     struct flux_error *err)
{
    ssize_t at = flux_rset_find(p->all, node->rank);

    if (at < 0)
        return flux_error_set(err, -ENOENT, "rank %u is not in the resource set", node->rank);
    pc->node = at;
    for (int k = 0; k < FLUX_RSET_KINDS; k++) {
        uint64_t *bits = pool_piece_bits(p, pc, k);

        FLUX_IDSET_FOREACH(node->ids[k], id)
        {
            uint64_t bit = 1ull << (id % 64);

            if (id / 64 >= p->width[k] || !(pool_node_total(p, at, k)[id / 64] & bit))
                return flux_error_set(err, -ENOENT, "rank %u has no %s%u", node->rank,
                                      k == FLUX_RSET_CORE ? "core" : "gpu", id);
            if (!(pool_node_free(p, at, k)[id / 64] & bit))
                return flux_error_set(err, -EBUSY, "%s%u of rank %u is held by another job",
                                      k == FLUX_RSET_CORE ? "core" : "gpu", id, node->rank);
            bits[id / 64] |= bit;
        }
    }
    return 0;
}

int pool_hold(struct pool *p, const struct flux_rset *r, struct pool_alloc **ret,
              struct flux_error *err)
{
    FLUX_AUTO_MEM(struct pool_alloc) a = pool_alloc_new(p, flux_rset_nnodes(r));
    struct flux_rset_node node;
    int rc;

    for (size_t i = 0; flux_rset_node(r, i, &node); i++) {
        rc = hold_node(p, &node, pool_piece(a, i), err);
        if (rc < 0)
            return rc;
    }
    for (unsigned i = 0; i < a->npieces; i++) {
        struct pool_piece *pc = pool_piece(a, i);
        int freed[FLUX_RSET_KINDS] = {0};

        for (int k = 0; k < FLUX_RSET_KINDS; k++) {
            uint64_t *bits = pool_piece_bits(p, pc, k), *mine = pool_node_free(p, pc->node, k);

            for (unsigned w = 0; w < p->width[k]; w++) {
                mine[w] &= ~bits[w];
                freed[k] -= __builtin_popcountll(bits[w]);
            }
        }
        pool_node_changed(p, pc->node, freed);
    }
    *ret = FLUX_GIVE(a);
    return 0;
}
