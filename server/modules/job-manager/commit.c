// SPDX-License-Identifier: LGPL-3.0-only
/* What happened in a loop turn goes to the KVS as one transaction; at most one is under way, and
 * what comes meanwhile forms the next. So an idle manager commits at once and a busy one in
 * batches, in order: whatever is durable is a prefix of what happened. */
#include "manager.h"

#include <stdio.h>
#include <syslog.h>

#include <flux/arena.h>
#include <flux/fluid.h>

#define RETRY_MS 500 /* after a commit that failed (no space): the store may come back */

/* What of a job went into a commit, to be undone if it fails. */
struct batch_job {
    uint64_t id;
    bool has_r, is_clean;
    size_t log_from, exec_len;
};

struct batch {
    struct batch_job *jobs;
    size_t count;
    bool has_queues;
};

static void start_commit(struct manager *mgr);

static void on_prepare(uv_prepare_t *prepare)
{
    struct manager *mgr = prepare->data;

    uv_prepare_stop(prepare);
    mgr->flush_due = false;
    start_commit(mgr);
    alloc_flush(mgr);
    journal_flush(mgr);
}

void manager_flush_later(struct manager *mgr)
{
    if (mgr->flush_due)
        return;
    mgr->flush_due = true;
    uv_prepare_start(&mgr->prepare, on_prepare);
}

void commit_init(struct manager *mgr)
{
    uv_prepare_init(flux_loop(mgr->h), &mgr->prepare);
    mgr->prepare.data = mgr;
    uv_timer_init(flux_loop(mgr->h), &mgr->retry);
    mgr->retry.data = mgr;
    mgr->ops_arena = flux_alloc(sizeof(*mgr->ops_arena));
    flux_arena_init(mgr->ops_arena);
}

static void free_batch(struct manager *mgr)
{
    if (mgr->batch) {
        free(mgr->batch->jobs);
        free(mgr->batch);
    }
    mgr->batch = NULL;
}

void commit_done(struct manager *mgr)
{
    flux_future_free(mgr->commit);
    free_batch(mgr);
    free(mgr->ops);
    flux_arena_reset(mgr->ops_arena);
    free(mgr->ops_arena);
    uv_close((uv_handle_t *)&mgr->prepare, NULL);
    uv_close((uv_handle_t *)&mgr->retry, NULL);
}

void manager_mark_dirty(struct manager *mgr, struct job *job)
{
    if (!job->dirty) {
        job->dirty = true;
        DL_APPEND2(mgr->dirty, job, prev_dirty, next_dirty);
    }
    manager_flush_later(mgr);
}

/* --- gathering --- */

static flux_kvs_op *add_op(struct manager *mgr, flux_kvs_op_kind kind, const char *key)
{
    flux_kvs_op *op = flux_arena_alloc(mgr->ops_arena, sizeof(*op));

    if (mgr->nops == mgr->ops_room) {
        mgr->ops_room = mgr->ops_room ? mgr->ops_room * 2 : 64;
        mgr->ops = flux_realloc(mgr->ops, mgr->ops_room, sizeof(*mgr->ops));
    }
    *op = (flux_kvs_op)FLUX_KVS_OP_INIT;
    op->kind = kind;
    op->key = flux_arena_strdup(mgr->ops_arena, key);
    mgr->ops[mgr->nops++] = op;
    return op;
}

/* The value is borrowed until the commit has been packed. */
static void set_value(flux_kvs_op *op, const void *data, size_t len)
{
    op->value.data = (uint8_t *)data;
    op->value.len = len;
}

void commit_put(struct manager *mgr, const char *key, const char *value)
{
    char *copy = flux_arena_strdup(mgr->ops_arena, value);

    set_value(add_op(mgr, FLUX_KVS_OP_PUT, key), copy, strlen(copy));
    manager_flush_later(mgr);
}

void commit_unlink(struct manager *mgr, const char *key)
{
    add_op(mgr, FLUX_KVS_OP_UNLINK, key);
    manager_flush_later(mgr);
}

