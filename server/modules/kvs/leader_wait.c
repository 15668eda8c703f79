// SPDX-License-Identifier: LGPL-3.0-only
/* Calls that are answered when a namespace reaches a version, or when a checkpoint or a round of
 * garbage collection has ended. Looked at after each group. */
#include "leader.h"

#include <syslog.h>

#define GC_KEY "admin.gc"

static void on_cancel(struct flux_call *call, void *arg)
{
    struct kvs_waiter *w = arg;

    TAILQ_REMOVE(&w->leader->waiters, w, next);
}

static struct kvs_waiter *add(struct kvs_leader *l, struct flux_call *call, int kind,
                              uint64_t number, const flux_kvs_get_root_request *in)
{
    struct kvs_waiter *w = flux_call_alloc(call, sizeof(*w));
    struct kvs_stats stats;

    kvs_get_stats(l->kvs, &stats);
    *w = (struct kvs_waiter){
        .call = call,
        .leader = l,
        .kind = kind,
        .ns = in ? in->namespace_ : "",
        .key = in ? in->key : "",
        .number = number,
        .version_only = in && in->version_only,
        .blobs = stats.gc_blobs,
        .bytes = stats.gc_bytes,
    };
    TAILQ_INSERT_TAIL(&l->waiters, w, next);
    flux_call_on_cancel(call, on_cancel, w);
    kvs_leader_kick(l);
    return w;
}

int kvs_leader_wait(struct kvs_leader *l, struct flux_call *call, int kind, uint64_t number,
                    const flux_kvs_get_root_request *in)
{
    add(l, call, kind, number, in);
    return FLUX_CALL_LATER;
}

int kvs_leader_wait_gc(struct kvs_leader *l, struct flux_call *call, const flux_kvs_gc_request *in)
{
    uint64_t number = kvs_gc_start(l->kvs, in->clients);

    add(l, call, KVS_WAIT_GC, number, NULL)->compact = in->compact;
    return FLUX_CALL_LATER;
}

/* The answer of GetRoot: 0 sent, 1 a checkpoint is needed first. */
static int answer_root(struct kvs_leader *l, struct kvs_waiter *w)
{
    flux_kvs_get_root_response out = FLUX_KVS_GET_ROOT_RESPONSE_INIT;
    struct kvs_namespace_info info;
    char ref[STORE_REF_TEXT_SIZE] = "";
    struct flux_error err;
    int r;

    r = kvs_namespace_get(l->kvs, w->ns, &info, &err);
    if (r == 0)
        out.version = info.version;
    if (r == 0 && w->kind == KVS_WAIT_ROOT)
        r = kvs_checkpoint_root(l->kvs, w->ns, w->key, &out.version, ref, &err);
    else if (r == 0 && !w->version_only) {
        r = *w->key ? -EAGAIN : kvs_root_ref(l->kvs, w->ns, &out.version, ref, &err);
        if (r == -EAGAIN) {
            w->kind = KVS_WAIT_ROOT;
            w->number = kvs_checkpoint_start(l->kvs);
            return 1;
        }
    }
    if (r < 0) {
        flux_call_error(w->call, kvs_leader_errno(r), "%s", err.text);
        return 0;
    }
    out.owner = info.owner;
    out.rootref = ref;
    flux_kvs_get_root_reply(w->call, &out);
    return 0;
}

static void answer_checkpoint(struct kvs_leader *l, struct kvs_waiter *w)
{
    flux_kvs_checkpoint_response out = FLUX_KVS_CHECKPOINT_RESPONSE_INIT;
    char ref[STORE_REF_TEXT_SIZE] = "";

    kvs_checkpoint_root(l->kvs, KVS_PRIMARY, NULL, &out.version, ref, NULL);
    out.rootref = ref;
    flux_kvs_checkpoint_reply(w->call, &out);
}

