// SPDX-License-Identifier: LGPL-3.0-only
/* Insides of the watches, for watch*.c. */
#ifndef MODULES_KVS_WATCH_PRIVATE_H
#define MODULES_KVS_WATCH_PRIVATE_H

#include <sys/queue.h>
#include <uthash.h>

#include "watch.h"

#define KVS_ID_MAX (KVS_NAMESPACE_MAX + KVS_KEY_MAX + 3)

struct watch_key;

/* Lives in its call's memory. */
struct watcher {
    TAILQ_ENTRY(watcher) next; /* at its key */
    TAILQ_ENTRY(watcher) link; /* in the list of those that lead through links */
    TAILQ_ENTRY(watcher) fail; /* in the list of those that end */
    struct kvs_watches *watches;
    struct flux_call *call;
    const flux_kvs_watch_request *in;
    struct kvs_reader_cred cred;
    struct watch_key *at;
    int failed;       /* why it ends */
    const char *text; /* in words */
    bool linked;
    bool absent;        /* said so last */
    uint64_t sent;      /* log: bytes sent */
    uint64_t round;     /* of the last update */
    uint8_t digest[32]; /* of the listing sent last */
};
TAILQ_HEAD(watchers, watcher);

struct watch_key {
    char *id; /* "namespace\0key" */
    size_t nslen;
    struct watchers watchers;
    unsigned below; /* watches on keys below this one */
    UT_hash_handle hh;
};

/* A key that the group changed. */
struct watch_change {
    char *id;
    size_t nslen;
    bool structural;   /* what is below may have come or gone with it */
    uint64_t appended; /* bytes; 0 if it was put as well */
    bool put;
    UT_hash_handle hh;
};

struct kvs_watches {
    struct kvs *kvs;
    struct watch_key *keys;
    struct watch_change *changes;
    struct watchers linked;
    struct watchers failed;
    size_t count;
    uint64_t round;
};

size_t kvs_watch_id(char *id, const char *ns, const char *key, size_t keylen);
struct watch_key *kvs_watch_key_find(struct kvs_watches *ws, const char *ns, const char *key,
                                     size_t keylen);
void kvs_watcher_fail(struct kvs_watches *ws, struct watcher *w, int r, const char *text);
/* End the watches that have failed. */
void kvs_watch_bury(struct kvs_watches *ws);
void kvs_watch_relink(struct kvs_watches *ws);
void kvs_watch_forget_changes(struct kvs_watches *ws);

/* watch_send.c */
/* Send what is new since the last time. May end the watch. */
void kvs_watcher_update(struct kvs_watches *ws, struct watcher *w, bool first);
/* Recursive: one item for a change below. */
void kvs_watcher_tell(struct kvs_watches *ws, struct watcher *w, const struct watch_change *c);

#endif
