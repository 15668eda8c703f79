// SPDX-License-Identifier: LGPL-3.0-only
/* A running job: its start, expiration, the kill sequence, its end. */
#include "exec.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <syslog.h>

#include <flux/eventlog.h>
#include <flux/fluid.h>
#include <flux/v1/resource.h>

struct running *running_new(struct jobexec *je, struct flux_call *call, uint64_t id,
                            uint32_t userid)
{
    struct running *job = flux_alloc(sizeof(*job));
    uv_loop_t *loop = flux_loop(je->h);

    job->je = je;
    job->call = call;
    job->id = id;
    job->userid = userid;
    uv_timer_init(loop, &job->expire);
    uv_timer_init(loop, &job->killer);
    uv_timer_init(loop, &job->ended);
    uv_timer_init(loop, &job->patience);
    job->expire.data = job->killer.data = job->ended.data = job->patience.data = job;
    job->handles = 4;
    LIST_INIT(&job->streams);
    STAILQ_INIT(&job->missed);
    HASH_ADD(hh, je->jobs, id, sizeof(job->id), job);
    return job;
}

static void on_closed(uv_handle_t *handle)
{
    struct running *job = handle->data;

    if (--job->handles)
        return;
    flux_idset_free(job->pending);
    flux_idset_free(job->starting);
    flux_idset_free(job->away);
    free(job->ranks);
    free(job);
}

void running_free(struct running *job)
{
    HASH_DEL(job->je->jobs, job);
    run_free_streams(job);
    away_forget(job);
    uv_close((uv_handle_t *)&job->expire, on_closed);
    uv_close((uv_handle_t *)&job->killer, on_closed);
    uv_close((uv_handle_t *)&job->ended, on_closed);
    uv_close((uv_handle_t *)&job->patience, on_closed);
}

/* One line of the guest exec eventlog (RFC 50). */
static void add_event(struct flux_buf *b, const char *name, const char *context)
{
    flux_eventlog_encode_text(b, flux_walltime(), name, context, context ? strlen(context) : 0,
                              NULL);
}

void running_started(struct running *job)
{
    flux_job_exec_start_response out = FLUX_JOB_EXEC_START_RESPONSE_INIT;
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);

    if (job->started)
        return;
    job->started = true;
    if (!job->reattached) {
        add_event(&b, "init", NULL);
        add_event(&b, "starting", NULL);
    }
    out.started = true;
    out.exec_events = b.data;
    flux_job_exec_start_send(job->call, &out);
}

void running_event(struct running *job, const char *name, const char *context)
{
    flux_job_exec_start_response out = FLUX_JOB_EXEC_START_RESPONSE_INIT;
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);

    add_event(&b, name, context);
    out.exec_events = b.data;
    flux_job_exec_start_send(job->call, &out);
}

void running_exception(struct running *job, const char *type, unsigned severity, const char *fmt,
                       ...)
{
    flux_job_exec_start_response out = FLUX_JOB_EXEC_START_RESPONSE_INIT;
    FLUX_AUTO_STR note = NULL;
    va_list ap;

    va_start(ap, fmt);
    note = flux_vprintf(fmt, ap);
    va_end(ap);
    out.exception_type = type;
    out.exception_severity = severity;
    out.exception_note = note;
    flux_job_exec_start_send(job->call, &out);
}

/* Wait statuses compare by exit code, 128 + signal counting as one. */
static int code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void running_note_status(struct running *job, int status)
{
    if (code(status) > code(job->status))
        job->status = status;
}

void running_finished(struct running *job)
{
    flux_job_exec_start_response out = FLUX_JOB_EXEC_START_RESPONSE_INIT;
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);
    FLUX_AUTO_STR context = flux_printf("{\"status\":%d}", job->status);

    add_event(&b, "complete", context);
    add_event(&b, "done", NULL);
    out.finished = job->started || job->reattached;
    out.status = job->status;
    out.final = true;
    out.exec_events = b.data;
    flux_job_exec_start_send(job->call, &out);
    flux_call_finish(job->call);
    running_free(job);
}

