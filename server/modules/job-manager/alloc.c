// SPDX-License-Identifier: LGPL-3.0-only
/* The scheduler's client. Requests, cancels and frees of a loop turn travel in one message each;
 * the grants come on one stream for all jobs. While there is no scheduler, jobs wait in SCHED. */
#include "manager.h"

#include <syslog.h>

#include <flux/fluid.h>

#define RETRY_MS 200

static void on_attach(struct flux_future *f, void *arg);

static void push(uint64_t **list, size_t *n, uint64_t id)
{
    if ((*n & (*n - 1)) == 0)
        *list = flux_realloc(*list, *n ? *n * 2 : 1, sizeof(**list));
    (*list)[(*n)++] = id;
}

void alloc_set_enqueued(struct job *job, bool on)
{
    job->mgr->nenqueued += (int)on - (int)job->enqueued;
    job->enqueued = on;
}

/* --- attach --- */

static size_t count_held(struct manager *mgr)
{
    struct job *job, *next;
    size_t n = 0;

    HASH_ITER (hh, mgr->jobs, job, next)
        n += job->has_resources;
    return n;
}

void alloc_attach(struct manager *mgr)
{
    flux_sched_attach_request in = FLUX_SCHED_ATTACH_REQUEST_INIT;
    size_t n = count_held(mgr);
    flux_sched_held *held = flux_alloc(n * sizeof(*held));
    FLUX_AUTO_MEM(flux_sched_held *) list = flux_alloc(n * sizeof(*list));
    struct job *job, *next;

    HASH_ITER (hh, mgr->jobs, job, next) {
        flux_sched_held *h = &held[in.n_held];
        if (!job->has_resources)
            continue;
        *h = (flux_sched_held)FLUX_SCHED_HELD_INIT;
        h->id = job->id;
        h->userid = job->userid;
        h->priority = job->priority;
        h->t_submit = job->t_submit;
        h->r = job->r;
        list[in.n_held++] = h;
    }
    in.held = list;
    mgr->sched = flux_sched_attach_stream(mgr->h, FLUX_ANY, &in);
    flux_future_then(mgr->sched, on_attach, mgr);
    free(held);
}

static void on_retry(uv_timer_t *timer)
{
    alloc_attach(timer->data);
}

static void all_waiting_again(struct manager *mgr)
{
    struct job *job, *next;

    HASH_ITER (hh, mgr->jobs, job, next) {
        alloc_set_enqueued(job, false);
        if (job->state == FLUX_JOB_SCHED)
            job_advance(mgr, job);
    }
}

static void sched_lost(struct manager *mgr)
{
    struct job *job, *next;

    if (mgr->sched_ready)
        flux_log(mgr->h, LOG_WARNING, "the scheduler has gone; jobs wait for it");
    mgr->sched_ready = false;
    HASH_ITER (hh, mgr->jobs, job, next)
        alloc_set_enqueued(job, false);
    if (!mgr->stopping)
        uv_timer_start(&mgr->sched_retry, on_retry, RETRY_MS, 0);
}

/* --- grants --- */

static char *alloc_context(const flux_sched_grant *g)
{
    json_t *o = json_pack("{s:{s:{s:s}}}", "annotations", "sched", "resource_summary",
                          g->summary ? g->summary : "");
    char *text = json_dumps(o, JSON_COMPACT);

    json_decref(o);
    return text;
}

static void give_back(struct manager *mgr, uint64_t id)
{
    flux_sched_free_request in = FLUX_SCHED_FREE_REQUEST_INIT;
    flux_sched_release rel = FLUX_SCHED_RELEASE_INIT, *list[] = {&rel};

    rel.id = id;
    in.releases = list;
    in.n_releases = 1;
    flux_sched_free_async(mgr->h, (struct flux_to){.no_answer = true}, &in);
}

