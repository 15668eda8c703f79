// SPDX-License-Identifier: LGPL-3.0-only
/* Signals to the tasks of running jobs. */
#include "module.h"

#include <signal.h>

static void on_killed(struct flux_future *f, void *arg)
{
    flux_job_manager_kill_response out = FLUX_JOB_MANAGER_KILL_RESPONSE_INIT;
    struct flux_call *call = arg;
    struct flux_error err;
    int r = flux_job_exec_kill_result(f, NULL, &err);

    flux_future_free(f);
    if (r < 0)
        flux_call_error(call, -r, "%s", err.text);
    else
        flux_job_manager_kill_reply(call, &out);
}

int job_manager_kill(struct flux_call *call, const flux_job_manager_kill_request *in,
                     flux_job_manager_kill_response *out)
{
    struct manager *mgr = flux_call_data(call);
    int r;
    struct job *job =
        select_job(call, in->id, "guests may only send signals to their own jobs", &r);
    flux_job_exec_kill_request kill = FLUX_JOB_EXEC_KILL_REQUEST_INIT;

    if (!job && r == -ENOENT)
        return flux_call_fail(call, ENOENT, "unknown job id, or job is inactive");
    if (!job)
        return r;
    if (in->signum == 0 || in->signum > (uint32_t)SIGRTMAX)
        return flux_call_fail(call, EINVAL, "%u is not a signal number", in->signum);
    if (job->state != FLUX_JOB_RUN)
        return flux_call_fail(call, EINVAL, "job is not running");
    kill.id = in->id;
    kill.signum = in->signum;
    flux_future_then(flux_job_exec_kill_async(mgr->h, FLUX_ANY, &kill), on_killed, call);
    return FLUX_CALL_LATER;
}

int job_manager_kill_all(struct flux_call *call, const flux_job_manager_kill_all_request *in,
                         flux_job_manager_kill_all_response *out)
{
    struct manager *mgr = flux_call_data(call);
    flux_job_manager_select sel = FLUX_JOB_MANAGER_SELECT_INIT;
    flux_job_exec_kill_request kill = FLUX_JOB_EXEC_KILL_REQUEST_INIT;
    FLUX_AUTO_MEM(uint64_t) ids = NULL;
    size_t n;
    int r;

    if (in->signum == 0 || in->signum > (uint32_t)SIGRTMAX)
        return flux_call_fail(call, EINVAL, "%u is not a signal number", in->signum);
    sel.userid = in->select ? in->select->userid : flux_call_userid(call);
    sel.states = FLUX_JOB_RUN;
    ids = select_jobs(mgr, call, &sel, &n, &r);
    if (r < 0)
        return r;
    out->matched = n;
    kill.signum = in->signum;
    for (size_t i = 0; i < n && !in->dry_run; i++) {
        kill.id = ids[i];
        flux_job_exec_kill_async(mgr->h, (struct flux_to){.no_answer = true}, &kill);
    }
    return 0;
}
