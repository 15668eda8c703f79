// SPDX-License-Identifier: LGPL-3.0-only
/* Service JobExec. */
#include <syslog.h>

#include <flux/fluid.h>
#include <flux/jobspec.h>
#include <flux/rset.h>

#include "exec.h"

static const struct flux_job_exec_ops ops = FLUX_JOB_EXEC_OPS(job_exec);

/* --- calls --- */

static void on_cancel(struct flux_call *call, void *arg)
{
    struct running *job = arg;

    /* The job manager has gone, and with it whoever would hear of the job: it goes on, and is taken
     * over by a manager that comes. */
    running_free(job);
}

static int read_r(struct running *job, const char *text, struct flux_error *err)
{
    FLUX_AUTO(rset) r = NULL;
    FLUX_AUTO(idset) ranks = NULL;
    int rc = flux_rset_decode(text, &r, err);

    if (rc < 0)
        return rc;
    ranks = flux_rset_ranks(r);
    job->ranks = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
    job->starttime = flux_rset_starttime(r);
    running_set_expiration(job, flux_rset_expiration(r));
    return 0;
}

static int begin(struct running *job, const flux_job_exec_start_request *in, struct flux_error *err)
{
    json_t *spec = NULL;
    bool simulated;
    int r = read_r(job, in->r, err);

    if (r < 0)
        return r;
    /* Most jobs are real: look closer only where the words occur. */
    if (strstr(in->jobspec, "\"run_duration\""))
        spec = json_loads(in->jobspec, 0, NULL);
    simulated = spec && simulate_wanted(job, spec);
    json_decref(spec);
    if (simulated && in->userid != flux_owner(job->je->h) && !job->je->guests_simulate)
        return flux_error_set(err, -EPERM, "guests may not use simulated execution");
    if (simulated)
        simulate_start(job);
    else
        r = run_start(job, in, err);
    return r;
}

int job_exec_start(struct flux_call *call, const flux_job_exec_start_request *in)
{
    struct jobexec *je = flux_call_data(call);
    struct running *job;
    struct flux_error err;
    int r;

    HASH_FIND(hh, je->jobs, &in->id, sizeof(in->id), job);
    if (job)
        return flux_call_fail(call, EEXIST, "job %s runs already", flux_fluid_f58(in->id));
    job = running_new(je, call, in->id, in->userid);
    job->in = in;
    flux_call_on_cancel(call, on_cancel, job);
    r = begin(job, in, &err);
    if (r < 0) {
        running_free(job);
        return flux_call_fail(call, -r, "%s", err.text);
    }
    return FLUX_CALL_LATER;
}

static struct running *find(struct flux_call *call, uint64_t id)
{
    struct jobexec *je = flux_call_data(call);
    struct running *job;

    HASH_FIND(hh, je->jobs, &id, sizeof(id), job);
    return job;
}

int job_exec_kill(struct flux_call *call, const flux_job_exec_kill_request *in,
                  flux_job_exec_kill_response *out)
{
    struct running *job = find(call, in->id);

    if (!job)
        return flux_call_fail(call, ENOENT, "job is not running");
    job->signum = in->signum;
    if (job->simulated)
        simulate_kill(job, in->signum);
    else
        run_kill(job, in->signum, false);
    return 0;
}

int job_exec_abort(struct flux_call *call, const flux_job_exec_abort_request *in,
                   flux_job_exec_abort_response *out)
{
    struct running *job = find(call, in->id);

    if (job)
        running_abort(job, in->type);
    return 0;
}

int job_exec_expire(struct flux_call *call, const flux_job_exec_expire_request *in,
                    flux_job_exec_expire_response *out)
{
    struct running *job = find(call, in->id);

    if (!job)
        return flux_call_fail(call, ENOENT, "job is not running");
    running_set_expiration(job, in->expiration);
    return 0;
}

int job_exec_list(struct flux_call *call, const flux_job_exec_list_request *in,
                  flux_job_exec_list_response *out)
{
    struct jobexec *je = flux_call_data(call);
    struct running *job, *next;

    out->ids = flux_call_alloc(call, HASH_COUNT(je->jobs) * sizeof(*out->ids));
    HASH_ITER (hh, je->jobs, job, next)
        out->ids[out->n_ids++] = job->id;
    return 0;
}

/* --- part --- */

static int start(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err)
{
    struct jobexec *je = flux_alloc(sizeof(*je));
    int r;

    je->h = h;
    *state = je;
    away_start(je);
    r = jobexec_configure(je, flux_conf(h), true, err);
    return r < 0 ? r : flux_job_exec_serve(h, &ops, je, err);
}

static void stop(struct flux *h, void *state)
{
    struct jobexec *je = state;
    struct running *job, *next;

    HASH_ITER (hh, je->jobs, job, next)
        running_free(job);
    run_free_signalled(je);
    reconcile_stop(je);
    free(je->shell);
    free(je->imp);
    away_stop(je); /* frees je, once its timer is closed */
}

static int reload(struct flux *h, void *state, const json_t *conf, bool apply,
                  struct flux_error *err)
{
    int r = jobexec_configure(state, conf, apply, err);

    if (r == 0 && apply)
        away_reload(state);
    return r;
}

const struct flux_part job_exec_part = {
    .name = "job-exec", .start = start, .stop = stop, .reload = reload};
