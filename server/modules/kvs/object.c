// SPDX-License-Identifier: LGPL-3.0-only
/* Lifetime of tree objects, their cache, and loading on demand. A body is evicted only when it is
 * stored, so memory is bounded by the dirty part of the tree plus the cache budget. */
#include "object.h"
#include "node.h"

void kvs_heap_init(struct kvs_heap *heap, struct store *store, size_t budget)
{
    memset(heap, 0, sizeof(*heap));
    heap->store = store;
    heap->budget = budget;
    TAILQ_INIT(&heap->lru);
}

static struct kvs_object *object_new(struct kvs_heap *heap, enum kvs_object_type type)
{
    struct kvs_object *o = flux_alloc(sizeof(*o));

    o->refs = 1;
    o->type = type;
    heap->objects++;
    heap->bytes += sizeof(*o);
    return o;
}

struct kvs_object *kvs_object_node(struct kvs_heap *heap, int level)
{
    struct kvs_object *o = object_new(heap, KVS_NODE);

    o->data = kvs_body_new(level);
    kvs_object_resized(heap, o, kvs_body_size(o->data));
    return o;
}

struct kvs_object *kvs_object_blob(struct kvs_heap *heap, const void *data, size_t len)
{
    struct kvs_object *o = object_new(heap, KVS_BLOB);

    o->data = flux_memdup(data, len);
    kvs_object_resized(heap, o, len);
    return o;
}

struct kvs_object *kvs_object_stub(struct kvs_heap *heap, enum kvs_object_type type,
                                   const struct store_ref *ref, size_t size)
{
    struct kvs_object *o = object_new(heap, type);

    o->state = KVS_STORED;
    o->ref = *ref;
    o->size = size;
    return o;
}

struct kvs_object *kvs_object_ref(struct kvs_object *o)
{
    if (o)
        o->refs++;
    return o;
}

static void uncache(struct kvs_heap *heap, struct kvs_object *o)
{
    if (!o->cached)
        return;
    TAILQ_REMOVE(&heap->lru, o, lru);
    heap->cached_bytes -= o->size;
    o->cached = false;
}

static void cache(struct kvs_heap *heap, struct kvs_object *o)
{
    if (o->cached)
        TAILQ_REMOVE(&heap->lru, o, lru);
    else
        heap->cached_bytes += o->size;
    TAILQ_INSERT_TAIL(&heap->lru, o, lru);
    o->cached = true;
}

static void drop_body(struct kvs_heap *heap, struct kvs_object *o)
{
    uncache(heap, o);
    if (!o->data)
        return;
    heap->bytes -= o->size;
    if (o->type == KVS_NODE)
        kvs_body_free(heap, o->data);
    else
        free(o->data);
    o->data = NULL;
}

/* Recursion is bounded: a path is at most KVS_DEPTH_MAX directories of a few levels each. */
void kvs_object_unref(struct kvs_heap *heap, struct kvs_object *o)
{
    if (!o || --o->refs > 0)
        return;
    if (o->state == KVS_STORED && !heap->evicting)
        heap->dead++;
    drop_body(heap, o);
    heap->objects--;
    heap->bytes -= sizeof(*o);
    free(o);
}

void kvs_heap_trim(struct kvs_heap *heap, size_t budget)
{
    struct kvs_object *o;

    heap->evicting = true;
    while (heap->cached_bytes > budget && (o = TAILQ_FIRST(&heap->lru)))
        drop_body(heap, o);
    heap->evicting = false;
}

int kvs_object_load(struct kvs_heap *heap, struct kvs_object *o, struct flux_error *err)
{
    void *data;
    size_t len;
    int r;

    if (o->data) {
        if (o->cached)
            cache(heap, o);
        return 0;
    }
    r = store_load(heap->store, &o->ref, &data, &len, err);
    if (r < 0)
        return r;
    if (o->type == KVS_NODE) {
        r = kvs_body_decode(heap, data, len, (struct kvs_body **)&o->data, err);
        free(data);
        if (r < 0)
            return r;
        len = kvs_body_size(o->data);
    } else
        o->data = data;
    o->size = len;
    heap->bytes += len;
    cache(heap, o);
    return 0;
}

void kvs_object_resized(struct kvs_heap *heap, struct kvs_object *o, size_t size)
{
    heap->bytes += size - o->size;
    if (o->cached)
        heap->cached_bytes += size - o->size;
    o->size = size;
}

void kvs_object_writing(struct kvs_object *o, const struct store_ref *ref)
{
    o->ref = *ref;
    o->state = KVS_WRITING;
}

void kvs_object_written(struct kvs_heap *heap, struct kvs_object *o, bool ok)
{
    if (o->state != KVS_WRITING)
        return;
    if (ok) {
        o->state = KVS_STORED;
        cache(heap, o);
    } else {
        o->state = KVS_DIRTY;
        memset(&o->ref, 0, sizeof(o->ref));
    }
}

void kvs_object_dirty(struct kvs_heap *heap, struct kvs_object *o)
{
    if (o->state == KVS_DIRTY)
        return;
    uncache(heap, o);
    heap->dead++;
    o->state = KVS_DIRTY;
    memset(&o->ref, 0, sizeof(o->ref));
}
