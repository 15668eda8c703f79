// SPDX-License-Identifier: LGPL-3.0-only
/* Inside of the pool, for pool*.c alone. Invariants, restored by pool_node_changed() after every
 * change of a node: `free` counts equal the bits set in the free bitmaps; level[k] holds exactly
 * the nodes that are up with at least 2^k cores free; idle holds the nodes that are up and
 * untouched. */
#ifndef SCHED_POOL_PRIVATE_H
#define SCHED_POOL_PRIVATE_H

#include "pool.h"

#include <uthash.h>

#define POOL_LEVELS 17 /* 2^16 > FLUX_RSET_ID_MAX */

struct pool_node {
    unsigned rank;
    const char *host; /* of the inventory */
    unsigned total[FLUX_RSET_KINDS];
    unsigned free[FLUX_RSET_KINDS];
    int level; /* highest level bitmap that it is in; -1: none */
    uint8_t state;
    bool idle, gpus; /* in those bitmaps */
};

/* A bitmap of nodes; no bit is set in words below `low`. */
struct pool_bits {
    uint64_t *words;
    size_t low;
};

struct pool {
    struct flux_rset *all;
    size_t nnodes, nwords;           /* words of a bitmap of nodes */
    unsigned width[FLUX_RSET_KINDS]; /* words of a node's bitmap */
    struct pool_node *nodes;
    uint64_t *free[FLUX_RSET_KINDS]; /* nnodes * width */
    uint64_t *total[FLUX_RSET_KINDS];
    struct pool_bits level[POOL_LEVELS];
    struct pool_bits idle;
    struct pool_bits gpus;             /* up, with a gpu free */
    uint64_t *present;                 /* not gone */
    uint64_t up_free[FLUX_RSET_KINDS]; /* sums over the nodes that are up */
    struct pool_mask *masks;           /* by constraint text */
    /* scratch of a fit */
    struct pool_pick *picks;
    size_t npicks;
};

/* A node chosen by a fit and how many slots it gets. */
struct pool_pick {
    unsigned node, slots;
};

struct pool_mask {
    char *key;
    struct flux_constraint *constraint; /* NULL: all nodes */
    uint64_t *words;
    unsigned refs;
    void *aux;
    UT_hash_handle hh;
};

struct pool_piece {
    unsigned node;
    uint64_t bits[]; /* cores, then gpus: width[CORE] + width[GPU] words */
};

struct pool_alloc {
    unsigned npieces;
    unsigned stride; /* bytes of a piece */
    char pieces[] __attribute__((aligned(8)));
};

struct pool_reserve {
    size_t nwords;
    bool any;
    uint64_t *words;
};

static inline struct pool_piece *pool_piece(const struct pool_alloc *a, unsigned i)
{
    return (struct pool_piece *)(a->pieces + (size_t)i * a->stride);
}

static inline uint64_t *pool_node_free(const struct pool *p, unsigned node, int kind)
{
    return p->free[kind] + (size_t)node * p->width[kind];
}

static inline uint64_t *pool_node_total(const struct pool *p, unsigned node, int kind)
{
    return p->total[kind] + (size_t)node * p->width[kind];
}

/* Bits of one kind in a piece. */
static inline uint64_t *pool_piece_bits(const struct pool *p, struct pool_piece *pc, int kind)
{
    return pc->bits + (kind == FLUX_RSET_CORE ? 0 : p->width[FLUX_RSET_CORE]);
}

/* Bring counts' index up to date: `freed` cores and gpus (negative: taken) have just changed. */
void pool_node_changed(struct pool *p, unsigned node, const int freed[FLUX_RSET_KINDS]);
struct pool_alloc *pool_alloc_new(const struct pool *p, unsigned npieces);
/* An idset of the bits of one kind at `words`. */
struct flux_idset *pool_ids(const struct pool *p, const uint64_t *words, int kind);

#endif
