// SPDX-License-Identifier: LGPL-3.0-only
/* The services Kvs and Content on the other ranks: requests go up to the parent broker's, hop by
 * hop, with the user they act for; equal reads under way are asked once, equal watches share one
 * stream, blobs are kept. */
#ifndef MODULES_KVS_FOLLOWER_H
#define MODULES_KVS_FOLLOWER_H

#include <sys/queue.h>
#include <uthash.h>

#include <flux/v1/content_service.h>
#include <flux/v1/kvs_service.h>

FLUX_KVS_HANDLERS(kvs_follower);
FLUX_CONTENT_HANDLERS(kvs_follower_content);

struct kvs_blobs;
struct kvs_stream;

struct kvs_shared;

/* A call that waits for the answer of a shared request; lives in the call's memory. */
struct kvs_sharer {
    TAILQ_ENTRY(kvs_sharer) next;
    struct flux_call *call;
    struct kvs_shared *shared;
};
TAILQ_HEAD(kvs_sharers, kvs_sharer);

/* A request under way that others may share. */
struct kvs_shared {
    uint8_t *id; /* method and encoded request; NULL: not shared */
    size_t idlen;
    struct flux_future *future;
    struct kvs_sharers sharers;
    struct kvs_follower *follower;
    void (*answered)(const struct kvs_shared *s, const ProtobufCMessage *out);
    UT_hash_handle hh;
};

struct kvs_follower {
    struct flux *h;
    struct kvs_shared *shared;
    struct kvs_stream *streams;
    struct kvs_blobs *blobs;
    size_t watches;
};

int kvs_follower_start(struct flux *h, struct kvs_follower **ret, struct flux_error *err);
void kvs_follower_stop(struct kvs_follower *f);

/* Ask the parent broker; the answer, or its error, goes to the caller. Equal requests under way are
 * asked once if `share`. `answered` (may be NULL) sees a good answer first. */
int kvs_follower_forward(struct flux_call *call, const struct flux_method *method,
                         const ProtobufCMessage *in, bool share,
                         void (*answered)(const struct kvs_shared *s, const ProtobufCMessage *out));
/* For `on_behalf` of the request upward. */
uint64_t kvs_follower_behalf(struct flux_call *call, uint64_t on_behalf);

/* follower_watch.c */
void kvs_streams_free(struct kvs_follower *f);

/* blobs.c: a bounded cache of blobs by reference */
struct kvs_blobs *kvs_blobs_new(size_t budget);
void kvs_blobs_free(struct kvs_blobs *bs);
void kvs_blobs_clear(struct kvs_blobs *bs);
void kvs_blobs_add(struct kvs_blobs *bs, const char *ref, const void *data, size_t len);
/* Valid until the next add or clear. */
const void *kvs_blobs_get(struct kvs_blobs *bs, const char *ref, size_t *len);

#endif
