// SPDX-License-Identifier: LGPL-3.0-only
/* The journal: every event of every job, in order, to those who follow all jobs (job-list). What is
 * new in a loop turn is one item. */
#include "module.h"

#include <flux/arena.h>

struct journal {
    struct flux_call *call;
    struct journal *next, *prev;
};

/* One item under construction, of this module's thread. */
static __thread struct {
    flux_job_manager_journal_job **jobs;
    size_t n, room;
    struct flux_arena arena;
    bool ready;
} item;

static flux_job_manager_journal_job *add(uint64_t id)
{
    flux_job_manager_journal_job *j;

    if (!item.ready) {
        flux_arena_init(&item.arena);
        item.ready = true;
    }
    if (item.n == item.room) {
        item.room = item.room ? item.room * 2 : 64;
        item.jobs = flux_realloc(item.jobs, item.room, sizeof(*item.jobs));
    }
    j = flux_arena_alloc(&item.arena, sizeof(*j));
    *j = (flux_job_manager_journal_job)FLUX_JOB_MANAGER_JOURNAL_JOB_INIT;
    j->id = id;
    item.jobs[item.n++] = j;
    return j;
}

static void reset(void)
{
    item.n = 0;
    flux_arena_reset(&item.arena);
}

void journal_tell(struct manager *mgr, struct job *job)
{
    flux_job_manager_journal_job *j;

    if (job->log_told == job->log.len)
        return;
    if (!mgr->journals) {
        job->log_told = job->log.len;
        return;
    }
    j = add(job->id);
    j->events = flux_arena_strdup(&item.arena, job->log.data + job->log_told);
    if (!job->log_told)
        j->jobspec = flux_arena_strdup(&item.arena, job->brief);
    if (job->r && !job->told_r) {
        j->r = flux_arena_strdup(&item.arena, job->r);
        job->told_r = true;
    }
    job->log_told = job->log.len;
}

void journal_purged(struct manager *mgr, uint64_t id)
{
    if (mgr->journals)
        add(id)->purged = true;
    manager_flush_later(mgr);
}

static void send_item(struct flux_call *call)
{
    flux_job_manager_journal_response out = FLUX_JOB_MANAGER_JOURNAL_RESPONSE_INIT;

    out.jobs = item.jobs;
    out.n_jobs = item.n;
    flux_job_manager_journal_send(call, &out);
}

void journal_flush(struct manager *mgr)
{
    struct journal *j;

    if (!item.n)
        return;
    DL_FOREACH(mgr->journals, j)
    send_item(j->call);
    reset();
}

static void on_cancel(struct flux_call *call, void *arg)
{
    struct manager *mgr = flux_call_data(call);
    struct journal *j = arg;

    DL_DELETE(mgr->journals, j);
    free(j);
}

static void send_backlog(struct manager *mgr, struct flux_call *call)
{
    struct job *job, *next;

    HASH_ITER (hh, mgr->jobs, job, next) {
        flux_job_manager_journal_job *j;
        if (!job->log_told)
            continue;
        j = add(job->id);
        j->events = flux_arena_strdup(&item.arena, job->log.data);
        ((char *)j->events)[job->log_told] = '\0';
        j->jobspec = flux_arena_strdup(&item.arena, job->brief);
        j->replay = true;
        if (job->r)
            j->r = flux_arena_strdup(&item.arena, job->r);
        job->told_r |= job->r != NULL;
    }
    if (item.n)
        send_item(call);
    reset();
}

/* Jobs whose end was stored just before a crash: now that it has been told, they can go. */
static void forget_ended(struct manager *mgr)
{
    struct job *job, *next;

    HASH_ITER (hh, mgr->jobs, job, next)
        if (job->ended_before)
            commit_forget(mgr, job);
}

int job_manager_journal(struct flux_call *call, const flux_job_manager_journal_request *in)
{
    struct manager *mgr = flux_call_data(call);
    flux_job_manager_journal_response empty = FLUX_JOB_MANAGER_JOURNAL_RESPONSE_INIT;
    struct journal *j = flux_alloc(sizeof(*j));

    journal_flush(mgr);
    send_backlog(mgr, call);
    flux_job_manager_journal_send(call, &empty);
    j->call = call;
    DL_APPEND(mgr->journals, j);
    forget_ended(mgr);
    flux_call_on_cancel(call, on_cancel, j);
    return FLUX_CALL_LATER;
}

void journal_done(struct manager *mgr)
{
    struct journal *j, *next;

    DL_FOREACH_SAFE(mgr->journals, j, next)
    free(j);
    mgr->journals = NULL;
    reset();
    free(item.jobs);
    item.jobs = NULL;
    item.room = 0;
}
