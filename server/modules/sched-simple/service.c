// SPDX-License-Identifier: LGPL-3.0-only
/* Service Sched (RFC 27) around the scheduler, and its client side towards the resource service
 * (RFC 28). Calls that come before the inventory is known are kept, in order, and answered then.
 * Grants are made once for all messages of a turn of the loop, and sent together. */
#include "part.h"
#include "scheduler.h"

#include <syslog.h>
#include <utlist.h>

#include <flux/v1/resource.h>
#include <flux/v1/sched_service.h>

#define BATCH_MAX 1024         /* grants in one item */
#define LOG_EACH_MAX 16        /* jobs that are logged one by one */
#define BATCH_BYTES (1u << 20) /* and bytes of R in it, roughly */
#define RETRY_MS 500           /* before asking again for a resource service that has gone */

FLUX_SCHED_HANDLERS(sched_rpc);

/* A call that waits for the inventory. */
struct early {
    struct flux_call *call;
    const void *in;
    int (*answer)(struct flux_call *call, const void *in); /* ends the call, or keeps it: LATER */
    struct early *prev, *next;
};

struct service {
    struct sched s; /* first: grant() gets back from it */
    struct flux *h;
    struct flux_call *manager;
    struct flux_future *acquire;
    struct early *early;
    uv_idle_t pass; /* runs once before the loop would wait, when something has changed */
    uv_timer_t retry;
    flux_sched_grant *grants; /* not sent yet */
    size_t ngrants, room, bytes;
    int closing;
};

/* Debug lines for each job while there are few, one for all of a flood. */
static void log_job(struct service *sv, const char *what, uint64_t id, size_t i, size_t count)
{
    if (count <= LOG_EACH_MAX)
        flux_log(sv->h, LOG_DEBUG, "%s (id=%llu)", what, (unsigned long long)id);
    else if (i == 0)
        flux_log(sv->h, LOG_DEBUG, "%s (%zu jobs)", what, count);
}

/* ---- grants */

static void send_grants(struct service *sv)
{
    flux_sched_attach_response item = FLUX_SCHED_ATTACH_RESPONSE_INIT;
    flux_sched_grant **list = flux_alloc(sv->ngrants * sizeof(*list));

    for (size_t i = 0; i < sv->ngrants; i++)
        list[i] = &sv->grants[i];
    item.grants = list;
    item.n_grants = sv->ngrants;
    if (sv->manager && sv->ngrants)
        flux_sched_attach_send(sv->manager, &item);
    for (size_t i = 0; i < sv->ngrants; i++) {
        log_job(sv, *sv->grants[i].r ? "alloc success" : "alloc denied", sv->grants[i].id, i,
                sv->ngrants);
        free((char *)sv->grants[i].r);
        free((char *)sv->grants[i].summary);
        free((char *)sv->grants[i].denied);
    }
    free(list);
    sv->ngrants = sv->bytes = 0;
}

static void on_grant(struct sched *s, uint64_t id, char *r, char *summary, char *denied)
{
    struct service *sv = s->arg;
    flux_sched_grant *g;

    if (sv->ngrants == sv->room) {
        sv->room = sv->room ? sv->room * 2 : 64;
        sv->grants = flux_realloc(sv->grants, sv->room, sizeof(*sv->grants));
    }
    g = &sv->grants[sv->ngrants++];
    *g = (flux_sched_grant)FLUX_SCHED_GRANT_INIT;
    g->id = id;
    g->r = r ? r : flux_strdup("");
    g->summary = summary ? summary : flux_strdup("");
    g->denied = denied ? denied : flux_strdup("");
    sv->bytes += strlen(g->r) + strlen(g->summary) + strlen(g->denied);
    if (sv->ngrants >= BATCH_MAX || sv->bytes >= BATCH_BYTES)
        send_grants(sv);
}

static void on_pass(uv_idle_t *idle)
{
    struct service *sv = idle->data;

    uv_idle_stop(idle);
    if (sv->manager)
        sched_pass(&sv->s, flux_walltime());
    if (sv->ngrants)
        send_grants(sv);
}

/* Something has changed: look again when the messages at hand have been read. */
static void pass_soon(struct service *sv)
{
    uv_idle_start(&sv->pass, on_pass);
}

/* ---- calls before the inventory is known */

