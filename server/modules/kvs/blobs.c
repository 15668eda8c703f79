// SPDX-License-Identifier: LGPL-3.0-only
/* A bounded cache of blobs by reference: content never changes, so a hit is always right. Least
 * recently used ones go first. */
#include <sys/queue.h>

#include "follower.h"

struct blob {
    char *ref;
    void *data;
    size_t len;
    TAILQ_ENTRY(blob) lru;
    UT_hash_handle hh;
};
TAILQ_HEAD(blob_list, blob);

struct kvs_blobs {
    struct blob *by_ref;
    struct blob_list lru;
    size_t bytes, budget;
};

struct kvs_blobs *kvs_blobs_new(size_t budget)
{
    struct kvs_blobs *bs = flux_alloc(sizeof(*bs));

    TAILQ_INIT(&bs->lru);
    bs->budget = budget;
    return bs;
}

static void drop(struct kvs_blobs *bs, struct blob *b)
{
    HASH_DEL(bs->by_ref, b);
    TAILQ_REMOVE(&bs->lru, b, lru);
    bs->bytes -= b->len + sizeof(*b);
    free(b->ref);
    free(b->data);
    free(b);
}

static void trim(struct kvs_blobs *bs, size_t budget)
{
    struct blob *b;

    while (bs->bytes > budget && (b = TAILQ_FIRST(&bs->lru)))
        drop(bs, b);
}

void kvs_blobs_clear(struct kvs_blobs *bs)
{
    trim(bs, 0);
}

void kvs_blobs_free(struct kvs_blobs *bs)
{
    if (!bs)
        return;
    trim(bs, 0);
    free(bs);
}

void kvs_blobs_add(struct kvs_blobs *bs, const char *ref, const void *data, size_t len)
{
    struct blob *b;

    HASH_FIND_STR(bs->by_ref, ref, b);
    if (b)
        return;
    b = flux_alloc(sizeof(*b));
    b->ref = flux_strdup(ref);
    b->data = flux_memdup(data, len);
    b->len = len;
    HASH_ADD_KEYPTR(hh, bs->by_ref, b->ref, strlen(b->ref), b);
    TAILQ_INSERT_TAIL(&bs->lru, b, lru);
    bs->bytes += len + sizeof(*b);
    trim(bs, bs->budget);
}

const void *kvs_blobs_get(struct kvs_blobs *bs, const char *ref, size_t *len)
{
    struct blob *b;

    HASH_FIND_STR(bs->by_ref, ref, b);
    if (!b)
        return NULL;
    TAILQ_REMOVE(&bs->lru, b, lru);
    TAILQ_INSERT_TAIL(&bs->lru, b, lru);
    *len = b->len;
    return b->data;
}
