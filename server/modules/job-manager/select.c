// SPDX-License-Identifier: LGPL-3.0-only
/* Which jobs a request for many means. Owners may mean anybody's, guests their own. */
#include "module.h"

uint64_t *select_jobs(struct manager *mgr, struct flux_call *call,
                      const flux_job_manager_select *sel, size_t *count, int *r)
{
    uint32_t userid = sel ? sel->userid : flux_call_userid(call);
    uint32_t states = sel && sel->states ? sel->states : FLUX_JOB_ACTIVE;
    uint64_t *ids;

    *count = 0;
    *r = 0;
    if (!flux_call_may_act_for(call, userid)) {
        *r = flux_call_fail(call, EPERM, "guests can only act on their own jobs");
        return NULL;
    }
    ids = flux_alloc((HASH_COUNT(mgr->jobs) + 1) * sizeof(*ids));
    for (struct job *job = mgr->jobs; job; job = job->hh.next)
        if ((userid == FLUX_USERID_UNKNOWN || job->userid == userid) && job->state & states)
            ids[(*count)++] = job->id;
    return ids;
}
