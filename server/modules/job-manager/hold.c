// SPDX-License-Identifier: LGPL-3.0-only
/* Jobs that were in the queue before a restart get nothing until the broker is past its start: only
 * then has it found out whether the last end was in order, and stopped the queues if it was not. */
#include "manager.h"

#include <flux/v1/broker.h>

static bool is_starting(const char *state)
{
    return strcmp(state, "none") == 0 || strcmp(state, "join") == 0 || strcmp(state, "init") == 0;
}

static void release(struct manager *mgr)
{
    struct job *job, *next;

    flux_future_free(mgr->hold);
    mgr->hold = NULL;
    HASH_ITER (hh, mgr->jobs, job, next)
        if (job->state == FLUX_JOB_SCHED)
            job_advance(mgr, job);
}

static void on_state(struct flux_future *f, void *arg)
{
    const flux_broker_watch_state_response *out;

    if (flux_broker_watch_state_result(f, &out, NULL) < 0 || !is_starting(out->state))
        release(arg);
}

void hold_init(struct manager *mgr)
{
    flux_broker_watch_state_request in = FLUX_BROKER_WATCH_STATE_REQUEST_INIT;

    if (manager_count(mgr, FLUX_JOB_PENDING) == 0)
        return;
    mgr->hold = flux_broker_watch_state_stream(mgr->h, FLUX_ANY, &in);
    flux_future_then(mgr->hold, on_state, mgr);
}

void hold_done(struct manager *mgr)
{
    flux_future_free(mgr->hold);
    mgr->hold = NULL;
}
