// SPDX-License-Identifier: LGPL-3.0-only
/* Group commit. Order of things when a batch has ended: what it wrote becomes visible, watchers are
 * told, callers are answered, and what came meanwhile is staged as the next group. */
#include "leader.h"

#include <malloc.h>

#define SETTLE_MS 1000
#define IDLE_CACHE (512u << 10) /* bytes of bodies kept by an idle leader */

static const char *namespace_of(const char *ns)
{
    return *ns ? ns : KVS_PRIMARY;
}

/* May this caller write there? */
static int check_access(struct kvs_leader *l, struct flux_call *call,
                        const flux_kvs_commit_request *in)
{
    struct kvs_namespace_info info;
    struct kvs_reader_cred cred;
    int r;

    r = kvs_leader_cred(call, in->on_behalf, &cred);
    if (r < 0 || cred.owner)
        return r;
    if (kvs_namespace_get(l->kvs, in->namespace_, &info, NULL) < 0)
        return flux_call_fail(call, ENOENT, "kvs: no namespace '%s'", in->namespace_);
    if (info.owner != cred.userid)
        return flux_call_fail(call, EPERM, "kvs: namespace '%s' belongs to user %u", info.name,
                              info.owner);
    for (size_t i = 0; i < in->n_ops; i++) {
        if (in->ops[i]->kind == FLUX_KVS_OP_COPY && *in->ops[i]->target_namespace)
            return flux_call_fail(call, EPERM,
                                  "kvs: only the instance owner copies between namespaces");
    }
    return kvs_leader_guest_write(l, call, in);
}

static void decode_ops(struct kvs_write *w, const flux_kvs_commit_request *in)
{
    w->ops = flux_call_alloc(w->call, in->n_ops * sizeof(*w->ops) + 1);
    w->nops = in->n_ops;
    for (size_t i = 0; i < in->n_ops; i++) {
        const flux_kvs_op *op = in->ops[i];

        w->ops[i] = (struct kvs_op){
            .kind = (enum kvs_op_kind)op->kind,
            .key = op->key,
            .value = op->value.len ? (const void *)op->value.data : "",
            .len = op->value.len,
            .target = op->target,
            .target_ns = op->target_namespace,
        };
    }
}

static int stage_commit(struct kvs_leader *l, struct kvs_write *w, struct flux_error *err)
{
    const flux_kvs_commit_request *in = w->in;

    if (!w->ops)
        decode_ops(w, in);
    return kvs_stage(l->kvs, in->namespace_, w->ops, w->nops, &w->version, err);
}

static int stage_content(struct kvs_leader *l, struct kvs_write *w)
{
    const flux_content_store_request *in = w->in;
    uint8_t hash[STORE_HASH_SIZE];

    kvs_stage_content(l->kvs, in->data.len ? (const void *)in->data.data : "", in->data.len, hash);
    store_ref_format(hash, w->ref);
    return 0;
}

static int stage_kind(struct kvs_leader *l, struct kvs_write *w, struct flux_error *err)
{
    const flux_kvs_namespace_create_request *create = w->in;
    const flux_kvs_namespace_remove_request *removal = w->in;

    switch (w->kind) {
    case KVS_WRITE_COMMIT:
        return stage_commit(l, w, err);
    case KVS_WRITE_CREATE:
        return kvs_stage_create(l->kvs, create->name, create->owner, create->rootref, err);
    case KVS_WRITE_REMOVE:
        return kvs_stage_remove(l->kvs, removal->name, err);
    case KVS_WRITE_STORE:
        return stage_content(l, w);
    case KVS_WRITE_FLUSH:
        return 0;
    }
    return -EINVAL;
}

static void stage(struct kvs_leader *l, struct kvs_write *w)
{
    struct flux_error err = {0};
    int r = stage_kind(l, w, &err);

    if (r < 0)
        flux_call_error(w->call, kvs_leader_errno(r), "%s", err.text);
    else
        TAILQ_INSERT_TAIL(&l->staged, w, next);
}

int kvs_leader_write(struct kvs_leader *l, struct flux_call *call, enum kvs_write_kind kind,
                     const void *in)
{
    struct kvs_write *w;
    int r = kind == KVS_WRITE_COMMIT ? check_access(l, call, in) : 0;

    if (r < 0)
        return r;
    w = flux_call_alloc(call, sizeof(*w));
    *w = (struct kvs_write){.call = call, .kind = kind, .in = in};
    if (l->running || !TAILQ_EMPTY(&l->pending) || kvs_staged_bytes(l->kvs) > KVS_GROUP_MAX)
        TAILQ_INSERT_TAIL(&l->pending, w, next);
    else
        stage(l, w);
    kvs_leader_kick(l);
    return FLUX_CALL_LATER;
}

static void stage_pending(struct kvs_leader *l)
{
    struct kvs_write *w;

    while ((w = TAILQ_FIRST(&l->pending)) && kvs_staged_bytes(l->kvs) <= KVS_GROUP_MAX) {
        TAILQ_REMOVE(&l->pending, w, next);
        stage(l, w);
    }
}