void commit_queues(struct manager *mgr)
{
    mgr->queues_unsaved = true;
    manager_flush_later(mgr);
}

void commit_wait(struct manager *mgr, struct flux_call *call,
                 void (*done)(struct waiter *w, int r, const char *text), void *arg)
{
    struct waiter *w = flux_alloc(sizeof(*w));

    w->call = call;
    w->done = done;
    w->arg = arg;
    LL_APPEND2(mgr->waiters, w, next);
    manager_flush_later(mgr);
}

static void active_key(char buf[64], uint64_t id)
{
    snprintf(buf, 64, FLUX_JOBS_KEY_ACTIVE ".%016llx", (unsigned long long)id);
}

static void put_job_text(struct manager *mgr, struct job *job, const char *name, const char *text)
{
    char key[FLUX_JOB_KEY_MAX];

    set_value(add_op(mgr, FLUX_KVS_OP_PUT, flux_job_key(key, job->id, name)), text, strlen(text));
}

static void set_committed(struct manager *mgr, struct job *job, size_t bytes)
{
    mgr->nfresh += (int)!bytes - (int)!job->log_committed;
    job->log_committed = bytes;
}

static void put_log(struct manager *mgr, struct job *job)
{
    char key[FLUX_JOB_KEY_MAX];

    set_value(add_op(mgr, FLUX_KVS_OP_APPEND, flux_job_key(key, job->id, "eventlog")),
              job->log.data + job->log_committed, job->log.len - job->log_committed);
    set_committed(mgr, job, job->log.len);
}

/* The first time a job is seen here it is new: its texts go along. */
static void put_new(struct manager *mgr, struct job *job)
{
    char key[64], max[24];

    active_key(key, job->id);
    set_value(add_op(mgr, FLUX_KVS_OP_PUT, key), "", 0);
    put_job_text(mgr, job, "jobspec", job->jobspec);
    if (job->j)
        put_job_text(mgr, job, "J", job->j);
    snprintf(max, sizeof(max), "%llu", (unsigned long long)mgr->max_id);
    commit_put(mgr, FLUX_JOBS_KEY_MAX_ID, max);
}

static void gather_job(struct manager *mgr, struct job *job, struct batch_job *bj)
{
    char key[FLUX_JOB_KEY_MAX];

    bj->id = job->id;
    bj->log_from = job->log_committed;
    bj->exec_len = job->exec_log.len;
    bj->is_clean = job->state == FLUX_JOB_INACTIVE;
    if (bj->is_clean && job->has_namespace) {
        job->has_namespace = false;
        namespace_keep(mgr, job->id);
    }
    if (!job->log_committed)
        put_new(mgr, job);
    if (job->r_unsaved) {
        put_job_text(mgr, job, "R", job->r);
        job->r_unsaved = false;
        bj->has_r = true;
    }
    if (job->log.len > job->log_committed)
        put_log(mgr, job);
    if (job->exec_log.len) {
        set_value(
            add_op(mgr, FLUX_KVS_OP_APPEND, flux_job_key(key, job->id, "guest.exec.eventlog")),
            job->exec_log.data, job->exec_log.len);
    }
}

static struct batch *gather(struct manager *mgr)
{
    struct batch *b = flux_alloc(sizeof(*b));
    struct job *job, *next;
    size_t n = 0;

    b->has_queues = mgr->queues_unsaved;
    if (b->has_queues)
        queue_put(mgr);
    mgr->queues_unsaved = false;
    DL_COUNT2(mgr->dirty, job, n, next_dirty);
    b->jobs = flux_alloc(n * sizeof(*b->jobs));
    DL_FOREACH_SAFE2(mgr->dirty, job, next, next_dirty)
    {
        DL_DELETE2(mgr->dirty, job, prev_dirty, next_dirty);
        job->dirty = false;
        gather_job(mgr, job, &b->jobs[b->count++]);
        journal_tell(mgr, job);
    }
    return b;
}

