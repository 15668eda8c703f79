// SPDX-License-Identifier: LGPL-3.0-only
/* The resources of the job that this instance runs as, asked of the instance around it. */
#include "resource.h"

#include <flux/fluid.h>
#include <flux/v1/job_info.h>

#define TIMEOUT 10.0 /* seconds */

int enclosing_r(struct resource *res, char **ret, struct flux_error *err)
{
    const char *uri = flux_attr(res->h, "parent-uri"), *jobid = flux_attr(res->h, "jobid");
    flux_job_info_lookup_request in = FLUX_JOB_INFO_LOOKUP_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_job_info_lookup_response) out = NULL;
    FLUX_AUTO_HANDLE h = NULL;
    struct flux_to to = FLUX_ANY;
    const char *key = "R";
    int r;

    if (!uri || !jobid)
        return -ENOENT;
    in.keys = &key;
    in.n_keys = 1;
    to.timeout = TIMEOUT;
    if ((r = flux_fluid_parse(jobid, &in.id, err)) < 0 || (r = flux_open(uri, &h, err)) < 0 ||
        (r = flux_job_info_lookup(h, to, &in, &out, err)) < 0)
        return r;
    if (out->n_values != 1)
        return flux_error_set(err, -EPROTO, "the enclosing instance has no R for this job");
    *ret = flux_strndup((char *)out->values[0].data, out->values[0].len);
    return 0;
}
