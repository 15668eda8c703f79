// SPDX-License-Identifier: LGPL-3.0-only
/* The body of a tree node: up to KVS_NODE_MAX entries sorted by name. In a leaf (level 0) an entry
 * is something of a directory; above, it is a child node whose names are >= the entry's name.
 * Names lie in one pool, payloads are shared between versions by reference. */
#ifndef MODULES_KVS_NODE_H
#define MODULES_KVS_NODE_H

#include "object.h"

#define KVS_NODE_MAX 32
#define KVS_NODE_LOW 8 /* below this, a node tries to join its neighbour */
#define KVS_NAME_MAX 255
#define KVS_INLINE_MAX 256 /* longer values are blobs */
#define KVS_LEVEL_MAX 16

/* Numbers are stored: append only. */
enum kvs_kind {
    KVS_NONE = 0,
    KVS_CHILD = 1,   /* struct kvs_object (node) */
    KVS_INLINE = 2,  /* struct kvs_bytes */
    KVS_VALUE = 3,   /* struct kvs_object (blob) */
    KVS_DIR = 4,     /* struct kvs_object (node), NULL = empty */
    KVS_SYMLINK = 5, /* struct kvs_bytes: "target" or "namespace::target" */
    KVS_LOG = 6,     /* struct kvs_log */
};

/* NUL-terminated behind len. */
struct kvs_bytes {
    uint32_t refs;
    uint32_t len;
    char data[];
};

struct kvs_entry {
    uint32_t name; /* offset in the pool */
    uint16_t namelen;
    uint8_t kind;
    void *p;
};

struct kvs_body {
    uint8_t level;
    uint16_t count, cap;
    uint32_t pool_len, pool_cap;
    char *pool;
    struct kvs_entry *entries;
};

struct kvs_bytes *kvs_bytes_new(const void *data, size_t len);
/* What entries of each kind point to. NULL stays NULL. */
void *kvs_payload_ref(int kind, void *p);
void kvs_payload_unref(struct kvs_heap *heap, int kind, void *p);

struct kvs_body *kvs_body_new(int level);
struct kvs_body *kvs_body_copy(const struct kvs_body *b);
void kvs_body_free(struct kvs_heap *heap, struct kvs_body *b);
size_t kvs_body_size(const struct kvs_body *b);

static inline const char *kvs_entry_name(const struct kvs_body *b, const struct kvs_entry *e)
{
    return b->pool + e->name;
}

/* memcmp order, shorter first. */
int kvs_name_cmp(const char *a, size_t alen, const char *b, size_t blen);
/* Index of the first entry whose name is >= the given one. */
int kvs_body_search(const struct kvs_body *b, const char *name, size_t len, bool *found);
/* Index of the last entry whose name is <= the given one, or 0. */
int kvs_body_floor(const struct kvs_body *b, const char *name, size_t len);
/* Takes p. There must be room: count < KVS_NODE_MAX. */
struct kvs_entry *kvs_body_insert(struct kvs_body *b, int i, const char *name, size_t len, int kind,
                                  void *p);
/* The entry's payload goes to the caller. */
void kvs_body_remove(struct kvs_body *b, int i);
/* Move entries from `at` on to the end of `to`. */
void kvs_body_move(struct kvs_body *b, int at, struct kvs_body *to);

/* The stored form. Encoding needs all children stored or being written. Caller frees *data. */
void kvs_body_encode(const struct kvs_body *b, void **data, size_t *len);
/* -EPROTO on anything that is not one. */
int kvs_body_decode(struct kvs_heap *heap, const void *data, size_t len, struct kvs_body **ret,
                    struct flux_error *err);

#endif
