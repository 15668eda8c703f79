// SPDX-License-Identifier: LGPL-3.0-only
/* The tree that joins the brokers of an instance: ranks 0..size-1, rank 0 at the root. The same
 * tree serves every fan-out and fan-in over ranks (overlay, PMI exchange among shells). Immutable.
 */
#ifndef FLUX_TOPOLOGY_H
#define FLUX_TOPOLOGY_H

#include <flux/base.h>
#include <flux/idset.h>

#pragma GCC visibility push(default)

#define FLUX_TOPOLOGY_NONE UINT32_MAX     /* the parent of rank 0, a hop that does not exist */
#define FLUX_TOPOLOGY_MAX_SIZE (1u << 22) /* ranks in one tree, at most (what an idset holds) */

struct flux_topology;

/* Build the tree named by `spec`: "kary:K" (K >= 0; kary:0 is flat), "binomial", "flat",
 * "mincrit[:K]" (K brokers below rank 0 have the others as children). -EINVAL
 * for an unknown name or a bad K, -EOVERFLOW for a size outside 1..FLUX_TOPOLOGY_MAX_SIZE. */
int flux_topology_new(const char *spec, uint32_t size, struct flux_topology **ret,
                      struct flux_error *err);

/* Build a tree from each rank's parent (parents[0] is ignored). -EINVAL when a parent is out of
 * range or some rank does not lead to rank 0 (a loop). */
int flux_topology_custom(const uint32_t *parents, uint32_t size, struct flux_topology **ret,
                         struct flux_error *err);
void flux_topology_free(struct flux_topology *t);
FLUX_DEFINE_AUTO(topology);

/* Ranks given below must be < size. */
uint32_t flux_topology_size(const struct flux_topology *t);
uint32_t flux_topology_parent(const struct flux_topology *t, uint32_t rank); /* or ..._NONE */
uint32_t flux_topology_child_count(const struct flux_topology *t, uint32_t rank);
uint32_t flux_topology_child(const struct flux_topology *t, uint32_t rank, uint32_t i);
uint32_t flux_topology_level(const struct flux_topology *t, uint32_t rank); /* rank 0: 0 */
uint32_t flux_topology_maxlevel(const struct flux_topology *t);
uint32_t flux_topology_descendants(const struct flux_topology *t,
                                   uint32_t rank); /* self not counted */

/* Is `target` in the subtree rooted at `top` (top itself included)? O(1). */
bool flux_topology_contains(const struct flux_topology *t, uint32_t top, uint32_t target);

/* All ranks of the subtree rooted at `top`, itself included. Caller frees. */
struct flux_idset *flux_topology_subtree(const struct flux_topology *t, uint32_t top);

/* The neighbour of `me` on the way to `target`: a child, the parent, or `me` when target == me.
 * O(depth). */
uint32_t flux_topology_route(const struct flux_topology *t, uint32_t me, uint32_t target);

/* Split `set` by next hop: `part` is called once for each hop that has any rank, in the order me,
 * the children, the parent; it borrows `ranks`. A negative return of `part` stops and is returned.
 * -EHOSTUNREACH if a rank is >= size. */
typedef int (*flux_topology_part_f)(uint32_t hop, const struct flux_idset *ranks, void *arg);
int flux_topology_split(const struct flux_topology *t, uint32_t me, const struct flux_idset *set,
                        flux_topology_part_f part, void *arg);

#pragma GCC visibility pop
#endif