static void on_grant(struct manager *mgr, const flux_sched_grant *g)
{
    struct job *job = manager_find_active(mgr, g->id);
    FLUX_AUTO_STR context = NULL;

    mgr->activity++;
    if (job)
        alloc_set_enqueued(job, false);
    if (*g->denied) {
        if (job && job->state == FLUX_JOB_SCHED)
            post_exception(mgr, job, "alloc", 0, g->denied, FLUX_USERID_UNKNOWN);
        return;
    }
    /* Cancelled, held, or its queue stopped while the grant was on its way. */
    if (!job || job->state != FLUX_JOB_SCHED || job->priority == 0 || !queue_started(mgr, job)) {
        give_back(mgr, g->id);
        return;
    }
    free(job->r);
    job->r = flux_strdup(g->r);
    job->r_unsaved = true;
    context = alloc_context(g);
    post_event(mgr, job, "alloc", "%s", context);
}

static void on_lost(struct manager *mgr, uint64_t id)
{
    struct job *job = manager_find_active(mgr, id);

    if (job) {
        job->has_resources = false;
        post_exception(mgr, job, "scheduler-restart", 0,
                       "the resources of the job are no longer there", FLUX_USERID_UNKNOWN);
    }
}

static void on_attach(struct flux_future *f, void *arg)
{
    struct manager *mgr = arg;
    const flux_sched_attach_response *out;

    if (flux_sched_attach_result(f, &out, NULL) < 0) {
        flux_future_free(f);
        mgr->sched = NULL;
        sched_lost(mgr);
        return;
    }
    for (size_t i = 0; i < out->n_lost; i++)
        on_lost(mgr, out->lost[i]);
    for (size_t i = 0; i < out->n_grants; i++)
        on_grant(mgr, out->grants[i]);
    if (!mgr->sched_ready) {
        mgr->sched_ready = true;
        all_waiting_again(mgr);
    }
}

void alloc_init(struct manager *mgr)
{
    uv_timer_init(flux_loop(mgr->h), &mgr->sched_retry);
    mgr->sched_retry.data = mgr;
}

void alloc_done(struct manager *mgr)
{
    flux_future_free(mgr->sched);
    free(mgr->to_enqueue);
    free(mgr->to_free);
    free(mgr->to_cancel);
    free(mgr->to_prioritize);
    uv_close((uv_handle_t *)&mgr->sched_retry, NULL);
}

/* --- requests: noted here, sent at the end of the turn --- */

void alloc_request(struct manager *mgr, struct job *job)
{
    if (job->enqueued || !mgr->sched_ready)
        return;
    alloc_set_enqueued(job, true);
    mgr->activity++;
    push(&mgr->to_enqueue, &mgr->nenqueue, job->id);
    manager_flush_later(mgr);
}

void alloc_cancel(struct manager *mgr, struct job *job)
{
    if (!job->enqueued)
        return;
    alloc_set_enqueued(job, false);
    mgr->activity++;
    push(&mgr->to_cancel, &mgr->ncancel, job->id);
    manager_flush_later(mgr);
}

void alloc_free(struct manager *mgr, struct job *job, const char *ranks)
{
    flux_sched_free_request in = FLUX_SCHED_FREE_REQUEST_INIT;
    flux_sched_release rel = FLUX_SCHED_RELEASE_INIT, *list[] = {&rel};

    mgr->activity++;
    if (!ranks) {
        push(&mgr->to_free, &mgr->nfree, job->id);
        manager_flush_later(mgr);
        return;
    }
    rel.id = job->id;
    rel.ranks = ranks;
    in.releases = list;
    in.n_releases = 1;
    flux_sched_free_async(mgr->h, (struct flux_to){.no_answer = true}, &in);
}

void alloc_prioritize(struct manager *mgr, struct job *job)
{
    if (!job->enqueued)
        return;
    mgr->activity++;
    push(&mgr->to_prioritize, &mgr->nprioritize, job->id);
    manager_flush_later(mgr);
}

