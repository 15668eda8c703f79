// SPDX-License-Identifier: LGPL-3.0-only
/* A value that grows by appends. Full chunks are blobs in a tree keyed by their offset; the rest is
 * the tail, a buffer that all versions of the log share: each knows how much of it is its own. So
 * an append costs O(1), and an older version stays what it was. */
#ifndef MODULES_KVS_LOG_H
#define MODULES_KVS_LOG_H

#include <flux/buf.h>

#include "object.h"

#define KVS_LOG_CHUNK 16384

struct kvs_tail {
    uint32_t refs;
    uint32_t used, cap; /* bytes that the longest version has; allocated */
    char *data;
};

struct kvs_log {
    uint32_t refs;
    uint32_t tail_len;         /* bytes after the chunks */
    uint64_t sealed;           /* bytes in chunks */
    struct kvs_object *chunks; /* tree: 8 bytes big-endian offset -> blob; NULL = none */
    struct kvs_tail *tail;     /* one of these two unless tail_len is 0 */
    struct kvs_object *stored; /* the tail as a blob in the store */
};

/* A log that begins with `len` bytes. */
struct kvs_log *kvs_log_new(struct kvs_heap *heap, const void *data, size_t len);
void kvs_log_unref(struct kvs_heap *heap, struct kvs_log *log);
size_t kvs_log_memory(const struct kvs_log *log);
static inline uint64_t kvs_log_size(const struct kvs_log *log)
{
    return log->sealed + log->tail_len;
}

/* Append to *log, which the caller holds one reference to: changed in place if that is the only
 * one, else replaced. On failure it is as before. */
int kvs_log_append(struct kvs_heap *heap, struct kvs_log **log, const void *data, size_t len,
                   struct flux_error *err);
/* Add bytes [offset, offset+max) to `out`, as far as they exist. */
int kvs_log_read(struct kvs_heap *heap, const struct kvs_log *log, uint64_t offset, uint64_t max,
                 struct flux_buf *out, struct flux_error *err);
/* Give the tail up for a blob, so that it can be written; NULL when it is short enough to lie in
 * the node (or is a blob already). The blob belongs to the log. */
struct kvs_object *kvs_log_settle(struct kvs_heap *heap, struct kvs_log *log);

#endif
