// SPDX-License-Identifier: LGPL-3.0-only
/* Binary heap: no item comes before its parent. */
#include "heap.h"

static void put(struct heap *hp, size_t i, struct heap_item *item)
{
    hp->items[i] = item;
    item->at = i + 1;
}

static void rise(struct heap *hp, size_t i)
{
    struct heap_item *item = hp->items[i];

    while (i > 0 && hp->before(item, hp->items[(i - 1) / 2])) {
        put(hp, i, hp->items[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(hp, i, item);
}

static void sink(struct heap *hp, size_t i)
{
    struct heap_item *item = hp->items[i];

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= hp->count)
            break;
        if (child + 1 < hp->count && hp->before(hp->items[child + 1], hp->items[child]))
            child++;
        if (!hp->before(hp->items[child], item))
            break;
        put(hp, i, hp->items[child]);
        i = child;
    }
    put(hp, i, item);
}

void heap_add(struct heap *hp, struct heap_item *item)
{
    if (hp->count == hp->room) {
        hp->room = hp->room ? hp->room * 2 : 16;
        hp->items = flux_realloc(hp->items, hp->room, sizeof(*hp->items));
    }
    put(hp, hp->count++, item);
    rise(hp, hp->count - 1);
}

void heap_remove(struct heap *hp, struct heap_item *item)
{
    size_t i = item->at - 1;
    struct heap_item *last = hp->items[--hp->count];

    item->at = 0;
    if (last == item)
        return;
    put(hp, i, last);
    heap_moved(hp, last);
}

void heap_moved(struct heap *hp, struct heap_item *item)
{
    rise(hp, item->at - 1);
    sink(hp, item->at - 1);
}

void heap_done(struct heap *hp)
{
    free(hp->items);
    hp->items = NULL;
    hp->count = hp->room = 0;
}
