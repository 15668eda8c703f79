// SPDX-License-Identifier: LGPL-3.0-only
/* Following the job manager. When its stream ends (it was reloaded), we begin anew. */
#include <syslog.h>

#include <flux/fluid.h>

#include "list.h"

static void take_events(struct list *l, const flux_job_manager_journal_job *j)
{
    struct record *r;
    struct flux_error err;

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
    if (r->job.state != FLUX_JOB_INACTIVE)
        return;
    history_begin(l->history);
    if (history_put(l->history, &r->job, &err) < 0)
        flux_log(l->h, LOG_ERR, "%s: %s", flux_fluid_f58(j->id), err.text);
    HASH_DEL(l->jobs, r);
    record_free(r);
}

/* An active job that goes so was never accepted: it could not be stored. */
static bool take_refused(struct list *l, uint64_t id)
{
    struct record *r;

    HASH_FIND(hh, l->jobs, &id, sizeof(id), r);
    if (!r)
        return false;
    stats_count(l, &r->job, -1);
    HASH_DEL(l->jobs, r);
    record_free(r);
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
        stats_count(l, &r->job, -1);
        HASH_DEL(l->jobs, r);
        record_free(r);
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
    if (history_commit(l->history, &err) < 0)
        flux_log(l->h, LOG_ERR, "%s", err.text);
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

    l->journal = flux_job_manager_journal_stream(l->h, FLUX_ANY, &in);
    flux_future_then(l->journal, on_journal, l);
}
