// SPDX-License-Identifier: LGPL-3.0-only
/* Following the job manager. When its stream ends (it was reloaded), we begin anew. */
#include <syslog.h>
#include <utlist.h>

#include <flux/fluid.h>

#include "list.h"

#define RETRY_MS 1000

static void forget(struct list *l, struct record *r)
{
    if (r->ended)
        DL_DELETE(l->unwritten, r);
    HASH_DEL(l->jobs, r);
    record_free(r);
}

static void take_events(struct list *l, const flux_job_manager_journal_job *j)
{
    struct record *r;

    HASH_FIND(hh, l->jobs, &j->id, sizeof(j->id), r);
    if (!r) {
        r = record_new(j->id);
        HASH_ADD(hh, l->jobs, job.id, sizeof(r->job.id), r);
    } else
        stats_count(l, &r->job, -1);
    if (*j->jobspec)
        record_set_jobspec(r, j->jobspec);
    if (*j->r)
        record_set_r(r, j->r);
    record_apply(r, j->events);
    stats_count(l, &r->job, +1);
    waits_check(l, r);
    if (r->job.state != FLUX_JOB_INACTIVE || r->ended)
        return;
    r->ended = true;
    DL_APPEND(l->unwritten, r);
}

static int put_all(struct list *l, struct flux_error *err)
{
    struct record *r;
    int rc = 0, end;

    if (l->unwritten || l->failing)
        history_begin(l->history);
    DL_FOREACH(l->unwritten, r)
    if (rc == 0)
        rc = history_put(l->history, &r->job, err);
    end = history_commit(l->history, rc < 0 ? NULL : err);
    return rc < 0 ? rc : end;
}

static void write_history(struct list *l);

static void on_retry(uv_timer_t *timer)
{
    write_history(timer->data);
}

void journal_history_failed(struct list *l, const char *text)
{
    if (!l->failing)
        flux_log(l->h, LOG_ERR, "%s; this is tried until it works", text);
    l->failing = true;
    history_fell_behind(l->history);
    uv_timer_start(l->retry, on_retry, RETRY_MS, 0);
}

/* Rows for the jobs that have ended; those that cannot be written stay in memory, and listed. */
static void write_history(struct list *l)
{
    struct flux_error err = {""};
    int r = put_all(l, &err);

    if (r < 0) {
        journal_history_failed(l, err.text);
        return;
    }
    if (l->failing)
        flux_log(l->h, LOG_INFO, "job history: is written again");
    l->failing = false;
    while (l->unwritten)
        forget(l, l->unwritten);
    if (history_is_incomplete(l->history) && l->caught_up && !l->rebuild)
        rebuild_start(l);
}

/* An active job that goes so was never accepted: it could not be stored. */
static bool take_refused(struct list *l, uint64_t id)
{
    struct record *r;

    HASH_FIND(hh, l->jobs, &id, sizeof(id), r);
    if (!r)
        return false;
    stats_count(l, &r->job, -1);
    forget(l, r);
    return true;
}

static void take_purged(struct list *l, uint64_t id)
{
    if (take_refused(l, id))
        return;
    history_begin(l->history);
    history_remove(l->history, id);
    l->stats.purged++;
    l->stats.inactive -= l->stats.inactive > 0;
}

static void forget_active(struct list *l)
{
    struct record *r, *next;

    HASH_ITER (hh, l->jobs, r, next) {
        if (r->ended)
            continue;
        stats_count(l, &r->job, -1);
        forget(l, r);
    }
}

static void on_journal(struct flux_future *f, void *arg)
{
    struct list *l = arg;
    const flux_job_manager_journal_response *out;
    struct flux_error err;
    size_t purged = 0;

    if (flux_job_manager_journal_result(f, &out, &err) < 0) {
        flux_log(l->h, LOG_ERR, "the journal of the job manager has ended: %s", err.text);
        flux_future_free(f);
        l->journal = NULL;
        forget_active(l);
        return;
    }
    for (size_t i = 0; i < out->n_jobs; i++)
        if (out->jobs[i]->purged) {
            take_purged(l, out->jobs[i]->id);
            purged++;
        } else
            take_events(l, out->jobs[i]);
    write_history(l);
    if (purged)
        flux_log(l->h, LOG_DEBUG, "purged %zu inactive jobs", purged);
    if (!l->caught_up && out->n_jobs == 0) {
        l->caught_up = true;
        rebuild_start(l);
    }
}

void journal_follow(struct list *l)
{
    flux_job_manager_journal_request in = FLUX_JOB_MANAGER_JOURNAL_REQUEST_INIT;

    l->retry = flux_alloc(sizeof(*l->retry));
    uv_timer_init(flux_loop(l->h), l->retry);
    l->retry->data = l;
    l->journal = flux_job_manager_journal_stream(l->h, FLUX_ANY, &in);
    flux_future_then(l->journal, on_journal, l);
}

static void free_timer(uv_handle_t *timer)
{
    free(timer);
}

void journal_stop(struct list *l)
{
    struct record *r, *next;

    flux_future_free(l->journal);
    if (l->unwritten)
        write_history(l);
    uv_close((uv_handle_t *)l->retry, free_timer);
    HASH_ITER (hh, l->jobs, r, next)
        forget(l, r);
}
