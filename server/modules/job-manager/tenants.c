// SPDX-License-Identifier: LGPL-3.0-only
/* What the jobs of users other than the owner take of our memory until they are inactive. A row of
 * the table lives while its user has jobs. Jobs found by a restart count, but are never refused. */
#include "module.h"

#define JOBS_MAX 100000
#define BYTES_OF_JOB 20480 /* that each may have on average: jobspec, signed request, events */
#define BYTES_LEAST (64ul << 20) /* for which nobody is refused */

struct tenant {
    uint32_t userid;
    int64_t jobs;
    size_t bytes;
    UT_hash_handle hh;
};

static struct tenant *find(const struct manager *mgr, uint32_t userid)
{
    struct tenant *t;

    HASH_FIND(hh, mgr->tenants, &userid, sizeof(userid), t);
    return t;
}

static size_t weigh(const struct job *job)
{
    return strlen(job->jobspec) + strlen(job->brief) + (job->j ? strlen(job->j) : 0) + job->log.len;
}

static bool is_too_much(const struct manager *mgr, size_t bytes)
{
    return mgr->guest_jobs_max > 0 && bytes > BYTES_LEAST &&
           bytes / BYTES_OF_JOB >= (uint64_t)mgr->guest_jobs_max;
}

int tenant_check(const struct manager *mgr, const struct job *job, struct flux_error *err)
{
    const struct tenant *t = find(mgr, job->userid);

    if (!t)
        return 0;
    if (mgr->guest_jobs_max > 0 && t->jobs >= mgr->guest_jobs_max)
        return flux_error_set(err, -EAGAIN,
                              "user %u has %lld jobs, which is the limit: submit again when some "
                              "have ended",
                              t->userid, (long long)t->jobs);
    if (is_too_much(mgr, t->bytes + weigh(job)))
        return flux_error_set(err, -EAGAIN,
                              "user %u has jobs with %zu MiB of jobspecs, signed requests and "
                              "events, and more than the limit with this one: submit again when "
                              "some have ended",
                              t->userid, t->bytes >> 20);
    return 0;
}

void tenant_enter(struct manager *mgr, struct job *job)
{
    struct tenant *t = find(mgr, job->userid);

    if (job->userid == flux_owner(mgr->h))
        return;
    if (!t) {
        t = flux_alloc(sizeof(*t));
        t->userid = job->userid;
        HASH_ADD(hh, mgr->tenants, userid, sizeof(t->userid), t);
    }
    job->tenant = t;
    t->jobs++;
    tenant_grow(job, weigh(job));
}

void tenant_grow(struct job *job, size_t bytes)
{
    if (!job->tenant)
        return;
    job->weight += bytes;
    job->tenant->bytes += bytes;
}

bool tenant_is_full(const struct job *job)
{
    return job->tenant && is_too_much(job->mgr, job->tenant->bytes);
}

void tenant_leave(struct manager *mgr, struct job *job)
{
    struct tenant *t = job->tenant;

    if (!t)
        return;
    job->tenant = NULL;
    t->bytes -= job->weight;
    if (--t->jobs > 0)
        return;
    HASH_DELETE(hh, mgr->tenants, t);
    free(t);
}

void tenant_configure(struct manager *mgr, const json_t *conf)
{
    const json_t *max = json_object_get(json_object_get(conf, "access"), "max-guest-jobs");

    mgr->guest_jobs_max = max ? json_integer_value(max) : JOBS_MAX;
}
