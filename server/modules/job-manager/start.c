// SPDX-License-Identifier: LGPL-3.0-only
/* Execution: one stream for each job that runs, until exec has given the last of its resources
 * back. */
#include "manager.h"

#include <stdio.h>
#include <sys/wait.h>

static void on_exec(struct flux_future *f, void *arg);

void start_job(struct manager *mgr, struct job *job, bool reattach)
{
    flux_job_exec_start_request in = FLUX_JOB_EXEC_START_REQUEST_INIT;

    job->started = true;
    in.id = job->id;
    in.userid = job->userid;
    in.jobspec = job->jobspec;
    in.r = job->r;
    if (job->j)
        in.j = job->j;
    in.reattach = reattach;
    in.maybe_started = job->maybe_started;
    job->exec = flux_job_exec_start_stream(mgr->h, FLUX_ANY, &in);
    flux_future_then(job->exec, on_exec, job);
}

void abort_job(struct manager *mgr, struct job *job)
{
    flux_job_exec_abort_request in = FLUX_JOB_EXEC_ABORT_REQUEST_INIT;

    if (job->aborted)
        return;
    job->aborted = true;
    in.id = job->id;
    in.type = job->exception_type ? job->exception_type : "cancel";
    flux_job_exec_abort_async(mgr->h, (struct flux_to){.no_answer = true}, &in);
}

/* Wait status of a job whose shells could not say how they ended. */
#define FAILED_STATUS W_EXITCODE(1, 0)

static void post_finish(struct manager *mgr, struct job *job, int status)
{
    if (!job->finished)
        post_event(mgr, job, "finish", "{\"status\":%d}", status);
}

static void post_release(struct manager *mgr, struct job *job, const char *ranks, bool final)
{
    json_t *ctx = json_pack("{s:s,s:b}", "ranks", *ranks ? ranks : "all", "final", final);

    if (!final && *ranks)
        alloc_free(mgr, job, ranks);
    post_event_json(mgr, job, "release", ctx);
}

static void on_item(struct manager *mgr, struct job *job, const flux_job_exec_start_response *out)
{
    if (*out->exec_events)
        flux_buf_puts(&job->exec_log, out->exec_events);
    if (out->started && !job->running)
        post_event(mgr, job, "start", NULL);
    if (*out->exception_type)
        post_exception(mgr, job, out->exception_type, out->exception_severity, out->exception_note,
                       FLUX_USERID_UNKNOWN);
    if (out->finished)
        post_finish(mgr, job, out->status);
    if (*out->release || out->final)
        post_release(mgr, job, out->release, out->final);
    if (*out->exec_events)
        manager_mark_dirty(mgr, job);
}

static void on_exec(struct flux_future *f, void *arg)
{
    struct job *job = arg;
    struct manager *mgr = job->mgr;
    const flux_job_exec_start_response *out;
    struct flux_error err;
    int r = flux_job_exec_start_result(f, &out, &err);

    if (r == 0) {
        on_item(mgr, job, out);
        return;
    }
    job->exec = NULL;
    flux_future_free(f);
    if (r != -ENODATA) {
        post_exception(mgr, job, "exec", 0, err.text, FLUX_USERID_UNKNOWN);
        if (job->running)
            post_finish(mgr, job, FAILED_STATUS);
    }
    if (job->state != FLUX_JOB_CLEANUP)
        post_finish(mgr, job, FAILED_STATUS);
    if (!job->released && job->running)
        post_release(mgr, job, "", true);
    job_advance(mgr, job);
}
