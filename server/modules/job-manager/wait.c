// SPDX-License-Identifier: LGPL-3.0-only
/* Waitable jobs (flag WAITABLE): each is reported once to a waiting call of its user, whether it
 * ends before or after the call comes. */
#include "module.h"

#include <stdio.h>
#include <sys/wait.h>

struct zombie {
    uint64_t id;
    uint32_t userid;
    bool success;
    char *text;
    struct zombie *next, *prev;
};

struct wait_call {
    struct flux_call *call;
    uint64_t id; /* 0 = any */
    uint32_t userid;
    struct manager *mgr;
    struct wait_call *next, *prev;
};
static __thread struct wait_call *calls; /* of this module's thread */

static void reply(struct flux_call *call, const struct zombie *z)
{
    flux_job_manager_wait_response out = FLUX_JOB_MANAGER_WAIT_RESPONSE_INIT;

    out.id = z->id;
    out.success = z->success;
    out.text = z->text;
    flux_job_manager_wait_reply(call, &out);
}

static void free_zombie(struct zombie *z)
{
    free(z->text);
    free(z);
}

static char *describe(const struct job *job)
{
    if (job->severity == 0)
        return flux_printf("Fatal exception type=%s %s", job->exception_type,
                           job->exception_note ? job->exception_note : "");
    if (WIFSIGNALED(job->status))
        return flux_printf("task(s) %s", strsignal(WTERMSIG(job->status)));
    if (job->status)
        return flux_printf("task(s) exited with exit code %d", WEXITSTATUS(job->status));
    return flux_strdup("Success");
}

void wait_note_inactive(struct manager *mgr, struct job *job)
{
    struct zombie *z;
    struct wait_call *w;

    if (!(job->flags & FLUX_JOB_FLAG_WAITABLE))
        return;
    z = flux_alloc(sizeof(*z));
    z->id = job->id;
    z->userid = job->userid;
    z->success = job->finished && job->status == 0 && job->severity != 0;
    z->text = describe(job);
    DL_FOREACH(calls, w)
    if ((w->id == 0 || w->id == z->id) && w->userid == z->userid) {
        DL_DELETE(calls, w);
        reply(w->call, z);
        free(w);
        free_zombie(z);
        return;
    }
    DL_APPEND(mgr->zombies, z);
}

static void on_cancel(struct flux_call *call, void *arg)
{
    struct wait_call *w = arg;

    DL_DELETE(calls, w);
    free(w);
}

static bool anything_to_wait_for(struct manager *mgr, uint64_t id, uint32_t userid)
{
    for (struct job *job = mgr->jobs; job; job = job->hh.next)
        if ((id == 0 || job->id == id) && job->userid == userid &&
            job->flags & FLUX_JOB_FLAG_WAITABLE)
            return true;
    return false;
}

int job_manager_wait(struct flux_call *call, const flux_job_manager_wait_request *in,
                     flux_job_manager_wait_response *out)
{
    struct manager *mgr = flux_call_data(call);
    uint32_t userid = flux_call_userid(call);
    struct wait_call *w;
    struct zombie *z;

    DL_FOREACH(mgr->zombies, z)
    if ((in->id == 0 || z->id == in->id) && z->userid == userid) {
        DL_DELETE(mgr->zombies, z);
        out->id = z->id;
        out->success = z->success;
        out->text = flux_call_strdup(call, z->text);
        free_zombie(z);
        return 0;
    }
    if (!anything_to_wait_for(mgr, in->id, userid))
        return flux_call_fail(call, ECHILD,
                              in->id ? "invalid job id, or job may be inactive and not waitable"
                                     : "there are no more waitable jobs");
    w = flux_alloc(sizeof(*w));
    w->call = call;
    w->id = in->id;
    w->userid = userid;
    DL_APPEND(calls, w);
    flux_call_on_cancel(call, on_cancel, w);
    return FLUX_CALL_LATER;
}

void wait_done(struct manager *mgr)
{
    struct zombie *z, *next;
    struct wait_call *w, *more;

    DL_FOREACH_SAFE(mgr->zombies, z, next)
    free_zombie(z);
    DL_FOREACH_SAFE(calls, w, more)
    free(w);
    calls = NULL;
}