static void forget_early(struct flux_call *call, void *arg)
{
    struct service *sv = flux_call_data(call);
    struct early *e = arg;

    DL_DELETE(sv->early, e);
    free(e);
}

static int keep(struct service *sv, struct flux_call *call, const void *in,
                int (*answer)(struct flux_call *call, const void *in))
{
    struct early *e = flux_alloc(sizeof(*e));

    *e = (struct early){.call = call, .in = in, .answer = answer};
    DL_APPEND(sv->early, e);
    flux_call_on_cancel(call, forget_early, e);
    return FLUX_CALL_LATER;
}

static void answer_early(struct service *sv)
{
    while (sv->early) {
        struct early *e = sv->early;

        DL_DELETE(sv->early, e);
        flux_call_on_cancel(e->call, NULL, NULL);
        e->answer(e->call, e->in);
        free(e);
    }
}

/* ---- the job manager's stream */

static void manager_gone(struct flux_call *call, void *arg)
{
    struct service *sv = arg;

    sv->manager = NULL;
    sched_clear(&sv->s);
    send_grants(sv);
}

static int do_attach(struct flux_call *call, const void *arg)
{
    struct service *sv = flux_call_data(call);
    const flux_sched_attach_request *in = arg;
    flux_sched_attach_response first = FLUX_SCHED_ATTACH_RESPONSE_INIT;
    struct flux_error err;

    if (sv->manager) {
        flux_call_error(call, EBUSY, "another job manager is attached");
        return FLUX_CALL_LATER;
    }
    first.lost = flux_call_alloc(call, in->n_held * sizeof(*first.lost));
    for (size_t i = 0; i < in->n_held; i++) {
        if (sched_hold(&sv->s, in->held[i]->id, in->held[i]->r, &err) == 0)
            continue;
        flux_log(sv->h, LOG_ERR, "job %llu: resources are lost: %s",
                 (unsigned long long)in->held[i]->id, err.text);
        first.lost[first.n_lost++] = in->held[i]->id;
    }
    sv->manager = call;
    flux_call_on_cancel(call, manager_gone, sv);
    flux_sched_attach_send(call, &first);
    pass_soon(sv);
    return FLUX_CALL_LATER;
}

int sched_rpc_attach(struct flux_call *call, const flux_sched_attach_request *in)
{
    struct service *sv = flux_call_data(call);

    if (sv->manager)
        return flux_call_fail(call, EBUSY, "another job manager is attached");
    return sv->s.pool ? do_attach(call, in) : keep(sv, call, in, do_attach);
}

/* ---- requests of the job manager; they come after Attach has been answered */

static int no_manager(struct flux_call *call)
{
    return flux_call_fail(call, EINVAL, "attach first: there is no Sched/Attach stream");
}

int sched_rpc_enqueue(struct flux_call *call, const flux_sched_enqueue_request *in,
                      flux_sched_enqueue_response *out)
{
    struct service *sv = flux_call_data(call);
    struct flux_error err;
    int r;

    if (!sv->manager)
        return no_manager(call);
    for (size_t i = 0; i < in->n_jobs; i++) {
        const flux_sched_job *job = in->jobs[i];

        r = sched_enqueue(&sv->s, job->id, job->priority, job->t_submit, job->jobspec, &err);
        if (r < 0)
            return flux_call_fail(call, -r, "job %llu: %s", (unsigned long long)job->id, err.text);
    }
    pass_soon(sv);
    return 0;
}

int sched_rpc_cancel(struct flux_call *call, const flux_sched_cancel_request *in,
                     flux_sched_cancel_response *out)
{
    struct service *sv = flux_call_data(call);

    if (!sv->manager)
        return no_manager(call);
    out->canceled = flux_call_alloc(call, in->n_ids * sizeof(*out->canceled));
    for (size_t i = 0; i < in->n_ids; i++)
        if (sched_cancel(&sv->s, in->ids[i]))
            out->canceled[out->n_canceled++] = in->ids[i];
    for (size_t i = 0; i < out->n_canceled; i++)
        log_job(sv, "alloc canceled", out->canceled[i], i, out->n_canceled);
    /* The answer says that there is nothing more to give: so it comes after a pass. */
    on_pass(&sv->pass);
    return 0;
}

