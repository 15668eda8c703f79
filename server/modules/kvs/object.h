// SPDX-License-Identifier: LGPL-3.0-only
/* What the KVS tree is made of: reference-counted objects that are in memory, in the store, or
 * both.
 *
 * An object is a tree node or the bytes of a value. It is *dirty* until it has been written: then
 * it has a store reference (id and hash) and is never changed again. Stored objects that nobody
 * used for a while lose their body (`data`) and get it back from the store on demand. An object
 * whose refs is above 1 is shared between versions of the tree and is copied instead of changed.
 * Invariant: everything below a stored node is stored. */
#ifndef MODULES_KVS_OBJECT_H
#define MODULES_KVS_OBJECT_H

#include <flux/base.h>
#include <sys/queue.h>

#include "../content-sqlite/store.h"

enum kvs_object_type {
    KVS_NODE,
    KVS_BLOB,
};

enum kvs_object_state {
    KVS_DIRTY,   /* in memory alone */
    KVS_WRITING, /* has its reference; the batch that writes it has not ended yet */
    KVS_STORED,
};

struct kvs_object {
    uint32_t refs;
    uint8_t type;
    uint8_t state;
    bool client;          /* a blob of the content service */
    bool cached;          /* is in the lru list */
    uint32_t size;        /* bytes of the body when loaded; of a blob always */
    struct store_ref ref; /* valid unless dirty */
    void *data;           /* struct kvs_body or bytes; NULL = not loaded */
    TAILQ_ENTRY(kvs_object) lru;
};
TAILQ_HEAD(kvs_objects, kvs_object);

/* Where objects live: the store they come from, the cache of stored bodies, and the accounts. */
struct kvs_heap {
    struct store *store;
    struct kvs_objects lru; /* stored and loaded, least recently used first */
    size_t cached_bytes;    /* of those */
    size_t budget;          /* evict above this */
    size_t objects;         /* all headers */
    size_t bytes;           /* all memory held, estimated */
    uint64_t dead;          /* stored objects the live tree gave up: about what a gc would find */
    bool evicting;
};

void kvs_heap_init(struct kvs_heap *heap, struct store *store, size_t budget);
/* Evict down to `budget` bytes of stored bodies. Only where no body is in use: loading never does.
 */
void kvs_heap_trim(struct kvs_heap *heap, size_t budget);

/* A dirty node without entries; a dirty blob with a copy of the bytes. */
struct kvs_object *kvs_object_node(struct kvs_heap *heap, int level);
struct kvs_object *kvs_object_blob(struct kvs_heap *heap, const void *data, size_t len);
/* A stored object that is not loaded. `size` is the length of a blob. */
struct kvs_object *kvs_object_stub(struct kvs_heap *heap, enum kvs_object_type type,
                                   const struct store_ref *ref, size_t size);
struct kvs_object *kvs_object_ref(struct kvs_object *o); /* NULL stays NULL */
void kvs_object_unref(struct kvs_heap *heap, struct kvs_object *o);
/* See to it that o->data is there. Keep a reference while you use it. */
int kvs_object_load(struct kvs_heap *heap, struct kvs_object *o, struct flux_error *err);
/* The body grew or shrank to `size`. */
void kvs_object_resized(struct kvs_heap *heap, struct kvs_object *o, size_t size);
/* It has its reference and is being written; then it is written, or was not. */
void kvs_object_writing(struct kvs_object *o, const struct store_ref *ref);
void kvs_object_written(struct kvs_heap *heap, struct kvs_object *o, bool ok);
/* The only holder wants to change a loaded object: forget where it was stored. */
void kvs_object_dirty(struct kvs_heap *heap, struct kvs_object *o);

#endif