/* --- committing --- */

/* Its end is stored and the journal has told of it: only now may a restart pass it over. */
void commit_forget(struct manager *mgr, struct job *job)
{
    char key[64];

    active_key(key, job->id);
    commit_unlink(mgr, key);
    wait_note_inactive(mgr, job);
    manager_remove(mgr, job);
    job_free(job);
}

static void settle(struct manager *mgr, struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct job *job = manager_find_active(mgr, b->jobs[i].id);
        if (!job)
            continue;
        job->r_durable |= b->jobs[i].has_r;
        flux_buf_consume(&job->exec_log, b->jobs[i].exec_len);
        if (b->jobs[i].is_clean && !job->dirty)
            commit_forget(mgr, job);
        else
            job_advance(mgr, job);
    }
}

static void on_retry(uv_timer_t *timer)
{
    struct manager *mgr = timer->data;

    mgr->backing_off = false;
    manager_flush_later(mgr);
}

/* Nothing of it is stored: what the jobs still have to say goes into a later commit. */
static void take_back(struct manager *mgr, struct batch *b)
{
    mgr->queues_unsaved |= b->has_queues;
    for (size_t i = 0; i < b->count; i++) {
        struct job *job = manager_find_active(mgr, b->jobs[i].id);
        if (!job)
            continue;
        set_committed(mgr, job, b->jobs[i].log_from);
        job->r_unsaved |= b->jobs[i].has_r;
        manager_mark_dirty(mgr, job);
    }
    mgr->backing_off = true;
    uv_timer_start(&mgr->retry, on_retry, RETRY_MS, 0);
}

static void answer(struct manager *mgr, struct waiter *list, int r, const char *text)
{
    while (list) {
        struct waiter *w = list;
        list = w->next;
        w->done(w, r, text);
        free(w);
    }
}

/* Once for all failures in a row. */
static void tell_failure(struct manager *mgr, int r, const char *text)
{
    if (r < 0 && !mgr->failing)
        flux_log(mgr->h, LOG_ERR, "events cannot be stored, which is tried until it works: %s",
                 text);
    else if (r == 0 && mgr->failing)
        flux_log(mgr->h, LOG_INFO, "events are stored again");
    mgr->failing = r < 0;
}

static void on_committed(struct flux_future *f, void *arg)
{
    struct manager *mgr = arg;
    struct waiter *waiters = mgr->committing;
    struct batch *b = mgr->batch;
    struct flux_error err = {""};
    int r = flux_kvs_commit_result(f, NULL, &err);

    flux_future_free(f);
    mgr->commit = NULL;
    mgr->committing = NULL;
    mgr->batch = NULL;
    tell_failure(mgr, r, err.text);
    answer(mgr, waiters, r, err.text);
    if (r < 0)
        take_back(mgr, b);
    else
        settle(mgr, b);
    free(b->jobs);
    free(b);
    drain_check(mgr);
    manager_flush_later(mgr);
}

static void start_commit(struct manager *mgr)
{
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;

    if (mgr->commit || (mgr->backing_off && !mgr->waiters) ||
        (!mgr->dirty && !mgr->nops && !mgr->waiters && !mgr->queues_unsaved))
        return;
    mgr->batch = gather(mgr);
    mgr->committing = mgr->waiters;
    mgr->waiters = NULL;
    in.ops = mgr->ops;
    in.n_ops = mgr->nops;
    mgr->commit = flux_kvs_commit_async(mgr->h, FLUX_ANY, &in);
    flux_future_then(mgr->commit, on_committed, mgr);
    mgr->nops = 0;
    flux_arena_reset(mgr->ops_arena);
}

void commit_drain(struct manager *mgr)
{
    double deadline = flux_monotime() + 30;

    while ((mgr->commit || mgr->dirty || mgr->nops || mgr->queues_unsaved) &&
           flux_monotime() < deadline) {
        start_commit(mgr);
        uv_run(flux_loop(mgr->h), UV_RUN_ONCE);
    }
}
