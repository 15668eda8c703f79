// SPDX-License-Identifier: LGPL-3.0-only
/* The primitives of stored KVS records: LEB128 numbers and counted bytes, with a bounded reader
 * that turns sticky-failed on the first thing that does not fit. */
#ifndef MODULES_KVS_VARINT_H
#define MODULES_KVS_VARINT_H

#include <flux/buf.h>

#include "../content-sqlite/store.h"

struct kvs_reader {
    const uint8_t *p, *end;
    bool failed;
};

static inline void kvs_write_number(struct flux_buf *b, uint64_t n)
{
    uint8_t tmp[10];
    size_t len = 0;

    do {
        tmp[len] = (n & 0x7f) | (n > 0x7f ? 0x80 : 0);
        n >>= 7;
        len++;
    } while (n);
    flux_buf_add(b, tmp, len);
}

static inline void kvs_write_bytes(struct flux_buf *b, const void *data, size_t len)
{
    kvs_write_number(b, len);
    flux_buf_add(b, data, len);
}

/* Id 0 stands for "none" and has no hash. */
static inline void kvs_write_ref(struct flux_buf *b, const struct store_ref *ref)
{
    kvs_write_number(b, ref ? ref->id : 0);
    if (ref)
        flux_buf_add(b, ref->hash, STORE_HASH_SIZE);
}

static inline uint64_t kvs_read_number(struct kvs_reader *r)
{
    uint64_t n = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        if (r->failed || r->p >= r->end)
            break;
        n |= (uint64_t)(*r->p & 0x7f) << shift;
        if (!(*r->p++ & 0x80))
            return n;
    }
    r->failed = true;
    return 0;
}

/* `len` bytes in place, or NULL. */
static inline const char *kvs_read_raw(struct kvs_reader *r, size_t len)
{
    const char *p = (const char *)r->p;

    if (r->failed || (size_t)(r->end - r->p) < len) {
        r->failed = true;
        return NULL;
    }
    r->p += len;
    return p;
}

static inline const char *kvs_read_bytes(struct kvs_reader *r, size_t *len)
{
    uint64_t n = kvs_read_number(r);
    const char *p = kvs_read_raw(r, n);

    *len = p ? n : 0;
    return p;
}

static inline void kvs_read_ref(struct kvs_reader *r, struct store_ref *ref)
{
    const char *hash;

    memset(ref, 0, sizeof(*ref));
    ref->id = kvs_read_number(r);
    if (ref->id && (hash = kvs_read_raw(r, STORE_HASH_SIZE)))
        memcpy(ref->hash, hash, STORE_HASH_SIZE);
}

#endif
