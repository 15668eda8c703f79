// SPDX-License-Identifier: LGPL-3.0-only
/* Hostlist (RFC 29): an ordered list of host names, repeats and leading zeros kept. Names that
 * count up from one to the next are stored, and written, as ranges: foo[1-5,07-09]. */
#ifndef FLUX_HOSTLIST_H
#define FLUX_HOSTLIST_H

#include <flux/base.h>
#include <flux/idset.h>

#pragma GCC visibility push(default)

#define FLUX_HOSTLIST_MAX (1u << 20) /* most hosts in a list */
#define FLUX_HOST_SIZE 256           /* room for any name, NUL included */

struct flux_hostlist;

/* Walks a list; start with {0}. The name is valid until the next step. */
struct flux_hostlist_iter {
    size_t run;
    size_t offset;
    char name[FLUX_HOST_SIZE];
};

struct flux_hostlist *flux_hostlist_new(void);
struct flux_hostlist *flux_hostlist_copy(const struct flux_hostlist *hl);
void flux_hostlist_free(struct flux_hostlist *hl);
FLUX_DEFINE_AUTO(hostlist);

/* Text to list. 0, -EINVAL, or -E2BIG past FLUX_HOSTLIST_MAX; *ret is written on success only. */
int flux_hostlist_decode(const char *s, struct flux_hostlist **ret, struct flux_error *err);
/* List to text; caller frees. The empty list is "". */
char *flux_hostlist_encode(const struct flux_hostlist *hl);

/* Append: the hosts of a hostlist text; one name as it is; another list; lo..hi of it by position.
 * 0, -EINVAL or -E2BIG; on failure nothing was appended. */
int flux_hostlist_append(struct flux_hostlist *hl, const char *hosts, struct flux_error *err);
int flux_hostlist_append_host(struct flux_hostlist *hl, const char *name);
int flux_hostlist_append_list(struct flux_hostlist *hl, const struct flux_hostlist *more);

size_t flux_hostlist_count(const struct flux_hostlist *hl);
/* The n-th name, from 0, into buf (returned); NULL when out of range. O(log ranges). */
const char *flux_hostlist_nth(const struct flux_hostlist *hl, size_t n, char buf[FLUX_HOST_SIZE]);
/* Position of the first (at or after `from`) occurrence of a name, or -ENOENT. */
ssize_t flux_hostlist_find(const struct flux_hostlist *hl, const char *name);
ssize_t flux_hostlist_find_from(const struct flux_hostlist *hl, const char *name, size_t from);
/* Next name, or NULL at the end. */
const char *flux_hostlist_next(const struct flux_hostlist *hl, struct flux_hostlist_iter *it);

/* for each name: FLUX_HOSTLIST_FOREACH(hl, it, name) { ... } */
#define FLUX_HOSTLIST_FOREACH(hl, it, name)                                                        \
    for (struct flux_hostlist_iter it = {0}, *once_##it = &it; once_##it; once_##it = NULL)        \
        for (const char *name; (name = flux_hostlist_next(hl, &it));)

/* Natural order: digits inside a name compare as numbers. */
void flux_hostlist_sort(struct flux_hostlist *hl);
/* Drop repeats; the first occurrence of each stays, and the order. */
void flux_hostlist_uniq(struct flux_hostlist *hl);

/* New lists. The hosts at the given positions; those of a that are (or are not) in b, any number of
 * times, in a's order. */
struct flux_hostlist *flux_hostlist_pick(const struct flux_hostlist *hl,
                                         const struct flux_idset *positions);
struct flux_hostlist *flux_hostlist_intersect(const struct flux_hostlist *a,
                                              const struct flux_hostlist *b);
struct flux_hostlist *flux_hostlist_exclude(const struct flux_hostlist *a,
                                            const struct flux_hostlist *b);
/* As exclude, but each entry of b takes away one occurrence only. */
struct flux_hostlist *flux_hostlist_minus(const struct flux_hostlist *a,
                                          const struct flux_hostlist *b);
bool flux_hostlist_equal(const struct flux_hostlist *a, const struct flux_hostlist *b);

/* Take out one occurrence of each host of the text; how many were there to take, or -EINVAL. */
int flux_hostlist_delete(struct flux_hostlist *hl, const char *hosts, struct flux_error *err);

/* Every position in hl of every host of `hosts`: 0, or -ENOENT with the first unknown host named.
 */
int flux_hostlist_positions(const struct flux_hostlist *hl, const struct flux_hostlist *hosts,
                            struct flux_idset **ret, struct flux_error *err);

#pragma GCC visibility pop
#endif