static int free_one(struct service *sv, const flux_sched_release *rel, struct flux_error *err)
{
    FLUX_AUTO(idset) ranks = NULL;
    int r;

    if (*rel->ranks && (r = flux_idset_decode(rel->ranks, &ranks, err)) < 0)
        return r;
    r = sched_free(&sv->s, rel->id, ranks);
    return r < 0 ? flux_error_set(err, r, "holds nothing") : 0;
}

/* What can be freed is freed; the first that cannot is the answer. */
int sched_rpc_free(struct flux_call *call, const flux_sched_free_request *in,
                   flux_sched_free_response *out)
{
    struct service *sv = flux_call_data(call);
    int first = 0;

    if (!sv->manager)
        return no_manager(call);
    for (size_t i = 0; i < in->n_releases; i++) {
        struct flux_error err;
        int r = free_one(sv, in->releases[i], &err);

        if (r < 0 && first == 0)
            first = flux_call_fail(call, -r, "job %llu: %s",
                                   (unsigned long long)in->releases[i]->id, err.text);
        if (r == 0)
            log_job(sv, "free succeeded", in->releases[i]->id, i, in->n_releases);
    }
    pass_soon(sv);
    return first;
}

int sched_rpc_prioritize(struct flux_call *call, const flux_sched_prioritize_request *in,
                         flux_sched_prioritize_response *out)
{
    struct service *sv = flux_call_data(call);

    if (!sv->manager)
        return no_manager(call);
    /* a job that is not waiting any more has its grant on the way: nothing to do */
    for (size_t i = 0; i < in->n_jobs; i++)
        sched_prioritize(&sv->s, in->jobs[i]->id, in->jobs[i]->priority);
    pass_soon(sv);
    return 0;
}

/* First fit without backfill plans nothing by expirations: any is fine. */
int sched_rpc_expire(struct flux_call *call, const flux_sched_expire_request *in,
                     flux_sched_expire_response *out)
{
    struct service *sv = flux_call_data(call);

    if (!sched_knows(&sv->s, in->id))
        return flux_call_fail(call, ENOENT, "job %llu holds nothing", (unsigned long long)in->id);
    if (in->expiration < 0)
        return flux_call_fail(call, EINVAL, "expiration must not be negative");
    return 0;
}

/* ---- questions */

static int do_feasible(struct flux_call *call, const void *arg)
{
    struct service *sv = flux_call_data(call);
    const flux_sched_feasible_request *in = arg;
    flux_sched_feasible_response out = FLUX_SCHED_FEASIBLE_RESPONSE_INIT;
    struct flux_error err;
    int r = sched_feasible(&sv->s, in->jobspec, &err);

    if (r < 0)
        flux_call_error(call, -r, "%s", err.text);
    else
        flux_sched_feasible_reply(call, &out);
    return FLUX_CALL_LATER;
}

int sched_rpc_feasible(struct flux_call *call, const flux_sched_feasible_request *in,
                       flux_sched_feasible_response *out)
{
    struct service *sv = flux_call_data(call);
    struct flux_error err;
    int r;

    if (!sv->s.pool)
        return keep(sv, call, in, do_feasible);
    r = sched_feasible(&sv->s, in->jobspec, &err);
    return r < 0 ? flux_call_fail(call, -r, "%s", err.text) : 0;
}

static char *encode_for(struct flux_call *call, const struct flux_rset *r)
{
    FLUX_AUTO_STR text = flux_rset_encode(r);

    return flux_call_strdup(call, text);
}

static void fill_status(struct flux_call *call, flux_sched_status_response *out)
{
    struct service *sv = flux_call_data(call);
    FLUX_AUTO(rset) allocated = pool_allocated(sv->s.pool);
    FLUX_AUTO(rset) down = pool_down(sv->s.pool);

    out->all = encode_for(call, pool_all(sv->s.pool));
    out->allocated = encode_for(call, allocated);
    out->down = encode_for(call, down);
    out->pending = sv->s.pending;
}

static int do_status(struct flux_call *call, const void *in)
{
    flux_sched_status_response out = FLUX_SCHED_STATUS_RESPONSE_INIT;

    fill_status(call, &out);
    flux_sched_status_reply(call, &out);
    return FLUX_CALL_LATER;
}

int sched_rpc_status(struct flux_call *call, const flux_sched_status_request *in,
                     flux_sched_status_response *out)
{
    struct service *sv = flux_call_data(call);

    if (!sv->s.pool)
        return keep(sv, call, in, do_status);
    fill_status(call, out);
    return 0;
}