static void answer(struct kvs_write *w)
{
    flux_kvs_commit_response commit = FLUX_KVS_COMMIT_RESPONSE_INIT;
    flux_kvs_namespace_create_response create = FLUX_KVS_NAMESPACE_CREATE_RESPONSE_INIT;
    flux_kvs_namespace_remove_response removal = FLUX_KVS_NAMESPACE_REMOVE_RESPONSE_INIT;
    flux_content_store_response stored = FLUX_CONTENT_STORE_RESPONSE_INIT;
    flux_content_flush_response flush = FLUX_CONTENT_FLUSH_RESPONSE_INIT;

    commit.version = w->version;
    stored.ref = w->ref;
    if (w->kind == KVS_WRITE_COMMIT)
        flux_kvs_commit_reply(w->call, &commit);
    else if (w->kind == KVS_WRITE_CREATE)
        flux_kvs_namespace_create_reply(w->call, &create);
    else if (w->kind == KVS_WRITE_REMOVE)
        flux_kvs_namespace_remove_reply(w->call, &removal);
    else if (w->kind == KVS_WRITE_STORE)
        flux_content_store_reply(w->call, &stored);
    else
        flux_content_flush_reply(w->call, &flush);
}

/* What the group changed, for the watchers. */
static void tell_watchers(struct kvs_leader *l)
{
    struct kvs_write *w;

    if (kvs_watches_count(l->watches) == 0)
        return;
    TAILQ_FOREACH (w, &l->staged, next) {
        const flux_kvs_commit_request *commit = w->in;
        const flux_kvs_namespace_remove_request *removal = w->in;

        if (w->kind == KVS_WRITE_COMMIT)
            kvs_watch_changed(l->watches, namespace_of(commit->namespace_), w->ops, w->nops);
        else if (w->kind == KVS_WRITE_REMOVE)
            kvs_watch_removed(l->watches, namespace_of(removal->name));
    }
    kvs_watch_tell(l->watches);
}

static void finish_staged(struct kvs_leader *l, int r)
{
    struct kvs_writes staged = TAILQ_HEAD_INITIALIZER(staged);
    struct kvs_write *w;

    if (r == 0)
        tell_watchers(l);
    TAILQ_CONCAT(&staged, &l->staged, next);
    while ((w = TAILQ_FIRST(&staged))) {
        TAILQ_REMOVE(&staged, w, next);
        if (r < 0)
            flux_call_error(w->call, kvs_leader_errno(r), "%s", l->error.text);
        else
            answer(w);
    }
}

/* A batch has ended with `r`. */
static void end_group(struct kvs_leader *l, int r)
{
    r = kvs_group_end(l->kvs, r);
    l->running = false;
    if (r != -EAGAIN) {
        finish_staged(l, r);
        stage_pending(l);
    }
    kvs_leader_check_waiters(l);
    kvs_leader_kick(l);
}

static void on_work(uv_work_t *work)
{
    struct kvs_leader *l = work->data;

    l->result = store_batch_run(l->store, l->batch, &l->error);
}

static void on_worked(uv_work_t *work, int status)
{
    struct kvs_leader *l = work->data;

    end_group(l, l->result);
}

/* Nothing to write in a group: flushes and what the collector reads. */
static void end_empty(struct kvs_leader *l)
{
    finish_staged(l, 0);
    stage_pending(l);
    kvs_leader_check_waiters(l);
    kvs_leader_kick(l);
}

static void run_group(struct kvs_leader *l, bool here)
{
    l->batch = kvs_group_take(l->kvs);
    if (!l->batch) {
        end_empty(l);
        return;
    }
    l->running = true;
    if (here || !store_is_sync(l->store))
        end_group(l, store_batch_run(l->store, l->batch, &l->error));
    else {
        l->work.data = l;
        uv_queue_work(flux_loop(l->h), &l->work, on_work, on_worked);
    }
}

static bool has_work(const struct kvs_leader *l)
{
    return !TAILQ_EMPTY(&l->staged) || !TAILQ_EMPTY(&l->pending) || kvs_is_staged(l->kvs) ||
           kvs_background_wanted(l->kvs);
}

void kvs_leader_on_check(uv_check_t *check)
{
    struct kvs_leader *l = check->data;

    uv_check_stop(&l->check);
    uv_idle_stop(&l->idle);
    if (!l->running && has_work(l))
        run_group(l, false);
}

/* Only there so that the loop does not sleep before the check. */
void kvs_leader_on_idle(uv_idle_t *idle)
{
}

/* Quiet for a while: make the next start short, then give memory back. */
static void on_settle(uv_timer_t *timer)
{
    struct kvs_leader *l = timer->data;
    struct kvs_stats stats;

    kvs_get_stats(l->kvs, &stats);
    if (l->running || has_work(l))
        return;
    kvs_leader_check_file(l);
    if (stats.log_bytes > 64 << 10) {
        kvs_checkpoint_start(l->kvs);
        kvs_leader_kick(l);
        uv_timer_start(&l->settle, on_settle, SETTLE_MS, 0);
        return;
    }
    kvs_shrink(l->kvs, IDLE_CACHE);
    store_release_memory(l->store);
    malloc_trim(0);
}

void kvs_leader_kick(struct kvs_leader *l)
{
    if (l->closing)
        return;
    if (!TAILQ_EMPTY(&l->staged))
        uv_timer_start(&l->settle, on_settle, SETTLE_MS, 0);
    if (l->running || !has_work(l) || uv_is_active((uv_handle_t *)&l->check))
        return;
    uv_check_start(&l->check, kvs_leader_on_check);
    uv_idle_start(&l->idle, kvs_leader_on_idle);
}

void kvs_leader_drain(struct kvs_leader *l)
{
    while (l->running)
        uv_run(flux_loop(l->h), UV_RUN_ONCE);
    while (has_work(l))
        run_group(l, true);
}
