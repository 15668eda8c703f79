// SPDX-License-Identifier: LGPL-3.0-only
/* Task maps in memory: built block by block, asked task by task. */
#include "taskmap.h"

struct flux_taskmap *flux_taskmap_new(void)
{
    return flux_alloc(sizeof(struct flux_taskmap));
}

void flux_taskmap_free(struct flux_taskmap *map)
{
    if (map) {
        free(map->blocks);
        free(map);
    }
}

/* Tasks in one round of the block. */
static unsigned stride(const struct block *b)
{
    return b->nnodes * b->ppn;
}

static bool same_shape(const struct block *a, const struct block *b)
{
    return a->nodeid == b->nodeid && a->nnodes == b->nnodes && a->ppn == b->ppn;
}

static void add_block(struct flux_taskmap *map, struct block b)
{
    struct block *last = map->len ? &map->blocks[map->len - 1] : NULL;

    if (last && same_shape(last, &b)) {
        last->repeat += b.repeat;
        return;
    }
    if (map->len == map->cap) {
        map->cap = map->cap ? map->cap * 2 : 4;
        map->blocks = flux_realloc(map->blocks, map->cap, sizeof(struct block));
    }
    map->blocks[map->len++] = b;
}

int flux_taskmap_append(struct flux_taskmap *map, unsigned nodeid, unsigned nnodes, unsigned ppn,
                        unsigned repeat)
{
    uint64_t tasks = ppn;

    if (nnodes < 1 || ppn < 1 || repeat < 1)
        return -EINVAL;
    if (nodeid >= FLUX_TASKMAP_MAX || nnodes > FLUX_TASKMAP_MAX - nodeid)
        return -E2BIG;
    if (__builtin_mul_overflow(tasks, nnodes, &tasks) ||
        __builtin_mul_overflow(tasks, repeat, &tasks) || tasks > FLUX_TASKMAP_MAX - map->ntasks)
        return -E2BIG;
    add_block(map, (struct block){nodeid, nnodes, ppn, repeat});
    map->ntasks += tasks;
    if (nodeid + nnodes > map->nnodes)
        map->nnodes = nodeid + nnodes;
    return 0;
}

/* How many tasks in a row stay on node[0]. */
static unsigned run_length(const unsigned *node, size_t n)
{
    size_t i = 1;

    while (i < n && node[i] == node[0])
        i++;
    return i;
}

int flux_taskmap_append_tasks(struct flux_taskmap *map, const unsigned *node, size_t n)
{
    struct block b;
    int r = n > FLUX_TASKMAP_MAX ? -E2BIG : 0;

    for (size_t i = 0; i < n && r == 0;) {
        b = (struct block){.nodeid = node[i], .nnodes = 1, .ppn = run_length(node + i, n - i)};
        i += b.ppn;
        while (i < n && node[i] == b.nodeid + b.nnodes && run_length(node + i, n - i) == b.ppn) {
            b.nnodes++;
            i += b.ppn;
        }
        r = flux_taskmap_append(map, b.nodeid, b.nnodes, b.ppn, 1);
    }
    return r;
}

bool flux_taskmap_unknown(const struct flux_taskmap *map)
{
    return map->len == 0;
}

unsigned flux_taskmap_ntasks(const struct flux_taskmap *map)
{
    return map->ntasks;
}

unsigned flux_taskmap_nnodes(const struct flux_taskmap *map)
{
    return map->nnodes;
}

int flux_taskmap_node(const struct flux_taskmap *map, unsigned task)
{
    for (size_t i = 0; i < map->len; i++) {
        const struct block *b = &map->blocks[i];
        unsigned tasks = stride(b) * b->repeat;
        if (task < tasks)
            return b->nodeid + task % stride(b) / b->ppn;
        task -= tasks;
    }
    return -ENOENT;
}

static bool block_has(const struct block *b, unsigned node)
{
    return node >= b->nodeid && node - b->nodeid < b->nnodes;
}

struct flux_idset *flux_taskmap_tasks(const struct flux_taskmap *map, unsigned node)
{
    struct flux_idset *set = flux_idset_new();
    unsigned base = 0;

    for (size_t i = 0; i < map->len; i++) {
        const struct block *b = &map->blocks[i];
        for (unsigned r = 0; block_has(b, node) && r < b->repeat; r++) {
            unsigned first = base + r * stride(b) + (node - b->nodeid) * b->ppn;
            flux_idset_add_range(set, first, first + b->ppn - 1);
        }
        base += stride(b) * b->repeat;
    }
    return set;
}

unsigned flux_taskmap_ntasks_on(const struct flux_taskmap *map, unsigned node)
{
    unsigned n = 0;

    for (size_t i = 0; i < map->len; i++)
        if (block_has(&map->blocks[i], node))
            n += map->blocks[i].ppn * map->blocks[i].repeat;
    return n;
}

bool flux_taskmap_equal(const struct flux_taskmap *a, const struct flux_taskmap *b)
{
    if (a->ntasks != b->ntasks || a->nnodes != b->nnodes)
        return false;
    for (unsigned task = 0; task < a->ntasks; task++)
        if (flux_taskmap_node(a, task) != flux_taskmap_node(b, task))
            return false;
    return true;
}
