// SPDX-License-Identifier: LGPL-3.0-only
/* After a restart: only the active jobs are read, whatever ran before. Each eventlog is replayed by
 * the code that wrote it. */
#include "restart.h"

#include <stdio.h>
#include <syslog.h>

#include <flux/fluid.h>

#define WINDOW 256 /* jobs asked for at a time */

static int get_text(struct manager *mgr, const char *key, char **ret)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    int r;

    in.key = key;
    r = flux_kvs_get(mgr->h, FLUX_ANY, &in, &out, NULL);
    if (r == 0)
        *ret = flux_strndup((char *)out->value.data, out->value.len);
    return r;
}

static void set_text(char **p, const flux_kvs_get_response *res)
{
    if (res->type == FLUX_KVS_TYPE_UNSPECIFIED)
        return;
    free(*p);
    *p = flux_strndup(res->value.data ? (char *)res->value.data : "", res->value.len);
}

static int replay(struct manager *mgr, struct job *job, struct flux_error *err)
{
    const char *p = job->log.data, *end = p + job->log.len;

    while (p < end) {
        const char *nl = memchr(p, '\n', end - p);
        int r;
        if (!nl)
            return flux_error_set(err, -EPROTO, "its eventlog does not end with a whole line");
        r = replay_event(mgr, job, p, nl - p, err);
        if (r < 0)
            return r;
        p = nl + 1;
    }
    if (job->t_submit == 0)
        return flux_error_set(err, -EPROTO, "its eventlog lacks the event submit");
    return 0;
}

static int load_job(struct manager *mgr, uint64_t id, const flux_kvs_get_many_response *res,
                    struct flux_error *err)
{
    struct job *job = job_new(mgr, id, 0, 0, 0, 0);
    FLUX_AUTO_STR spec = NULL;
    int r;

    for (size_t i = 0; i < res->n_results; i++) {
        if (!res->results[i]->errnum)
            continue;
        job_free(job);
        return flux_error_set(err, -EIO, "%s", res->results[i]->error);
    }
    if (res->n_results != 4 || res->results[0]->type == FLUX_KVS_TYPE_UNSPECIFIED ||
        res->results[1]->type == FLUX_KVS_TYPE_UNSPECIFIED) {
        job_free(job);
        return flux_error_set(err, -ENOENT, "its eventlog or jobspec is missing");
    }
    flux_buf_add(&job->log, res->results[0]->value.data, res->results[0]->value.len);
    job->log_committed = job->log_told = job->log.len;
    set_text(&spec, res->results[1]);
    set_text(&job->r, res->results[2]);
    set_text(&job->j, res->results[3]);
    job->r_durable = job->r != NULL;
    manager_add(mgr, job);
    r = job_set_jobspec(job, spec, NULL, err);
    if (r == 0)
        r = replay(mgr, job, err);
    if (r < 0) {
        manager_remove(mgr, job);
        job_free(job);
    } else {
        tenant_enter(mgr, job);
    }
    return r;
}

static struct flux_future *ask(struct manager *mgr, uint64_t id)
{
    static const char *const names[] = {"eventlog", "jobspec", "R", "J"};
    flux_kvs_get_many_request in = FLUX_KVS_GET_MANY_REQUEST_INIT;
    char buf[4][FLUX_JOB_KEY_MAX];
    const char *keys[4];

    for (int i = 0; i < 4; i++)
        keys[i] = flux_job_key(buf[i], id, names[i]);
    in.keys = keys;
    in.n_keys = 4;
    return flux_kvs_get_many_async(mgr->h, FLUX_ANY, &in);
}

static void take(struct manager *mgr, uint64_t id, struct flux_future *f,
                 struct restart_notes *notes)
{
    const flux_kvs_get_many_response *res;
    struct flux_error err;
    int r = flux_kvs_get_many_result(f, &res, &err);

