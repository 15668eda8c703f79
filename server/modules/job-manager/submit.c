// SPDX-License-Identifier: LGPL-3.0-only
/* Submission: the jobs of a request become durable in one transaction, then they are accepted. */
#include "module.h"

#include <flux/fluid.h>

struct submission {
    size_t count;
    uint64_t ids[];
};

static void post_submit(struct manager *mgr, struct job *job)
{
    post_event(mgr, job, "submit", "{\"userid\":%u,\"urgency\":%u,\"flags\":%u,\"version\":1}",
               job->userid, job->urgency, job->flags);
    post_event(mgr, job, "validate", NULL);
}

/* The first transitions need nobody else: they go into the same transaction. */
static void first_steps(struct manager *mgr, struct job *job)
{
    if (job->dependencies)
        return;
    post_event(mgr, job, "depend", NULL);
    post_event(mgr, job, "priority", "{\"priority\":%u}",
               job->urgency == FLUX_JOB_URGENCY_EXPEDITE ? FLUX_JOB_PRIORITY_MAX : job->urgency);
}

static int add(struct manager *mgr, const flux_job_manager_new_job *in, struct flux_error *err)
{
    struct job *job;
    struct queue *q;
    int r;

    if (manager_find_active(mgr, in->id))
        return flux_error_set(err, -EEXIST, "job %s exists already", flux_fluid_f58(in->id));
    job = job_new(mgr, in->id, in->userid, in->urgency, in->flags, flux_walltime());
    r = job_set_jobspec(job, in->jobspec, in->brief, err);
    if (r == 0) {
        q = queue_find(mgr, job->queue);
        if (!q)
            r = job->queue && *job->queue
                    ? flux_error_set(err, -EINVAL, "Invalid queue '%s' specified", job->queue)
                    : flux_error_set(err, -EINVAL, "no queue specified");
        else if (!q->enabled)
            r = flux_error_set(err, -EINVAL, "job submission%s%s is disabled: %s",
                               *q->name ? " to " : "", q->name, q->disable_reason);
    }
    if (r == 0)
        r = dependency_check(mgr, job, err);
    if (r == 0 && *in->j)
        job->j = flux_strdup(in->j);
    if (r == 0)
        r = tenant_check(mgr, job, err);
    if (r < 0) {
        job_free(job);
        return r;
    }
    manager_add(mgr, job);
    tenant_enter(mgr, job);
    post_submit(mgr, job);
    dependency_add_all(mgr, job);
    first_steps(mgr, job);
    return 0;
}

static void refuse(struct flux_call *call, flux_job_manager_submit_response *out, size_t index,
                   size_t room, int r, const struct flux_error *err)
{
    flux_job_manager_refusal *ref = flux_call_alloc(call, sizeof(*ref));

    if (!out->refused)
        out->refused = flux_call_alloc(call, room * sizeof(*out->refused));
    *ref = (flux_job_manager_refusal)FLUX_JOB_MANAGER_REFUSAL_INIT;
    ref->index = index;
    ref->errnum = -r;
    ref->text = flux_call_strdup(call, err->text);
    out->refused[out->n_refused++] = ref;
}

static void on_durable(struct waiter *w, int r, const char *text)
{
    struct submission *sub = w->arg;
    struct manager *mgr = flux_call_data(w->call);
    flux_job_manager_submit_response *out = flux_call_aux(w->call);

    if (r == 0)
        flux_job_manager_submit_reply(w->call, out);
    else {
        for (size_t i = 0; i < sub->count; i++) {
            struct job *job = manager_find_active(mgr, sub->ids[i]);
            if (!job)
                continue;
            alloc_cancel(mgr, job);
            journal_purged(mgr, job->id);
            manager_remove(mgr, job);
            job_free(job);
        }
        flux_call_error(w->call, -r, "the job could not be stored: %s", text);
    }
    free(sub);
}

int job_manager_submit(struct flux_call *call, const flux_job_manager_submit_request *in,
                       flux_job_manager_submit_response *out)
{
    struct manager *mgr = flux_call_data(call);
    struct submission *sub = flux_alloc(sizeof(*sub) + in->n_jobs * sizeof(sub->ids[0]));
    struct flux_error err;

    for (size_t i = 0; i < in->n_jobs; i++) {
        int r = add(mgr, in->jobs[i], &err);
        if (r < 0)
            refuse(call, out, i, in->n_jobs, r, &err);
        else
            sub->ids[sub->count++] = in->jobs[i]->id;
    }
    if (!sub->count) {
        free(sub);
        return 0;
    }
    flux_call_set_aux(call, out);
    commit_wait(mgr, call, on_durable, sub);
    return FLUX_CALL_LATER;
}
