// SPDX-License-Identifier: LGPL-3.0-only
/* How soon a pending job is considered. */
#include "module.h"

#include <flux/fluid.h>

int job_manager_set_urgency(struct flux_call *call, const flux_job_manager_set_urgency_request *in,
                            flux_job_manager_set_urgency_response *out)
{
    struct manager *mgr = flux_call_data(call);
    int r;
    struct job *job =
        select_job(call, in->id, "guests can only adjust the urgency of their own jobs", &r);

    if (!job || (r = select_log_room(call, job, false)) < 0)
        return r;
    if (in->urgency > FLUX_JOB_URGENCY_MAX)
        return flux_call_fail(call, EINVAL, "urgency value %u is out of range: 0 to %d",
                              in->urgency, FLUX_JOB_URGENCY_MAX);
    if (!flux_call_is_admin(call) && in->urgency > FLUX_JOB_URGENCY_DEFAULT)
        return flux_call_fail(call, EPERM, "guests can only adjust urgency <= default");
    if (job->state > FLUX_JOB_SCHED)
        return flux_call_fail(call, EINVAL,
                              "urgency cannot be changed once resources are allocated");
    out->previous = job->urgency;
    post_event(mgr, job, "urgency", "{\"userid\":%u,\"urgency\":%u}", flux_call_userid(call),
               in->urgency);
    job_advance(mgr, job);
    return 0;
}

int job_manager_set_priority(struct flux_call *call,
                             const flux_job_manager_set_priority_request *in,
                             flux_job_manager_set_priority_response *out)
{
    struct manager *mgr = flux_call_data(call);

    for (size_t i = 0; i < in->n_jobs; i++) {
        struct job *job = manager_find_active(mgr, in->jobs[i]->id);
        if (!job || (job->state != FLUX_JOB_PRIORITY && job->state != FLUX_JOB_SCHED))
            continue;
        post_event(mgr, job, "priority", "{\"priority\":%u}", in->jobs[i]->priority);
        alloc_prioritize(mgr, job);
        job_advance(mgr, job);
    }
    return 0;
}