/* The version at which the last offline collection was done is kept in the KVS. */
static void note_gc(struct kvs_leader *l)
{
    struct kvs_op op = {.kind = KVS_OP_PUT, .key = GC_KEY};
    struct kvs_namespace_info info;
    uint64_t version;

    if (kvs_namespace_get(l->kvs, KVS_PRIMARY, &info, NULL) < 0)
        return;
    FLUX_AUTO_STR text = flux_printf("%llu", (unsigned long long)info.version + 1);
    op.value = text;
    op.len = strlen(text);
    if (kvs_stage(l->kvs, KVS_PRIMARY, &op, 1, &version, NULL) == 0)
        kvs_leader_kick(l);
}

uint64_t kvs_leader_commits_since_gc(struct kvs_leader *l)
{
    const struct kvs_reader_cred owner = {.owner = true};
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(64);
    struct kvs_namespace_info info;
    struct kvs_result res;
    uint64_t since = 0;

    if (kvs_namespace_get(l->kvs, KVS_PRIMARY, &info, NULL) < 0)
        return 0;
    if (kvs_lookup(l->kvs, KVS_PRIMARY, NULL, GC_KEY, false, &owner, &res, NULL) == 0) {
        if (kvs_result_read(l->kvs, &res, 0, 32, &text, NULL) == 0 && text.data)
            since = strtoull(text.data, NULL, 10);
        kvs_result_done(l->kvs, &res);
    }
    return since <= info.version ? info.version - since : info.version;
}

static void answer_gc(struct kvs_leader *l, struct kvs_waiter *w)
{
    flux_kvs_gc_response out = FLUX_KVS_GC_RESPONSE_INIT;
    struct store_stats store;
    struct kvs_stats stats;
    struct flux_error err;

    if (w->compact) {
        if (store_compact(l->store, &err) < 0)
            flux_log(l->h, LOG_ERR, "%s", err.text);
        note_gc(l);
    }
    kvs_get_stats(l->kvs, &stats);
    store_get_stats(l->store, &store);
    out.blobs_removed = stats.gc_blobs - w->blobs;
    out.bytes_removed = stats.gc_bytes - w->bytes;
    out.store_bytes = store.file_bytes;
    flux_kvs_gc_reply(w->call, &out);
}

/* Is what it waits for over? *failed: and how it went. */
static bool is_over(struct kvs_leader *l, const struct kvs_waiter *w, int *failed)
{
    struct kvs_namespace_info info;

    *failed = 0;
    if (w->kind == KVS_WAIT_VERSION)
        return kvs_namespace_get(l->kvs, w->ns, &info, NULL) < 0 || info.version >= w->number;
    if (w->kind == KVS_WAIT_GC)
        return kvs_gc_last(l->kvs, failed) >= w->number;
    return kvs_checkpoint_last(l->kvs, failed) >= w->number;
}

void kvs_leader_check_waiters(struct kvs_leader *l)
{
    struct kvs_waiter *w, *next;
    int failed;

    for (w = TAILQ_FIRST(&l->waiters); w; w = next) {
        next = TAILQ_NEXT(w, next);
        if (!is_over(l, w, &failed))
            continue;
        if (failed == 0 && (w->kind == KVS_WAIT_VERSION || w->kind == KVS_WAIT_ROOT)) {
            TAILQ_REMOVE(&l->waiters, w, next);
            if (answer_root(l, w) == 1)
                TAILQ_INSERT_TAIL(&l->waiters, w, next);
            continue;
        }
        TAILQ_REMOVE(&l->waiters, w, next);
        if (failed < 0)
            flux_call_error(w->call, kvs_leader_errno(failed), "kvs: %s failed: %s",
                            w->kind == KVS_WAIT_GC ? "garbage collection" : "checkpoint",
                            strerror(-failed));
        else if (w->kind == KVS_WAIT_GC)
            answer_gc(l, w);
        else
            answer_checkpoint(l, w);
    }
}
