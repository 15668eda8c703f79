// SPDX-License-Identifier: LGPL-3.0-only
/* The job manager as a part of its module. */
#include "module.h"

static const struct flux_job_manager_ops ops = FLUX_JOB_MANAGER_OPS(job_manager);

static void free_jobs(struct manager *mgr)
{
    struct job *job, *next;

    HASH_ITER (hh, mgr->jobs, job, next) {
        manager_remove(mgr, job);
        job_free(job);
    }
}

static void stop(struct flux *h, void *state);

static int start(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err)
{
    struct manager *mgr = flux_alloc(sizeof(*mgr));
    int r;

    mgr->h = h;
    commit_init(mgr);
    alloc_init(mgr);
    queue_init(mgr);
    purge_init(mgr);
    tenant_configure(mgr, flux_conf(h));
    *state = mgr;
    r = restart_load(mgr, err);
    if (r == 0)
        r = flux_job_manager_serve(h, &ops, mgr, err);
    if (r == 0)
        alloc_attach(mgr);
    else
        stop(h, mgr);
    return r;
}

static void stop(struct flux *h, void *state)
{
    struct manager *mgr = state;

    mgr->stopping = true;
    commit_drain(mgr);
    free_jobs(mgr);
    journal_done(mgr);
    drain_done(mgr);
    wait_done(mgr);
    purge_done(mgr);
    hold_done(mgr);
    alloc_done(mgr);
    queue_done(mgr);
    commit_done(mgr);
    dependency_forget_outcomes(mgr);
    free(mgr);
}

static int reload(struct flux *h, void *state, const json_t *conf, bool apply,
                  struct flux_error *err)
{
    struct manager *mgr = state;
    int r = queue_configure(mgr, conf, apply, err);

    r = r < 0 ? r : purge_configure(mgr, conf, apply, err);
    if (r == 0 && apply)
        tenant_configure(mgr, conf);
    return r;
}

const struct flux_part job_manager_part = {
    .name = "job-manager", .start = start, .stop = stop, .reload = reload};
