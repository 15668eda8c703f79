// SPDX-License-Identifier: LGPL-3.0-only
/* A binary heap of embedded items: the first by `before` is at the top; any item can be taken out
 * or moved after a change of its order. */
#ifndef SCHED_HEAP_H
#define SCHED_HEAP_H

#include <flux/base.h>

struct heap_item {
    size_t at; /* position + 1 while it is in a heap; else 0 */
};

struct heap {
    bool (*before)(const struct heap_item *a, const struct heap_item *b);
    struct heap_item **items;
    size_t count, room;
};

static inline struct heap_item *heap_top(const struct heap *hp)
{
    return hp->count ? hp->items[0] : NULL;
}
void heap_add(struct heap *hp, struct heap_item *item);
void heap_remove(struct heap *hp, struct heap_item *item);
void heap_moved(struct heap *hp, struct heap_item *item);
void heap_done(struct heap *hp);

#endif
