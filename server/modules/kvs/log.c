// SPDX-License-Identifier: LGPL-3.0-only
/* Logs: O(1) append, readers at an offset. Only the version that ends where the shared tail ends
 * may extend it; any other takes a copy (at most a chunk) first. */
#include "log.h"
#include "node.h"
#include "tree.h"

#include <endian.h>

static struct kvs_tail *tail_new(const void *data, size_t len)
{
    struct kvs_tail *t = flux_alloc(sizeof(*t));

    t->refs = 1;
    t->used = t->cap = len;
    t->data = flux_memdup(data, len);
    return t;
}

static void tail_unref(struct kvs_tail *t)
{
    if (!t || --t->refs > 0)
        return;
    free(t->data);
    free(t);
}

static void tail_add(struct kvs_tail *t, const void *data, size_t len)
{
    if (t->used + len > t->cap) {
        t->cap = (t->used + len) * 3 / 2;
        t->data = flux_realloc(t->data, t->cap, 1);
    }
    memcpy(t->data + t->used, data, len);
    t->used += len;
}

struct kvs_log *kvs_log_new(struct kvs_heap *heap, const void *data, size_t len)
{
    struct kvs_log *log = flux_alloc(sizeof(*log));

    log->refs = 1;
    if (len)
        kvs_log_append(heap, &log, data, len, NULL); /* cannot fail: nothing to load */
    return log;
}

void kvs_log_unref(struct kvs_heap *heap, struct kvs_log *log)
{
    if (!log || --log->refs > 0)
        return;
    kvs_object_unref(heap, log->chunks);
    kvs_object_unref(heap, log->stored);
    tail_unref(log->tail);
    free(log);
}

size_t kvs_log_memory(const struct kvs_log *log)
{
    return sizeof(*log) + (log->tail ? sizeof(*log->tail) + log->tail->cap : 0);
}

static struct kvs_log *log_copy(const struct kvs_log *log)
{
    struct kvs_log *n = flux_memdup(log, sizeof(*log));

    n->refs = 1;
    kvs_object_ref(n->chunks);
    kvs_object_ref(n->stored);
    if (n->tail)
        n->tail->refs++;
    return n;
}

/* Make the tail one that ends where this log ends, so that it can be extended. */
static int own_tail(struct kvs_heap *heap, struct kvs_log *log, struct flux_error *err)
{
    struct kvs_tail *t;
    int r;

    if (log->tail && log->tail->used == log->tail_len)
        return 0;
    if (log->tail)
        t = tail_new(log->tail->data, log->tail_len);
    else if (log->stored) {
        r = kvs_object_load(heap, log->stored, err);
        if (r < 0)
            return r;
        if (log->stored->size != log->tail_len)
            return flux_error_set(err, -EUCLEAN, "log: the end is damaged");
        t = tail_new(log->stored->data, log->tail_len);
    } else
        t = tail_new("", 0);
    tail_unref(log->tail);
    kvs_object_unref(heap, log->stored);
    log->tail = t;
    log->stored = NULL;
    return 0;
}

static int add_chunk(struct kvs_heap *heap, struct kvs_log *log, const void *data, size_t len,
                     struct flux_error *err)
{
    uint64_t key = htobe64(log->sealed);
    struct kvs_entry *e;
    int r;

    r = kvs_tree_edit(heap, &log->chunks, (char *)&key, sizeof(key), true, &e, err);
    if (r < 0)
        return r;
    e->kind = KVS_VALUE;
    e->p = kvs_object_blob(heap, data, len);
    log->sealed += len;
    return 0;
}

static int seal_tail(struct kvs_heap *heap, struct kvs_log *log, struct flux_error *err)
{
    int r = log->tail_len ? add_chunk(heap, log, log->tail->data, log->tail_len, err) : 0;

    if (r < 0)
        return r;
    tail_unref(log->tail);
    log->tail = tail_new("", 0);
    log->tail_len = 0;
    return 0;
}

static int append(struct kvs_heap *heap, struct kvs_log *log, const void *data, size_t len,
                  struct flux_error *err)
{
    int r = own_tail(heap, log, err);

    if (r == 0 && log->tail_len + len > KVS_LOG_CHUNK) {
        r = seal_tail(heap, log, err);
        if (r == 0 && len > KVS_LOG_CHUNK)
            return add_chunk(heap, log, data, len, err);
    }
    if (r < 0)
        return r;
    tail_add(log->tail, data, len);
    log->tail_len += len;
    return 0;
}

int kvs_log_append(struct kvs_heap *heap, struct kvs_log **log, const void *data, size_t len,
                   struct flux_error *err)
{
    struct kvs_log *n = *log;
    int r;

    if (n->refs > 1 || n->tail_len + len > KVS_LOG_CHUNK)
        n = log_copy(n);
    r = append(heap, n, data, len, err);
    if (n != *log) {
        kvs_log_unref(heap, r < 0 ? n : *log);
        if (r == 0)
            *log = n;
    }
    return r;
}

/* Add what [offset, offset+max) has of `len` bytes that begin at `start`. */
static int add_part(struct flux_buf *out, const char *data, size_t len, uint64_t start,
                    uint64_t offset, uint64_t max)
{
    uint64_t from = offset - start;
    uint64_t n = len > from ? len - from : 0;

    return flux_buf_add(out, data + from, n < max ? n : max);
}

static int read_chunk(struct kvs_heap *heap, const struct kvs_log *log, uint64_t offset,
                      uint64_t max, struct flux_buf *out, struct flux_error *err)
{
    uint64_t key = htobe64(offset), start;
    struct kvs_object *blob;
    struct kvs_entry *e;
    const char *name;
    int r;

    r = kvs_tree_floor(heap, log->chunks, (char *)&key, sizeof(key), &e, &name, err);
    if (r < 0)
        return r;
    blob = e->p;
    memcpy(&start, name, sizeof(start));
    start = be64toh(start);
    if (e->kind != KVS_VALUE || e->namelen != sizeof(start) || start > offset ||
        offset - start >= blob->size)
        return flux_error_set(err, -EUCLEAN, "log: the chunk at byte %llu is damaged",
                              (unsigned long long)offset);
    r = kvs_object_load(heap, blob, err);
    return r < 0 ? r : add_part(out, blob->data, blob->size, start, offset, max);
}

int kvs_log_read(struct kvs_heap *heap, const struct kvs_log *log, uint64_t offset, uint64_t max,
                 struct flux_buf *out, struct flux_error *err)
{
    uint64_t size = kvs_log_size(log);
    uint64_t end = offset < size && size - offset > max ? offset + max : size;
    int r;

    while (offset < end && offset < log->sealed) {
        size_t before = out->len;

        r = read_chunk(heap, log, offset, end - offset, out, err);
        if (r < 0)
            return r;
        offset += out->len - before;
    }
    if (offset >= end)
        return 0;
    if (log->tail)
        return add_part(out, log->tail->data, log->tail_len, log->sealed, offset, end - offset);
    r = kvs_object_load(heap, log->stored, err);
    if (r < 0)
        return r;
    return add_part(out, log->stored->data, log->stored->size, log->sealed, offset, end - offset);
}

struct kvs_object *kvs_log_settle(struct kvs_heap *heap, struct kvs_log *log)
{
    if (!log->tail || log->tail_len <= KVS_INLINE_MAX)
        return NULL;
    log->stored = kvs_object_blob(heap, log->tail->data, log->tail_len);
    tail_unref(log->tail);
    log->tail = NULL;
    return log->stored;
}
