// SPDX-License-Identifier: LGPL-3.0-only
/* Notes on a job, and changes of its jobspec while it is active. */
#include "module.h"

#include <flux/fluid.h>

#define MEMO_MAX 16384

static json_t *parse(struct flux_call *call, const char *text, int *r)
{
    json_error_t e;
    json_t *o = strlen(text) <= MEMO_MAX ? json_loads(text, 0, &e) : NULL;

    *r = 0;
    if (!json_is_object(o)) {
        *r = flux_call_fail(call, EINVAL, "expected a JSON object of at most %d bytes", MEMO_MAX);
        json_decref(o);
        return NULL;
    }
    return o;
}

int job_manager_memo(struct flux_call *call, const flux_job_manager_memo_request *in,
                     flux_job_manager_memo_response *out)
{
    struct manager *mgr = flux_call_data(call);
    int r;
    struct job *job = select_job(call, in->id, "guests can only change their own jobs", &r);
    json_t *memo = NULL;

    if (job && (r = select_log_room(call, job, false)) == 0)
        memo = parse(call, in->memo, &r);
    if (memo)
        post_event_json(mgr, job, "memo", memo);
    return r;
}

static int check_update(struct flux_call *call, struct job *job, const json_t *updates)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)updates, key, value) {
        if (strncmp(key, "attributes.system.", 18) != 0)
            return flux_call_fail(call, EINVAL, "update of %s is not supported", key);
        if (strcmp(key, "attributes.system.duration") == 0 &&
            (!json_is_number(value) || json_number_value(value) < 0))
            return flux_call_fail(call, EINVAL, "duration must be a number >= 0");
        if (job->state > FLUX_JOB_SCHED && strcmp(key, "attributes.system.duration") != 0)
            return flux_call_fail(call, EINVAL, "%s cannot be changed once the job has resources",
                                  key);
        if (job->state > FLUX_JOB_SCHED && !flux_call_is_admin(call))
            return flux_call_fail(
                call, EPERM, "only the instance owner can change the duration of a running job");
    }
    return 0;
}

static void set_expiration(struct manager *mgr, struct job *job)
{
    flux_job_exec_expire_request ex = FLUX_JOB_EXEC_EXPIRE_REQUEST_INIT;
    flux_sched_expire_request se = FLUX_SCHED_EXPIRE_REQUEST_INIT;
    json_t *r = json_loads(job->r, 0, NULL);
    double start = json_number_value(json_object_get(json_object_get(r, "execution"), "starttime"));

    json_decref(r);
    ex.id = se.id = job->id;
    ex.expiration = se.expiration = job->duration > 0 ? start + job->duration : 0;
    flux_job_exec_expire_async(mgr->h, (struct flux_to){.no_answer = true}, &ex);
    flux_sched_expire_async(mgr->h, (struct flux_to){.no_answer = true}, &se);
    post_event(mgr, job, "resource-update", "{\"expiration\":%.6f}", ex.expiration);
}

int job_manager_update(struct flux_call *call, const flux_job_manager_update_request *in,
                       flux_job_manager_update_response *out)
{
    struct manager *mgr = flux_call_data(call);
    int r;
    struct job *job = select_job(call, in->id, "guests can only change their own jobs", &r);
    json_t *updates = NULL, *spec, *value;
    const char *key, *queue;
    struct flux_error err;

    if (job && (r = select_log_room(call, job, false)) == 0)
        updates = parse(call, in->updates, &r);
    if (!updates)
        return r;
    r = check_update(call, job, updates);
    queue = json_string_value(json_object_get(updates, "attributes.system.queue"));
    if (r == 0 && queue && !queue_find(mgr, queue))
        r = flux_call_fail(call, EINVAL, "Invalid queue '%s' specified", queue);
    spec = json_loads(job->brief, 0, NULL);
    json_object_foreach (updates, key, value) {
        if (r == 0 && flux_jobspec_set(spec, key, value, &err) < 0)
            r = flux_call_fail(call, EINVAL, "%s", err.text);
    }
    if (r == 0) {
        job_set_brief(job, spec);
        alloc_cancel(mgr, job);
        post_event_json(mgr, job, "jobspec-update", json_incref(updates));
        if (job->state == FLUX_JOB_RUN && job->r)
            set_expiration(mgr, job);
        job_advance(mgr, job);
    }
    json_decref(spec);
    json_decref(updates);
    return r;
}
