// SPDX-License-Identifier: LGPL-3.0-only
/* Exceptions raised by people and programs (RFC 21). */
#include "module.h"

#include <ctype.h>

#include <flux/fluid.h>

#define TYPE_MAX 64

static int check(struct flux_call *call, const char *type, uint32_t severity)
{
    if (severity > 7)
        return flux_call_fail(call, EINVAL, "invalid exception severity %u: 0 to 7", severity);
    if (!*type || strlen(type) > TYPE_MAX)
        return flux_call_fail(call, EINVAL, "an exception type has 1 to %d characters", TYPE_MAX);
    for (const char *p = type; *p; p++)
        if (isspace((unsigned char)*p) || *p == '=')
            return flux_call_fail(call, EINVAL, "invalid exception type: '%s'", type);
    return 0;
}

int job_manager_raise(struct flux_call *call, const flux_job_manager_raise_request *in,
                      flux_job_manager_raise_response *out)
{
    struct manager *mgr = flux_call_data(call);
    int r = check(call, in->type, in->severity);
    struct job *job =
        r == 0 ? select_job(call, in->id, "guests can only raise exceptions on their own jobs", &r)
               : NULL;

    if (!job || (r = select_log_room(call, job, in->severity == 0)) < 0)
        return r;
    post_exception(mgr, job, in->type, in->severity, in->note, flux_call_userid(call));
    return 0;
}

int job_manager_raise_all(struct flux_call *call, const flux_job_manager_raise_all_request *in,
                          flux_job_manager_raise_all_response *out)
{
    struct manager *mgr = flux_call_data(call);
    int r = check(call, in->type, in->severity);
    FLUX_AUTO_MEM(uint64_t) ids = NULL;
    size_t n;

    if (r < 0)
        return r;
    ids = select_jobs(mgr, call, in->select, &n, &r);
    if (r < 0)
        return r;
    out->matched = n;
    for (size_t i = 0; i < n && !in->dry_run; i++) {
        struct job *job = manager_find_active(mgr, ids[i]);
        if (job && select_log_room(call, job, in->severity == 0) < 0)
            out->errors++;
        else if (job)
            post_exception(mgr, job, in->type, in->severity, in->note, flux_call_userid(call));
    }
    return 0;
}
