// SPDX-License-Identifier: LGPL-3.0-only
/* Waiting for the queue to be empty (drain) or for nothing to run (idle). */
#include "module.h"

#include <malloc.h>

#define TRIM_AFTER 500 /* jobs */

static void add(struct waiter **list, struct flux_call *call)
{
    struct waiter *w = flux_alloc(sizeof(*w));

    w->call = call;
    LL_PREPEND2(*list, w, next);
}

static void drop(struct waiter **list, struct flux_call *call)
{
    struct waiter *w, *next;

    LL_FOREACH_SAFE2(*list, w, next, next)
    if (w->call == call) {
        LL_DELETE2(*list, w, next);
        free(w);
    }
}

static void on_cancel(struct flux_call *call, void *arg)
{
    struct manager *mgr = arg;

    drop(&mgr->drain_waiters, call);
    drop(&mgr->idle_waiters, call);
}

static unsigned running(const struct manager *mgr)
{
    return manager_count(mgr, FLUX_JOB_RUN | FLUX_JOB_CLEANUP);
}

int job_manager_drain(struct flux_call *call, const flux_job_manager_drain_request *in,
                      flux_job_manager_drain_response *out)
{
    struct manager *mgr = flux_call_data(call);

    if (!mgr->jobs)
        return 0;
    add(&mgr->drain_waiters, call);
    flux_call_on_cancel(call, on_cancel, mgr);
    return FLUX_CALL_LATER;
}

/* Is anything about to happen by itself? Jobs that the scheduler has been asked for may be granted
 * any moment: a round trip to it after the last request tells that it has nothing more to give. */
static bool settled(struct manager *mgr)
{
    if (mgr->nfresh || mgr->count[__builtin_ctz(FLUX_JOB_INACTIVE)])
        return false;
    return !mgr->nenqueued || (mgr->quiet && mgr->quiet == mgr->activity);
}

static void on_sync(struct flux_future *f, void *arg)
{
    struct manager *mgr = arg;

    flux_future_free(f);
    mgr->sync = NULL;
    mgr->quiet = mgr->sync_activity;
    drain_check(mgr);
}

static bool is_idle(struct manager *mgr)
{
    flux_sched_cancel_request in = FLUX_SCHED_CANCEL_REQUEST_INIT;

    if (running(mgr))
        return false;
    if (settled(mgr))
        return true;
    if (!mgr->sync && mgr->quiet != mgr->activity && !mgr->flush_due) {
        mgr->sync_activity = mgr->activity;
        mgr->sync = flux_sched_cancel_async(mgr->h, FLUX_ANY, &in);
        flux_future_then(mgr->sync, on_sync, mgr);
    }
    return false;
}

int job_manager_idle(struct flux_call *call, const flux_job_manager_idle_request *in,
                     flux_job_manager_idle_response *out)
{
    struct manager *mgr = flux_call_data(call);

    if (is_idle(mgr)) {
        out->pending = manager_count(mgr, FLUX_JOB_PENDING);
        return 0;
    }
    add(&mgr->idle_waiters, call);
    flux_call_on_cancel(call, on_cancel, mgr);
    return FLUX_CALL_LATER;
}

void drain_check(struct manager *mgr)
{
    flux_job_manager_drain_response drained = FLUX_JOB_MANAGER_DRAIN_RESPONSE_INIT;
    flux_job_manager_idle_response idle = FLUX_JOB_MANAGER_IDLE_RESPONSE_INIT;
    struct waiter *w;

    /* A burst of jobs leaves the heap full of holes: give them back when it is over. */
    if (!mgr->jobs && mgr->nended >= TRIM_AFTER) {
        mgr->nended = 0;
        malloc_trim(0);
    }
    while (mgr->drain_waiters && !mgr->jobs) {
        w = mgr->drain_waiters;
        LL_DELETE2(mgr->drain_waiters, w, next);
        flux_job_manager_drain_reply(w->call, &drained);
        free(w);
    }
    while (mgr->idle_waiters && is_idle(mgr)) {
        w = mgr->idle_waiters;
        LL_DELETE2(mgr->idle_waiters, w, next);
        idle.pending = manager_count(mgr, FLUX_JOB_PENDING);
        flux_job_manager_idle_reply(w->call, &idle);
        free(w);
    }
}

void drain_done(struct manager *mgr)
{
    struct waiter *w, *next;

    LL_FOREACH_SAFE2(mgr->drain_waiters, w, next, next)
    free(w);
    LL_FOREACH_SAFE2(mgr->idle_waiters, w, next, next)
    free(w);
}
