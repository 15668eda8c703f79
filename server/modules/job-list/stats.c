// SPDX-License-Identifier: LGPL-3.0-only
/* Counts of jobs by state and result, and calls that wait for a job to reach a state. */
#include <utlist.h>

#include <flux/fluid.h>

#include "list.h"

void stats_count(struct list *l, const flux_job_list_job *job, int sign)
{
    flux_job_list_stats_response *s = &l->stats;

    switch (job->state) {
    case FLUX_JOB_DEPEND:
        s->depend += sign;
        break;
    case FLUX_JOB_PRIORITY:
        s->priority += sign;
        break;
    case FLUX_JOB_SCHED:
        s->sched += sign;
        break;
    case FLUX_JOB_RUN:
        s->run += sign;
        break;
    case FLUX_JOB_CLEANUP:
        s->cleanup += sign;
        break;
    case FLUX_JOB_INACTIVE:
        s->inactive += sign;
        s->successful += job->result == FLUX_JOB_LIST_RESULT_COMPLETED ? sign : 0;
        s->failed += job->result == FLUX_JOB_LIST_RESULT_FAILED ? sign : 0;
        s->canceled += job->result == FLUX_JOB_LIST_RESULT_CANCELED ? sign : 0;
        s->timeout += job->result == FLUX_JOB_LIST_RESULT_TIMEOUT ? sign : 0;
        break;
    default:
        break;
    }
}

static bool count_row(flux_job_list_job *job, void *arg)
{
    stats_count(arg, job, +1);
    return true;
}

static void count_queue(struct list *l, struct flux_call *call, const char *queue,
                        flux_job_list_stats_response *out)
{
    flux_job_list_list_request in = FLUX_JOB_LIST_LIST_REQUEST_INIT;
    struct list counter = {.stats = FLUX_JOB_LIST_STATS_RESPONSE_INIT};
    struct record *r, *next;

    in.queue = queue;
    HASH_ITER (hh, l->jobs, r, next)
        if (strcmp(r->job.queue, queue) == 0)
            stats_count(&counter, &r->job, +1);
    history_visit(l->history, &in, true, call, count_row, &counter);
    *out = counter.stats;
}

int job_list_stats(struct flux_call *call, const flux_job_list_stats_request *in,
                   flux_job_list_stats_response *out)
{
    struct list *l = flux_call_data(call);

    if (flux_call_is_private(call))
        return flux_call_fail(call, EPERM, "statistics are private in this instance");
    if (*in->queue)
        count_queue(l, call, in->queue, out);
    else
        *out = l->stats;
    return 0;
}

/* --- WaitState --- */

static void drop(struct list *l, struct wait_state *w)
{
    DL_DELETE(l->waits, w);
    free(w);
}

static void on_cancel(struct flux_call *call, void *arg)
{
    drop(flux_call_data(call), arg);
}

void waits_check(struct list *l, const struct record *r)
{
    flux_job_list_wait_state_response out = FLUX_JOB_LIST_WAIT_STATE_RESPONSE_INIT;
    struct wait_state *w, *next;

    out.state = r->job.state;
    DL_FOREACH_SAFE(l->waits, w, next)
    if (w->id == r->job.id && (w->states | FLUX_JOB_INACTIVE) & r->job.state) {
        struct flux_call *call = w->call;
        drop(l, w);
        flux_job_list_wait_state_reply(call, &out);
    }
}

int job_list_wait_state(struct flux_call *call, const flux_job_list_wait_state_request *in,
                        flux_job_list_wait_state_response *out)
{
    struct list *l = flux_call_data(call);
    flux_job_list_job job;
    struct wait_state *w;
    struct record *r;

    HASH_FIND(hh, l->jobs, &in->id, sizeof(in->id), r);
    if ((!r && !history_get(l->history, in->id, &job, call)) ||
        !list_visible(call, r ? &r->job : &job))
        return flux_call_fail(call, ENOENT, "JobID %s unknown", flux_fluid_f58(in->id));
    out->state = r ? r->job.state : FLUX_JOB_INACTIVE;
    if ((in->states | FLUX_JOB_INACTIVE) & out->state)
        return 0;
    w = flux_alloc(sizeof(*w));
    w->call = call;
    w->id = in->id;
    w->states = in->states;
    DL_APPEND(l->waits, w);
    flux_call_on_cancel(call, on_cancel, w);
    return FLUX_CALL_LATER;
}

void waits_done(struct list *l)
{
    while (l->waits)
        drop(l, l->waits);
}
