// SPDX-License-Identifier: LGPL-3.0-only
/* Bump allocation in blocks; the newest block is first. */
#include <flux/arena.h>

#define BLOCK 2000

struct flux_arena_block {
    struct flux_arena_block *next;
    size_t size;
    _Alignas(16) char data[];
};

static void *allocator_alloc(void *data, size_t size)
{
    return flux_arena_alloc(data, size);
}

static void allocator_free(void *data, void *p)
{
    (void)data;
    (void)p;
}

void flux_arena_init(struct flux_arena *a)
{
    *a = (struct flux_arena){.allocator = {allocator_alloc, allocator_free, a}};
}

static void add_block(struct flux_arena *a, size_t size)
{
    struct flux_arena_block *b = malloc(sizeof(*b) + size);

    if (!b)
        abort();
    b->size = size;
    b->next = a->blocks;
    a->blocks = b;
    a->used = 0;
}

void *flux_arena_alloc(struct flux_arena *a, size_t size)
{
    size_t n = (size + 15) & ~(size_t)15;
    void *p;

    if (n < size)
        abort();
    if (!a->blocks || a->blocks->size - a->used < n)
        add_block(a, n > BLOCK ? n : BLOCK);
    p = a->blocks->data + a->used;
    a->used += n;
    return memset(p, 0, size);
}

char *flux_arena_strdup(struct flux_arena *a, const char *s)
{
    size_t n;

    if (!s)
        return NULL;
    n = strlen(s) + 1;
    return memcpy(flux_arena_alloc(a, n), s, n);
}

void flux_arena_reset(struct flux_arena *a)
{
    while (a->blocks) {
        struct flux_arena_block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    a->used = 0;
}
