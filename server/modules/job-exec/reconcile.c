// SPDX-License-Identifier: LGPL-3.0-only
/* What the leader wants of the shells that a broker finds when it joins: those of jobs that run and
 * have not given the rank up. Nobody is answered before the job manager has named all jobs that may
 * run. */
#include <utlist.h>

#include "exec.h"

struct question {
    struct flux_call *call;
    const flux_job_exec_reconcile_request *in;
    struct question *next, *prev;
};

static bool wanted(struct jobexec *je, uint64_t id, uint32_t rank)
{
    struct running *job;

    HASH_FIND(hh, je->jobs, &id, sizeof(id), job);
    return job && job->pending && flux_idset_contains(job->pending, rank);
}

static void fill(struct flux_call *call, const flux_job_exec_reconcile_request *in,
                 flux_job_exec_reconcile_response *out)
{
    struct jobexec *je = flux_call_data(call);

    out->unwanted = flux_call_alloc(call, (in->n_ids + 1) * sizeof(*out->unwanted));
    for (size_t i = 0; i < in->n_ids; i++) {
        if (!wanted(je, in->ids[i], in->rank))
            out->unwanted[out->n_unwanted++] = in->ids[i];
    }
}

static void on_gone(struct flux_call *call, void *arg)
{
    struct jobexec *je = flux_call_data(call);
    struct question *q = arg;

    DL_DELETE(je->questions, q);
    free(q);
}

int job_exec_reconcile(struct flux_call *call, const flux_job_exec_reconcile_request *in,
                       flux_job_exec_reconcile_response *out)
{
    struct jobexec *je = flux_call_data(call);
    struct question *q;

    if (je->resumed) {
        fill(call, in, out);
        return 0;
    }
    q = flux_alloc(sizeof(*q));
    q->call = call;
    q->in = in;
    DL_APPEND(je->questions, q);
    flux_call_on_cancel(call, on_gone, q);
    return FLUX_CALL_LATER;
}

int job_exec_resumed(struct flux_call *call, const flux_job_exec_resumed_request *in,
                     flux_job_exec_resumed_response *out)
{
    struct jobexec *je = flux_call_data(call);

    je->resumed = true;
    while (je->questions) {
        struct question *q = je->questions;
        flux_job_exec_reconcile_response answer = FLUX_JOB_EXEC_RECONCILE_RESPONSE_INIT;

        DL_DELETE(je->questions, q);
        flux_call_on_cancel(q->call, NULL, NULL);
        fill(q->call, q->in, &answer);
        flux_job_exec_reconcile_reply(q->call, &answer);
        free(q);
    }
    return 0;
}

void reconcile_stop(struct jobexec *je)
{
    while (je->questions) {
        struct question *q = je->questions;

        DL_DELETE(je->questions, q);
        flux_call_on_cancel(q->call, NULL, NULL);
        flux_call_error(q->call, EAGAIN, "job-exec is being unloaded");
        free(q);
    }
}
