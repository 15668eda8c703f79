// SPDX-License-Identifier: LGPL-3.0-only
/* Online garbage collection: after a fresh checkpoint, mark what it and the pinned roots reach,
 * then delete what is older than the checkpoint and not marked. Both go in bounded slices. What is
 * written meanwhile has higher numbers and is left alone; what is brought back from an old root
 * aborts the round. A damaged node aborts it too: its children are unknown, and nothing may be lost
 * by guess.
 *
 * A round begins when so many objects are known to be dead, or when as many have been written since
 * the last one as were alive then and some more: so the file stays within about twice of what it
 * must have, and the work in proportion to what is written. */
#include "engine.h"

#define SLICE_MARKS 200
#define SLICE_SWEEP 512
#define SLICE_PAGES 256

static void reset(struct kvs_gc *g)
{
    free(g->marks);
    g->marks = NULL;
    g->depth = 0;
    g->done = false;
    g->clients = false;
    g->batch = NULL;
    g->phase = KVS_GC_IDLE;
}

uint64_t kvs_gc_start(struct kvs *k, bool clients)
{
    struct kvs_gc *g = &k->gc;

    g->clients |= clients;
    if (g->phase != KVS_GC_IDLE)
        return g->started;
    g->phase = KVS_GC_CHECKPOINT;
    g->wait = kvs_checkpoint_start(k);
    g->dead = k->heap.dead;
    g->blobs = g->bytes = 0;
    return ++g->started;
}

uint64_t kvs_gc_last(const struct kvs *k, int *failed)
{
    *failed = k->gc.failed;
    return k->gc.ended;
}

static void end(struct kvs *k, int r)
{
    struct kvs_gc *g = &k->gc;

    reset(g);
    g->ended = g->started;
    g->failed = r;
    if (r == 0) {
        k->heap.dead -= g->dead < k->heap.dead ? g->dead : k->heap.dead;
        store_set_collected(k->store, g->below, g->live);
        k->stats.gc_rounds++;
        k->stats.gc_blobs += g->blobs;
        k->stats.gc_bytes += g->bytes;
    } else if (r != -ECANCELED) {
        k->heap.dead = 0; /* not again at once */
        kvs_report(k, "garbage collection stopped: %s", strerror(-r));
    }
}

bool kvs_gc_wanted(const struct kvs *k)
{
    uint64_t since, live;

    store_get_collected(k->store, &since, &live);
    return k->heap.dead > k->opt.gc_dead || store_next_id(k->store) > since + live + k->opt.gc_dead;
}

void kvs_gc_abort(struct kvs *k, int why)
{
    if (k->gc.phase != KVS_GC_IDLE)
        end(k, why);
}

static void push(struct kvs_gc *g, const struct store_ref *ref, bool node)
{
    uint8_t bit = 1 << (ref->id & 7);

    if (ref->id == 0 || ref->id >= g->limit || (g->marks[ref->id >> 3] & bit))
        return;
    g->marks[ref->id >> 3] |= bit;
    g->live++;
    if (!node)
        return;
    if (g->depth == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 256;
        g->stack = flux_realloc(g->stack, g->cap, sizeof(*g->stack));
    }
    g->stack[g->depth++] = *ref;
}

static void push_object(struct kvs_gc *g, const struct kvs_object *o)
{
    if (o)
        push(g, &o->ref, o->type == KVS_NODE);
}

static void begin_mark(struct kvs *k)
{
    struct kvs_gc *g = &k->gc;

    g->below = k->checkpoint.last_first_id;
    g->limit = store_next_id(k->store);
    g->marks = flux_alloc(g->limit / 8 + 1);
    g->phase = KVS_GC_MARK;
    g->cursor = g->live = 0;
    for (size_t i = 0; i < k->nlast; i++)
        push_object(g, k->last[i].root);
    for (int i = 0; i < KVS_PINS; i++)
        push_object(g, k->pins[i]);
}

static void mark_entries(struct kvs_gc *g, const struct kvs_body *b)
{
    for (int i = 0; i < b->count; i++) {
        const struct kvs_entry *e = &b->entries[i];

        if (e->kind == KVS_LOG) {
            const struct kvs_log *log = e->p;

            push_object(g, log->chunks);
            push_object(g, log->stored);
        } else if (e->kind != KVS_INLINE && e->kind != KVS_SYMLINK)
            push_object(g, e->p);
    }
}

static int mark_node(struct kvs *k, const struct store_ref *ref)
{
    struct kvs_body *body;
    void *data;
    size_t len;
    int r;

    r = store_load(k->store, ref, &data, &len, NULL);
    if (r < 0)
        return r;
    r = kvs_body_decode(&k->heap, data, len, &body, NULL);
    free(data);
    if (r < 0)
        return r;
    mark_entries(&k->gc, body);
    k->heap.evicting = true; /* what goes now is not dead */
    kvs_body_free(&k->heap, body);
    k->heap.evicting = false;
    return 0;
}

static void mark(struct kvs *k)
{
    struct kvs_gc *g = &k->gc;
    int r = 0;

    for (int i = 0; i < SLICE_MARKS && g->depth && r == 0; i++) {
        struct store_ref ref = g->stack[--g->depth];

        r = mark_node(k, &ref);
    }
    if (r < 0)
        end(k, r);
    else if (g->depth == 0)
        g->phase = KVS_GC_SWEEP;
}

static void sweep(struct kvs *k, struct store_batch *b)
{
    struct kvs_gc *g = &k->gc;
    uint64_t *ids = flux_alloc(SLICE_SWEEP * sizeof(*ids));
    ssize_t n = store_list_ids(k->store, g->clients ? STORE_CLIENT : STORE_VALUE, g->cursor,
                               g->below, ids, SLICE_SWEEP, NULL);
    size_t kept = 0;

    if (n > 0)
        g->cursor = ids[n - 1];
    for (ssize_t i = 0; i < n; i++) {
        if (!(g->marks[ids[i] >> 3] & 1 << (ids[i] & 7)))
            ids[kept++] = ids[i];
    }
    if (kept) {
        store_batch_delete(b, ids, kept);
        store_batch_shrink(b, SLICE_PAGES);
        g->batch = b;
    } else
        free(ids);
    g->done = n < SLICE_SWEEP;
    if (n < 0)
        end(k, n);
}

void kvs_gc_step(struct kvs *k, struct store_batch *b)
{
    struct kvs_gc *g = &k->gc;
    int failed;

    if (g->phase == KVS_GC_CHECKPOINT && kvs_checkpoint_last(k, &failed) >= g->wait) {
        if (failed < 0)
            end(k, failed);
        else
            begin_mark(k);
    }
    if (g->phase == KVS_GC_MARK)
        mark(k);
    else if (g->phase == KVS_GC_SWEEP)
        sweep(k, b);
}

void kvs_gc_ended(struct kvs *k, int r)
{
    struct kvs_gc *g = &k->gc;
    uint64_t blobs = 0, bytes = 0;

    if (r == 0 && g->batch) {
        store_batch_deleted(g->batch, &blobs, &bytes);
        g->blobs += blobs;
        g->bytes += bytes;
    }
    g->batch = NULL;
    if (g->phase == KVS_GC_IDLE)
        return;
    if (r < 0)
        end(k, r);
    else if (g->done)
        end(k, 0);
}