    if (r == 0)
        r = load_job(mgr, id, res, &err);
    if (r < 0) {
        flux_log(mgr->h, LOG_ERR, "job %s cannot be restored and is left out: %s",
                 flux_fluid_f58(id), err.text);
        restart_note_damaged(notes, id, err.text);
    }
    flux_future_free(f);
}

static void load_jobs(struct manager *mgr, const uint64_t *ids, size_t n,
                      struct restart_notes *notes)
{
    struct flux_future *window[WINDOW];

    for (size_t at = 0; at < n; at += WINDOW) {
        size_t m = n - at < WINDOW ? n - at : WINDOW;
        for (size_t i = 0; i < m; i++)
            window[i] = ask(mgr, ids[at + i]);
        for (size_t i = 0; i < m; i++)
            take(mgr, ids[at + i], window[i], notes);
    }
}

static int list_active(struct manager *mgr, struct restart_ids *ids, struct flux_error *err)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    int r;

    in.key = FLUX_JOBS_KEY_ACTIVE;
    in.list = true;
    r = flux_kvs_get(mgr->h, FLUX_ANY, &in, &out, err);
    if (r == -EIO && restart_repair(mgr))
        r = flux_kvs_get(mgr->h, FLUX_ANY, &in, &out, err);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    ids->cap = out->n_entries + 1;
    ids->list = flux_alloc(ids->cap * sizeof(*ids->list));
    for (size_t i = 0; i < out->n_entries; i++)
        ids->list[ids->count++] = strtoull(out->entries[i]->name, NULL, 16);
    return 0;
}

/* Jobs whose shells may still run are taken over; for those that had not started the wait begins
 * anew. */
static void resume(struct manager *mgr)
{
    flux_job_exec_resumed_request done = FLUX_JOB_EXEC_RESUMED_REQUEST_INIT;
    struct job *job, *next;

    HASH_ITER (hh, mgr->jobs, job, next) {
        if (job->state == FLUX_JOB_INACTIVE) {
            job->ended_before = true; /* the journal tells of it once more */
            continue;
        }
        post_event(mgr, job, "flux-restart", NULL);
        if (job->has_resources && job->started && !job->released)
            start_job(mgr, job, true);
        job->maybe_started = job->has_resources;
        job_advance(mgr, job);
        dependency_resume(mgr, job);
    }
    flux_job_exec_resumed_async(mgr->h, (struct flux_to){.no_answer = true}, &done);
}

int restart_load(struct manager *mgr, struct flux_error *err)
{
    struct restart_notes notes = {0};
    struct restart_ids ids = {0};
    FLUX_AUTO_STR max = NULL;
    FLUX_AUTO_STR queues = NULL;
    size_t listed;
    bool damaged;
    int r;

    mgr->restarting = true;
    r = list_active(mgr, &ids, err);
    if (r < 0)
        return flux_error_prefix(err, r, "reading the active jobs");
    listed = ids.count;
    if (get_text(mgr, FLUX_JOBS_KEY_MAX_ID, &max) == 0)
        mgr->max_id = strtoull(max, NULL, 10);
    if (get_text(mgr, FLUX_JOBS_KEY_QUEUES, &queues) == 0)
        queue_load(mgr, queues);
    if (max)
        queue_stop_after_restart(mgr);
    damaged = restart_is_damaged(mgr);
    if (damaged)
        restart_find_active(mgr, &ids);
    for (size_t i = listed; i < ids.count; i++)
        restart_note_active(&notes, ids.list[i]);
    load_jobs(mgr, ids.list, ids.count, &notes);
    restart_notes_write(mgr, &notes, damaged);
    namespace_restore(mgr);
    mgr->restarting = false;
    if (ids.count)
        flux_log(mgr->h, LOG_INFO, "restart: %u active jobs", HASH_COUNT(mgr->jobs));
    free(ids.list);
    hold_init(mgr);
    resume(mgr);
    return 0;
}
