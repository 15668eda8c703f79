// SPDX-License-Identifier: LGPL-3.0-only
/* The services Kvs and Content at rank 0, around the engine.
 *
 * Group commit: a write is staged at once unless a batch is under way; then it waits. All that is
 * ready when a batch ends is the next batch. There is no timer: an idle leader answers at once, a
 * busy one batches by itself. A batch that must be synced runs on a worker thread, so reading goes
 * on. */
#ifndef MODULES_KVS_LEADER_H
#define MODULES_KVS_LEADER_H

#include <flux/v1/content_service.h>
#include <flux/v1/kvs_service.h>

#include "kvs.h"
#include "watch.h"

#define KVS_READ_MAX (4u << 20)    /* bytes in one answer */
#define KVS_GROUP_MAX (8u << 20)   /* bytes in one group, about */
#define KVS_CONTENT_MAX (1u << 20) /* bytes of a client's blob */

FLUX_KVS_HANDLERS(kvs_leader);
FLUX_CONTENT_HANDLERS(kvs_leader_content);

enum kvs_write_kind {
    KVS_WRITE_COMMIT,
    KVS_WRITE_CREATE,
    KVS_WRITE_REMOVE,
    KVS_WRITE_STORE,
    KVS_WRITE_FLUSH,
};

/* A request that changes something; lives in its call's memory. */
struct kvs_write {
    TAILQ_ENTRY(kvs_write) next;
    struct flux_call *call;
    enum kvs_write_kind kind;
    const void *in;
    struct kvs_op *ops; /* of a commit, decoded */
    size_t nops;
    uint64_t version;
    char ref[STORE_REF_TEXT_SIZE];
};
TAILQ_HEAD(kvs_writes, kvs_write);

/* A call that waits for a version, a checkpoint or a collection; lives in its call's memory. */
struct kvs_waiter {
    TAILQ_ENTRY(kvs_waiter) next;
    struct flux_call *call;
    struct kvs_leader *leader;
    enum { KVS_WAIT_VERSION, KVS_WAIT_ROOT, KVS_WAIT_CHECKPOINT, KVS_WAIT_GC } kind;
    const char *ns, *key;
    uint64_t number; /* version, or number of the checkpoint or collection */
    bool version_only;
    bool compact;          /* after the collection */
    uint64_t blobs, bytes; /* collected before */
};
TAILQ_HEAD(kvs_waiters, kvs_waiter);

struct kvs_opening; /* leader_guest.c */
TAILQ_HEAD(kvs_openings, kvs_opening);

struct kvs_leader {
    struct flux *h;
    struct store *store;
    struct kvs *kvs;
    char *path;
    bool temporary; /* the file dies with the instance */
    struct kvs_writes pending, staged;
    struct kvs_waiters waiters;
    struct kvs_openings openings;
    struct kvs_watches *watches;
    bool running; /* a batch is on the worker */
    int result;
    struct flux_error error;
    struct store_batch *batch;
    uv_work_t work;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t settle, period;
    unsigned closing;
    bool checked, checking; /* the file's structure: begun; now, on a worker */
    atomic_bool check_stop;
    int check_result;
    struct flux_error check_error;
    uv_work_t check_work;
};

int kvs_leader_start(struct flux *h, struct kvs_leader **ret, struct flux_error *err);
void kvs_leader_stop(struct kvs_leader *l);
/* Take over [kvs] of the configuration. */
int kvs_leader_configure(struct kvs_leader *l, const json_t *conf, bool apply,
                         struct flux_error *err);

/* Positive, for an answer. What is damaged is EIO for clients. */
static inline int kvs_leader_errno(int r)
{
    return r == -EUCLEAN ? EIO : -r;
}

/* leader_fsck.c: look through a large file once, beside everything else */
void kvs_leader_check_file(struct kvs_leader *l);
void kvs_leader_check_stop(struct kvs_leader *l);

/* leader_group.c: the groups */
/* Stage it now or when the batch under way has ended. The call is answered later: FLUX_CALL_LATER.
 */
int kvs_leader_write(struct kvs_leader *l, struct flux_call *call, enum kvs_write_kind kind,
                     const void *in);
/* See to it that a group runs soon, if there is anything to do. */
void kvs_leader_kick(struct kvs_leader *l);
/* Run groups here and now until nothing is left. */
void kvs_leader_drain(struct kvs_leader *l);
void kvs_leader_on_check(uv_check_t *check);
void kvs_leader_on_idle(uv_idle_t *idle);

/* leader_guest.c: namespaces of jobs */
/* One of a job that is not there, or not yet. */
bool kvs_leader_is_unmade(struct kvs_leader *l, const char *ns);
/* Have it made, then call again() with what came; or answer the call. */
int kvs_leader_open(struct flux_call *call, const char *ns, uint64_t on_behalf,
                    void (*again)(struct flux_call *call, const void *in), const void *in);
void kvs_leader_openings_done(struct kvs_leader *l);
/* May its user write this there? Counts what it takes. */
int kvs_leader_guest_write(struct kvs_leader *l, struct flux_call *call,
                           const flux_kvs_commit_request *in);

/* leader_expand.c: a directory with what is in it, up to about so many bytes */
int kvs_leader_expand(struct kvs_leader *l, struct flux_call *call, const struct kvs_result *res,
                      uint32_t bytes, flux_kvs_get_response *out, struct flux_error *err);

/* leader_wait.c */
/* `in` when it is GetRoot that waits, else NULL. */
int kvs_leader_wait(struct kvs_leader *l, struct flux_call *call, int kind, uint64_t number,
                    const flux_kvs_get_root_request *in);
int kvs_leader_wait_gc(struct kvs_leader *l, struct flux_call *call, const flux_kvs_gc_request *in);
void kvs_leader_check_waiters(struct kvs_leader *l);
/* Commits since the last offline collection. */
uint64_t kvs_leader_commits_since_gc(struct kvs_leader *l);

/* Who the call acts for. -EPERM: on_behalf by a caller who may not. */
int kvs_leader_cred(struct flux_call *call, uint64_t on_behalf, struct kvs_reader_cred *ret);

#endif
