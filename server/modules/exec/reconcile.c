// SPDX-License-Identifier: LGPL-3.0-only
/* Shells that an earlier broker of this rank left. The leader says which of them nobody waits for:
 * their job has ended without this node, or was given up. Those are killed, and until they are gone
 * nothing new is started here. A node that cannot get rid of them is drained. */
#include <signal.h>
#include <syslog.h>

#include <flux/fluid.h>
#include <flux/v1/job_exec.h>
#include <flux/v1/resource.h>

#include "exec.h"

#define AGAIN_MS 1000
#define LIMIT_MS 30000 /* for shells to end after SIGKILL */

struct reconcile {
    struct exec *exec;
    struct flux_future *future;
    uint64_t *unwanted; /* not yet gone */
    size_t count;
    uv_timer_t timer;
};

static void on_closed(uv_handle_t *handle)
{
    struct reconcile *rc = handle->data;

    free(rc->unwanted);
    free(rc);
}

void reconcile_free(struct exec *x)
{
    struct reconcile *rc = x->reconcile;

    if (!rc)
        return;
    x->reconcile = NULL;
    flux_future_free(rc->future);
    uv_close((uv_handle_t *)&rc->timer, on_closed);
}

static void done(struct reconcile *rc)
{
    struct exec *x = rc->exec;

    reconcile_free(x);
    shell_start_held(x);
}

/* --- getting rid of them --- */

static void drain(struct exec *x)
{
    flux_resource_drain_request in = FLUX_RESOURCE_DRAIN_REQUEST_INIT;
    FLUX_AUTO_STR rank = flux_printf("%u", x->rank);
    struct flux_to to = FLUX_RANK(0);

    to.no_answer = true;
    in.targets = rank;
    in.reason = "job shells of an earlier broker cannot be killed";
    in.mode = FLUX_RESOURCE_DRAIN_MODE_SKIP;
    flux_resource_drain_async(x->h, to, &in);
}

static void on_limit(uv_timer_t *timer)
{
    struct reconcile *rc = timer->data;

    flux_log(
        rc->exec->h, LOG_ERR,
        "%zu shells of jobs that have ended are still there %ds after SIGKILL (the first: %s): "
        "the node is drained",
        rc->count, LIMIT_MS / 1000, flux_fluid_f58(rc->unwanted[0]));
    drain(rc->exec);
    done(rc);
}

/* Keep those that still run. */
static void sweep(struct reconcile *rc)
{
    size_t n = 0;

    for (size_t i = 0; i < rc->count; i++) {
        if (shell_discard(rc->exec, rc->unwanted[i]))
            rc->unwanted[n++] = rc->unwanted[i];
    }
    rc->count = n;
}

void reconcile_check(struct exec *x)
{
    struct reconcile *rc = x->reconcile;

    if (!rc || rc->future)
        return;
    sweep(rc);
    if (rc->count == 0)
        done(rc);
}

/* --- asking --- */

static void ask(struct reconcile *rc);

static void on_again(uv_timer_t *timer)
{
    ask(timer->data);
}

static void take_answer(struct reconcile *rc, const flux_job_exec_reconcile_response *out)
{
    struct exec *x = rc->exec;

    for (size_t i = 0; i < out->n_unwanted; i++) {
        if (shell_discard(x, out->unwanted[i]))
            flux_log(x->h, LOG_WARNING, "job %s has ended: its shell that was left here is killed",
                     flux_fluid_f58(out->unwanted[i]));
    }
    rc->count = out->n_unwanted;
    rc->unwanted = flux_alloc((rc->count + 1) * sizeof(*rc->unwanted));
    if (rc->count > 0)
        memcpy(rc->unwanted, out->unwanted, rc->count * sizeof(*rc->unwanted));
    uv_timer_start(&rc->timer, on_limit, LIMIT_MS, 0);
}

static void on_answer(struct flux_future *f, void *arg)
{
    struct reconcile *rc = arg;
    const flux_job_exec_reconcile_response *out;
    struct flux_error err;
    int r = flux_job_exec_reconcile_result(f, &out, &err);

    if (r == 0)
        take_answer(rc, out);
    else
        uv_timer_start(&rc->timer, on_again, AGAIN_MS, 0);
    flux_future_free(f);
    rc->future = NULL;
    if (r == 0)
        reconcile_check(rc->exec);
}

static void ask(struct reconcile *rc)
{
    struct exec *x = rc->exec;
    flux_job_exec_reconcile_request in = FLUX_JOB_EXEC_RECONCILE_REQUEST_INIT;
    FLUX_AUTO_MEM(uint64_t) ids = NULL;

    in.rank = x->rank;
    in.n_ids = shell_list(x, &ids);
    in.ids = ids;
    rc->future = flux_job_exec_reconcile_async(x->h, FLUX_RANK(0), &in);
    flux_future_then(rc->future, on_answer, rc);
}

void reconcile_begin(struct exec *x)
{
    FLUX_AUTO_MEM(uint64_t) ids = NULL;
    size_t n = shell_list(x, &ids);
    struct reconcile *rc;

    if (n == 0)
        return;
    rc = flux_alloc(sizeof(*rc));
    rc->exec = x;
    uv_timer_init(flux_loop(x->h), &rc->timer);
    rc->timer.data = rc;
    uv_unref((uv_handle_t *)&rc->timer);
    x->reconcile = rc;
    flux_log(x->h, LOG_INFO, "found %zu job shells of an earlier broker, running or ended", n);
    ask(rc);
}
