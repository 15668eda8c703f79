// SPDX-License-Identifier: LGPL-3.0-only
/* The scheduler's engine: which cores and gpus of which nodes are free, and first fit over them.
 *
 * Every node keeps its free cores and gpus as bitmaps with counts; nodes are indexed in bitmaps by
 * how many cores they have free (powers of two), so that a fit looks only at nodes that can serve.
 * No I/O, no clock, no messages in here. */
#ifndef SCHED_POOL_H
#define SCHED_POOL_H

#include <flux/jobspec.h>
#include <flux/rset.h>

struct pool;

/* Nodes that a constraint admits; shared by all requests with the same constraint. */
struct pool_mask;

struct pool_request {
    unsigned nnodes; /* 0: slots go wherever they fit */
    unsigned slots_per_node;
    unsigned nslots; /* if nnodes is 0 */
    unsigned cores_per_slot, gpus_per_slot;
    bool exclusive;                    /* whole nodes; only with nnodes */
    const struct flux_count *flexible; /* of nodes if nnodes, else of slots; NULL: exactly that */
    const struct pool_mask *mask;      /* never NULL */
};

/* What one job holds. */
struct pool_alloc;

/* Take over the inventory (copied). All nodes are down at first. */
struct pool *pool_new(const struct flux_rset *all);
void pool_free(struct pool *p);
const struct flux_rset *pool_all(const struct pool *p);

enum pool_state { POOL_UP, POOL_DOWN, POOL_GONE };
/* Ranks not in the inventory are ignored. GONE: for good (they do not count as feasible either). */
void pool_set_state(struct pool *p, const struct flux_idset *ranks, enum pool_state state);

/* The mask of a constraint (NULL: none); the caller gives it back with pool_mask_unref(). -EINVAL:
 * not a constraint. */
int pool_mask(struct pool *p, const json_t *constraint, struct pool_mask **ret,
              struct flux_error *err);
void pool_mask_unref(struct pool *p, struct pool_mask *m);
/* Its constraint as JSON text; "" for none. */
const char *pool_mask_text(const struct pool_mask *m);
/* A place for the caller's data, one per mask. */
void *pool_mask_aux(const struct pool_mask *m);
void pool_mask_set_aux(struct pool_mask *m, void *aux);

/* What a jobspec asks for. -EINVAL: more than nodes, slots, cores and gpus. js->node_count and
 * slot_count must outlive the request. */
int pool_request_init(struct pool_request *rq, const struct flux_jobspec *js,
                      const struct pool_mask *mask, struct flux_error *err);

/* 0; or -EAGAIN: not now. Nodes in `reserved` (NULL: none) are left alone. */
struct pool_reserve;
int pool_alloc(struct pool *p, const struct pool_request *rq, const struct pool_reserve *reserved,
               struct pool_alloc **ret);
/* Could it be served if every node were up and idle? -ENOSPC: never, `err` says what is too much.
 */
int pool_feasible(struct pool *p, const struct pool_request *rq, struct flux_error *err);

/* Give all back, and free the record. */
void pool_release(struct pool *p, struct pool_alloc *a);
/* Give back what it has on these ranks. True: nothing is left (the record is still to release). */
bool pool_release_ranks(struct pool *p, struct pool_alloc *a, const struct flux_idset *ranks);
/* Take what R names, for a job that holds it already. -ENOENT: not in the inventory; -EBUSY: held
 * by another. */
int pool_hold(struct pool *p, const struct flux_rset *r, struct pool_alloc **ret,
              struct flux_error *err);

/* JSON R of an allocation; caller frees. With `summary`, also the short form (caller frees). */
char *pool_encode(const struct pool *p, const struct pool_alloc *a, double starttime,
                  double expiration, char **summary);
struct flux_rset *pool_alloc_rset(const struct pool *p, const struct pool_alloc *a);

/* Nodes that a blocked request is waiting for, so that later ones do not take them. */
struct pool_reserve *pool_reserve_new(const struct pool *p);
void pool_reserve_clear(struct pool_reserve *rv);
void pool_reserve_add(struct pool_reserve *rv, const struct pool_mask *m);
/* Has the mask any usable node (up, some core free) that is not reserved? */
bool pool_reserve_leaves(const struct pool *p, const struct pool_reserve *rv,
                         const struct pool_mask *m);
void pool_reserve_free(struct pool_reserve *rv);

/* Views: what is allocated; the nodes that are down or gone. Caller frees. */
struct flux_rset *pool_allocated(const struct pool *p);
struct flux_rset *pool_down(const struct pool *p);

#endif