/* ---- resources */

static void set_state(struct service *sv, const char *ranks, enum pool_state state)
{
    FLUX_AUTO(idset) set = NULL;

    if (!*ranks)
        return;
    if (flux_idset_decode(ranks, &set, NULL) < 0)
        flux_log(sv->h, LOG_ERR, "resource service sent bad ranks '%.64s'", ranks);
    else
        pool_set_state(sv->s.pool, set, state);
}

static void take_inventory(struct service *sv, const char *text)
{
    FLUX_AUTO(rset) all = NULL;
    struct flux_error err;

    if (flux_rset_decode(text, &all, &err) < 0) {
        flux_log(sv->h, LOG_ERR, "resource service sent a bad R: %s", err.text);
        return;
    }
    sv->s.expiration = flux_rset_expiration(all);
    sched_set_inventory(&sv->s, all);
}

static void ask_resources(struct service *sv);

static void on_retry(uv_timer_t *timer)
{
    ask_resources(timer->data);
}

/* All nodes count as down until the service is back. */
static void resources_gone(struct service *sv, const char *why)
{
    FLUX_AUTO(idset) ranks = sv->s.pool ? flux_rset_ranks(pool_all(sv->s.pool)) : NULL;

    flux_log(sv->h, LOG_WARNING, "resource service has gone (%s): asking again", why);
    if (ranks)
        pool_set_state(sv->s.pool, ranks, POOL_DOWN);
    flux_future_free(FLUX_GIVE(sv->acquire));
    uv_timer_start(&sv->retry, on_retry, RETRY_MS, 0);
}

static void on_resources(struct flux_future *f, void *arg)
{
    struct service *sv = arg;
    const flux_resource_acquire_response *item;
    struct flux_error err = {"stream ended"};

    if (flux_resource_acquire_result(f, &item, &err) < 0) {
        resources_gone(sv, err.text);
        return;
    }
    if (*item->r)
        take_inventory(sv, item->r);
    if (!sv->s.pool)
        return;
    if (item->expiration > 0)
        sv->s.expiration = item->expiration;
    set_state(sv, item->down, POOL_DOWN);
    set_state(sv, item->up, POOL_UP);
    set_state(sv, item->shrink, POOL_GONE);
    answer_early(sv);
    pass_soon(sv);
}

static void ask_resources(struct service *sv)
{
    flux_resource_acquire_request in = FLUX_RESOURCE_ACQUIRE_REQUEST_INIT;

    sv->acquire = flux_resource_acquire_stream(sv->h, FLUX_ANY, &in);
    flux_future_then(sv->acquire, on_resources, sv);
}

/* ---- start and stop */

static const struct flux_sched_ops ops = FLUX_SCHED_OPS(sched_rpc);

static int start(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err)
{
    struct service *sv = flux_alloc(sizeof(*sv));
    int r = flux_sched_serve(h, &ops, sv, err);

    if (r < 0) {
        free(sv);
        return r;
    }
    sv->h = h;
    sv->s.grant = on_grant;
    sv->s.arg = sv;
    sched_init(&sv->s);
    uv_idle_init(flux_loop(h), &sv->pass);
    uv_timer_init(flux_loop(h), &sv->retry);
    uv_unref((uv_handle_t *)&sv->retry);
    sv->pass.data = sv->retry.data = sv;
    ask_resources(sv);
    *state = sv;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct service *sv = handle->data;

    if (--sv->closing == 0)
        free(sv);
}

static void stop(struct flux *h, void *state)
{
    struct service *sv = state;

    flux_future_free(sv->acquire);
    while (sv->early) {
        struct early *e = sv->early;

        DL_DELETE(sv->early, e);
        flux_call_on_cancel(e->call, NULL, NULL);
        flux_call_error(e->call, ENOSYS, "the scheduler has stopped");
        free(e);
    }
    if (sv->manager) {
        flux_call_on_cancel(sv->manager, NULL, NULL);
        flux_call_finish(FLUX_GIVE(sv->manager));
    }
    sched_done(&sv->s);
    send_grants(sv);
    free(sv->grants);
    sv->closing = 2;
    uv_close((uv_handle_t *)&sv->pass, on_closed);
    uv_close((uv_handle_t *)&sv->retry, on_closed);
}

const struct flux_part sched_simple_part = {
    .name = "sched-simple",
    .start = start,
    .stop = stop,
};
