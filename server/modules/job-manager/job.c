// SPDX-License-Identifier: LGPL-3.0-only
/* Jobs in the table, and how many there are in each state. */
#include "manager.h"

struct job *job_new(struct manager *mgr, uint64_t id, uint32_t userid, uint32_t urgency,
                    uint32_t flags, double t)
{
    struct job *job = flux_alloc(sizeof(*job));

    job->mgr = mgr;
    job->id = id;
    job->userid = userid;
    job->urgency = urgency;
    job->flags = flags;
    job->t_submit = t;
    job->state = FLUX_JOB_NEW;
    job->severity = -1;
    return job;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void dependency_free(struct dependency *d)
{
    if (d->timer)
        uv_close((uv_handle_t *)d->timer, on_timer_closed);
    free(d->description);
    free(d);
}

void job_free(struct job *job)
{
    struct dependency *d, *next;

    DL_FOREACH_SAFE(job->dependencies, d, next)
    dependency_free(d);
    flux_future_free(job->exec);
    flux_buf_done(&job->log);
    flux_buf_done(&job->exec_log);
    free(job->jobspec);
    free(job->brief);
    free(job->j);
    free(job->r);
    free(job->queue);
    free(job->name);
    free(job->exception_type);
    free(job->exception_note);
    json_decref(job->annotations);
    free(job);
}

void job_set_brief(struct job *job, json_t *o)
{
    json_t *system = flux_jobspec_get(o, "attributes.system");

    json_object_del(system, "environment");
    json_object_del(system, "shell");
    json_object_del(system, "files");
    free(job->brief);
    job->brief = json_dumps(o, JSON_COMPACT);
}

int job_set_jobspec(struct job *job, const char *jobspec, const char *brief, struct flux_error *err)
{
    json_error_t e;
    json_t *o = json_loads(brief && *brief ? brief : jobspec, 0, &e), *system;

    if (!o)
        return flux_error_set(err, -EPROTO, "jobspec: %s", e.text);
    system = flux_jobspec_get(o, "attributes.system");
    free(job->queue);
    free(job->name);
    job->queue = flux_strdup(json_string_value(json_object_get(system, "queue")));
    job->name = flux_strdup(json_string_value(flux_jobspec_get(system, "job.name")));
    job->duration = json_number_value(json_object_get(system, "duration"));
    free(job->jobspec);
    job->jobspec = flux_strdup(jobspec);
    if (brief && *brief)
        job->brief = flux_strdup(brief);
    else
        job_set_brief(job, o);
    json_decref(o);
    return 0;
}

struct job *manager_find_active(struct manager *mgr, uint64_t id)
{
    struct job *job;

    HASH_FIND(hh, mgr->jobs, &id, sizeof(id), job);
    return job;
}

void manager_add(struct manager *mgr, struct job *job)
{
    HASH_ADD(hh, mgr->jobs, id, sizeof(job->id), job);
    mgr->count[__builtin_ctz(job->state)]++;
    mgr->nfresh += !job->log_committed;
    if (job->id > mgr->max_id)
        mgr->max_id = job->id;
}

void manager_remove(struct manager *mgr, struct job *job)
{
    if (job->dirty)
        DL_DELETE2(mgr->dirty, job, prev_dirty, next_dirty);
    alloc_set_enqueued(job, false);
    tenant_leave(mgr, job);
    mgr->nfresh -= !job->log_committed;
    mgr->nended++;
    HASH_DEL(mgr->jobs, job);
    mgr->count[__builtin_ctz(job->state)]--;
}

void manager_set_state(struct manager *mgr, struct job *job, enum flux_job_state state)
{
    mgr->count[__builtin_ctz(job->state)]--;
    mgr->count[__builtin_ctz(state)]++;
    job->state = state;
}

unsigned manager_count(const struct manager *mgr, unsigned states)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 7; i++)
        if (states & 1u << i)
            n += mgr->count[i];
    return n;
}
