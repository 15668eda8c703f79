// SPDX-License-Identifier: LGPL-3.0-only
/* Whose job is it, and has it ended? The instance owner may do everything; for others the job list
 * knows. Where brokers come back, so may shells of jobs that were given up, the owner's, too: they
 * must not begin the output of an ended job anew. */
#include <flux/fluid.h>
#include <flux/v1/job_list.h>

#include "io.h"

struct pending {
    struct flux_call *call;
    uint64_t id;
    bool active; /* it must not have ended */
    const void *in;
    int (*next)(struct flux_call *call, const void *in);
};

static void on_known(struct flux_future *f, void *arg)
{
    struct pending *p = arg;
    const flux_job_list_ids_response *out;
    struct flux_error err;
    int r = flux_job_list_ids_result(f, &out, &err);

    if (r < 0)
        flux_call_error(p->call, -r, "%s", err.text);
    else if (!flux_call_may_act_for(p->call, out->jobs[0]->userid) && flux_call_is_private(p->call))
        flux_call_error(p->call, ENOENT, "JobID %s unknown", flux_fluid_f58(p->id));
    else if (!flux_call_may_act_for(p->call, out->jobs[0]->userid))
        flux_call_error(p->call, EPERM, "%s: not your job", flux_fluid_f58(p->id));
    else if (p->active && out->jobs[0]->state == FLUX_JOB_INACTIVE)
        flux_call_error(p->call, EPIPE, "%s: the job has ended", flux_fluid_f58(p->id));
    else {
        r = p->next(p->call, p->in);
        if (r < 0)
            flux_call_error(p->call, -r, NULL);
        else if (r == 0)
            flux_call_finish(p->call);
    }
    flux_future_free(f);
    free(p);
}

static int check(struct flux_call *call, const struct pending *what)
{
    struct io *io = flux_call_data(call);
    flux_job_list_ids_request req = FLUX_JOB_LIST_IDS_REQUEST_INIT;
    struct pending *p;

    if (flux_call_is_owner(call) && (!what->active || !io->survives || output_find(io, what->id)))
        return what->next(call, what->in);
    p = flux_alloc(sizeof(*p));
    *p = *what;
    req.ids = &p->id;
    req.n_ids = 1;
    flux_future_then(flux_job_list_ids_async(io->h, FLUX_ANY, &req), on_known, p);
    return FLUX_CALL_LATER;
}

int with_access(struct flux_call *call, uint64_t id, const void *in,
                int (*next)(struct flux_call *call, const void *in))
{
    return check(call, &(struct pending){.call = call, .id = id, .in = in, .next = next});
}

int with_access_to_active(struct flux_call *call, uint64_t id, const void *in,
                          int (*next)(struct flux_call *call, const void *in))
{
    return check(call,
                 &(struct pending){.call = call, .id = id, .active = true, .in = in, .next = next});
}