/* --- kill sequence: the first signal to the tasks, then the last, then that to all that is left
 * --- */

static void send_signal(struct running *job, unsigned signum, bool group)
{
    if (job->simulated)
        simulate_kill(job, signum);
    else
        run_kill(job, signum, group);
}

static void log_kill(struct running *job, int signum)
{
    flux_log(job->je->h, LOG_DEBUG, "exec_kill: %llu: signal %d", (unsigned long long)job->id,
             signum);
}

/* What cannot be killed keeps its nodes: they are drained, and the job goes on to its end. */
static void give_up(struct running *job)
{
    flux_resource_drain_request in = FLUX_RESOURCE_DRAIN_REQUEST_INIT;
    FLUX_AUTO_STR reason =
        flux_printf("unkillable user processes for job %s", flux_fluid_f58(job->id));
    FLUX_AUTO_STR targets = flux_idset_encode(job->pending, FLUX_IDSET_RANGE);
    FLUX_AUTO(idset) ranks = flux_idset_copy(job->pending);

    in.targets = targets;
    in.reason = reason;
    in.mode = FLUX_RESOURCE_DRAIN_MODE_SKIP;
    flux_resource_drain_async(job->je->h, (struct flux_to){.no_answer = true}, &in);
    running_exception(job, "exec", 0, "%s", reason);
    running_note_status(job, W_EXITCODE(0, SIGKILL));
    run_free_streams(job);
    run_ended(job, ranks);
    run_settle(job);
}

static bool is_unkillable(const struct running *job)
{
    const struct jobexec_killing *k = &job->je->killing;

    if (k->time_limit >= 0)
        return flux_monotime() - job->kill_began >= k->time_limit;
    return job->kills >= (unsigned)k->most;
}

static void on_killer(uv_timer_t *timer)
{
    struct running *job = timer->data;
    const struct jobexec_killing *k = &job->je->killing;
    double delay = k->timeout * (1 << (job->kills < 6 ? job->kills : 6));

    if (away_all(job)) { /* nobody there to be killed */
        uv_timer_start(timer, on_killer, (uint64_t)(k->timeout * 1000), 0);
        return;
    }
    if (is_unkillable(job)) {
        give_up(job);
        return;
    }
    log_kill(job, k->last);
    send_signal(job, k->last, job->kills >= 1);
    job->kills++;
    if (k->time_limit >= 0 && delay > k->time_limit)
        delay = k->time_limit;
    uv_timer_start(timer, on_killer, (uint64_t)((delay < 300 ? delay : 300) * 1000), 0);
}

void running_abort(struct running *job, const char *type)
{
    const struct jobexec_killing *k = &job->je->killing;

    if (job->aborting)
        return;
    job->aborting = true;
    job->kill_began = flux_monotime();
    flux_log(job->je->h, LOG_DEBUG, "exec aborted: id=%llu", (unsigned long long)job->id);
    log_kill(job, k->first);
    send_signal(job, k->first, false);
    uv_timer_start(&job->killer, on_killer, (uint64_t)(k->timeout * 1000), 0);
}

/* --- expiration --- */

static void on_expire(uv_timer_t *timer)
{
    struct running *job = timer->data;
    double left = job->expiration - flux_walltime();

    if (left > 0.0005) { /* far away, or the clock was set */
        uv_timer_start(timer, on_expire, (uint64_t)ceil(fmin(left, 86400) * 1000), 0);
        return;
    }
    send_signal(job, SIGALRM, false);
    running_exception(job, "timeout", 0, "resource allocation expired");
}

void running_set_expiration(struct running *job, double expiration)
{
    job->expiration = expiration;
    if (expiration > 0)
        uv_timer_start(&job->expire, on_expire, 0, 0);
    else
        uv_timer_stop(&job->expire);
}
