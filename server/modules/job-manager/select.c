// SPDX-License-Identifier: LGPL-3.0-only
/* Which jobs a request means. The owner and administrators may mean anybody's, guests their own. */
#include "module.h"

#define LOG_MAX ((size_t)1 << 20) /* bytes of eventlog that guests may fill */

int select_log_room(struct flux_call *call, const struct job *job, bool fatal)
{
    bool full = job->log.len >= LOG_MAX * (fatal ? 2 : 1) || (!fatal && tenant_is_full(job));

    if (flux_call_is_admin(call) || !full)
        return 0;
    return flux_call_fail(call, ENOSPC, "the eventlog of the job is full");
}

struct job *select_job(struct flux_call *call, uint64_t id, const char *denied, int *r)
{
    struct manager *mgr = flux_call_data(call);
    struct job *job = manager_find_active(mgr, id);
    bool allowed = job && flux_call_may_manage(call, job->userid);

    *r = 0;
    if (!job || job->state == FLUX_JOB_INACTIVE || (!allowed && flux_call_is_private(call)))
        *r = flux_call_fail(call, ENOENT, "unknown or inactive job");
    else if (!allowed)
        *r = flux_call_fail(call, EPERM, "%s", denied);
    return *r < 0 ? NULL : job;
}

uint64_t *select_jobs(struct manager *mgr, struct flux_call *call,
                      const flux_job_manager_select *sel, size_t *count, int *r)
{
    uint32_t userid = sel ? sel->userid : flux_call_userid(call);
    uint32_t states = sel && sel->states ? sel->states : FLUX_JOB_ACTIVE;
    uint64_t *ids;

    *count = 0;
    *r = 0;
    if (!flux_call_may_manage(call, userid)) {
        *r = flux_call_fail(call, EPERM, "guests can only act on their own jobs");
        return NULL;
    }
    ids = flux_alloc((HASH_COUNT(mgr->jobs) + 1) * sizeof(*ids));
    for (struct job *job = mgr->jobs; job; job = job->hh.next)
        if ((userid == FLUX_USERID_UNKNOWN || job->userid == userid) && job->state & states)
            ids[(*count)++] = job->id;
    return ids;
}