static void send_enqueue(struct manager *mgr)
{
    flux_sched_enqueue_request in = FLUX_SCHED_ENQUEUE_REQUEST_INIT;
    FLUX_AUTO_MEM(flux_sched_job) jobs = flux_alloc(mgr->nenqueue * sizeof(*jobs));
    FLUX_AUTO_MEM(flux_sched_job *) list = flux_alloc(mgr->nenqueue * sizeof(*list));

    for (size_t i = 0; i < mgr->nenqueue; i++) {
        struct job *job = manager_find_active(mgr, mgr->to_enqueue[i]);
        flux_sched_job *j = &jobs[in.n_jobs];
        if (!job || !job->enqueued)
            continue;
        *j = (flux_sched_job)FLUX_SCHED_JOB_INIT;
        j->id = job->id;
        j->userid = job->userid;
        j->priority = job->priority;
        j->t_submit = job->t_submit;
        j->jobspec = job->brief ? job->brief : job->jobspec;
        list[in.n_jobs++] = j;
    }
    in.jobs = list;
    if (in.n_jobs)
        flux_sched_enqueue_async(mgr->h, (struct flux_to){.no_answer = true}, &in);
    mgr->nenqueue = 0;
}

static void send_free(struct manager *mgr)
{
    flux_sched_free_request in = FLUX_SCHED_FREE_REQUEST_INIT;
    FLUX_AUTO_MEM(flux_sched_release) rel = flux_alloc(mgr->nfree * sizeof(*rel));
    FLUX_AUTO_MEM(flux_sched_release *) list = flux_alloc(mgr->nfree * sizeof(*list));

    for (size_t i = 0; i < mgr->nfree; i++) {
        rel[i] = (flux_sched_release)FLUX_SCHED_RELEASE_INIT;
        rel[i].id = mgr->to_free[i];
        list[i] = &rel[i];
    }
    in.releases = list;
    in.n_releases = mgr->nfree;
    flux_sched_free_async(mgr->h, (struct flux_to){.no_answer = true}, &in);
    mgr->nfree = 0;
}

static void send_cancel(struct manager *mgr)
{
    flux_sched_cancel_request in = FLUX_SCHED_CANCEL_REQUEST_INIT;

    in.ids = mgr->to_cancel;
    in.n_ids = mgr->ncancel;
    flux_sched_cancel_async(mgr->h, (struct flux_to){.no_answer = true}, &in);
    mgr->ncancel = 0;
}

static void send_prioritize(struct manager *mgr)
{
    flux_sched_prioritize_request in = FLUX_SCHED_PRIORITIZE_REQUEST_INIT;
    FLUX_AUTO_MEM(flux_sched_priority) jobs = flux_alloc(mgr->nprioritize * sizeof(*jobs));
    FLUX_AUTO_MEM(flux_sched_priority *) list = flux_alloc(mgr->nprioritize * sizeof(*list));

    for (size_t i = 0; i < mgr->nprioritize; i++) {
        struct job *job = manager_find_active(mgr, mgr->to_prioritize[i]);
        if (!job)
            continue;
        jobs[in.n_jobs] = (flux_sched_priority)FLUX_SCHED_PRIORITY_INIT;
        jobs[in.n_jobs].id = job->id;
        jobs[in.n_jobs].priority = job->priority;
        list[in.n_jobs] = &jobs[in.n_jobs];
        in.n_jobs++;
    }
    in.jobs = list;
    flux_sched_prioritize_async(mgr->h, (struct flux_to){.no_answer = true}, &in);
    mgr->nprioritize = 0;
}

void alloc_flush(struct manager *mgr)
{
    if (mgr->nfree)
        send_free(mgr);
    if (mgr->ncancel)
        send_cancel(mgr);
    if (mgr->nenqueue)
        send_enqueue(mgr);
    if (mgr->nprioritize)
        send_prioritize(mgr);
}
