// SPDX-License-Identifier: LGPL-3.0-only
/* Idset (RFC 22): a set of small unsigned integers (ranks, cores, task ids), kept as a bitmap. */
#ifndef FLUX_IDSET_H
#define FLUX_IDSET_H

#include <flux/base.h>

#pragma GCC visibility push(default)

#define FLUX_IDSET_MAX ((1u << 22) - 1) /* largest id a set can hold */
#define FLUX_IDSET_NONE ((unsigned)-1)  /* "no such id" from first, last, next, prev, nth */

enum flux_idset_flags {
    FLUX_IDSET_RANGE = 1,    /* write 1-3 for 1,2,3 */
    FLUX_IDSET_BRACKETS = 2, /* put [] around more than one id */
};

struct flux_idset;

struct flux_idset *flux_idset_new(void);
struct flux_idset *flux_idset_copy(const struct flux_idset *set);
void flux_idset_free(struct flux_idset *set);
FLUX_DEFINE_AUTO(idset);

/* Text to set: "", "2", "1,7-9", "[0-3]". Ids must ascend, without repeats or leading zeros.
 * 0, or -EINVAL; *ret is written on success only. */
int flux_idset_decode(const char *s, struct flux_idset **ret, struct flux_error *err);
/* Set to text; caller frees. `flags` is a sum of enum flux_idset_flags. The empty set is "". */
char *flux_idset_encode(const struct flux_idset *set, int flags);

/* 0, or -ERANGE when an id is above FLUX_IDSET_MAX (or lo > hi). Adding a member is no error. */
int flux_idset_add(struct flux_idset *set, unsigned id);
int flux_idset_add_range(struct flux_idset *set, unsigned lo, unsigned hi);
/* Taking out what is not there is no error. */
void flux_idset_remove(struct flux_idset *set, unsigned id);
void flux_idset_remove_range(struct flux_idset *set, unsigned lo, unsigned hi);
void flux_idset_clear(struct flux_idset *set);

bool flux_idset_contains(const struct flux_idset *set, unsigned id);
size_t flux_idset_count(const struct flux_idset *set); /* O(1) */
bool flux_idset_empty(const struct flux_idset *set);
unsigned flux_idset_first(const struct flux_idset *set);
unsigned flux_idset_last(const struct flux_idset *set);
unsigned flux_idset_next(const struct flux_idset *set, unsigned id); /* smallest member > id */
unsigned flux_idset_prev(const struct flux_idset *set, unsigned id); /* largest member < id */
unsigned flux_idset_nth(const struct flux_idset *set, size_t n);     /* n-th smallest, from 0 */
/* How many members are below id: the inverse of nth. */
size_t flux_idset_rank(const struct flux_idset *set, unsigned id);

/* for each member, ascending; members may be removed on the way */
#define FLUX_IDSET_FOREACH(set, id)                                                                \
    for (unsigned id = flux_idset_first(set); id != FLUX_IDSET_NONE; id = flux_idset_next(set, id))

bool flux_idset_equal(const struct flux_idset *a, const struct flux_idset *b);
bool flux_idset_is_subset(const struct flux_idset *a, const struct flux_idset *of);
bool flux_idset_intersects(const struct flux_idset *a, const struct flux_idset *b);

/* New sets. */
struct flux_idset *flux_idset_union(const struct flux_idset *a, const struct flux_idset *b);
struct flux_idset *flux_idset_intersect(const struct flux_idset *a, const struct flux_idset *b);
struct flux_idset *flux_idset_difference(const struct flux_idset *a, const struct flux_idset *b);

/* The same in place: a = a | b, a & b, a - b. */
void flux_idset_add_set(struct flux_idset *a, const struct flux_idset *b);
void flux_idset_keep_set(struct flux_idset *a, const struct flux_idset *b);
void flux_idset_remove_set(struct flux_idset *a, const struct flux_idset *b);

#pragma GCC visibility pop
#endif
