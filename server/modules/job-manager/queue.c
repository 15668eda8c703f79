// SPDX-License-Identifier: LGPL-3.0-only
/* Queues: the anonymous one, or those of [queues]. Whether each takes jobs and gives them resources
 * is kept in the KVS. */
#include "module.h"

static struct queue *add(struct manager *mgr, const char *name, bool started)
{
    struct queue *q = flux_alloc(sizeof(*q));

    q->name = flux_strdup(name);
    q->enabled = true;
    q->started = started;
    q->disable_reason = flux_strdup("");
    q->stop_reason = flux_strdup("");
    HASH_ADD_KEYPTR(hh, mgr->queues, q->name, strlen(q->name), q);
    return q;
}

static void drop(struct manager *mgr, struct queue *q)
{
    HASH_DEL(mgr->queues, q);
    free(q->name);
    free(q->disable_reason);
    free(q->stop_reason);
    json_decref(q->kept);
    free(q);
}

struct queue *queue_find(struct manager *mgr, const char *name)
{
    struct queue *q;

    HASH_FIND_STR(mgr->queues, name ? name : "", q);
    return q;
}

bool queue_started(struct manager *mgr, const struct job *job)
{
    struct queue *q = queue_find(mgr, job->queue);

    return q && q->started && !mgr->hold;
}

void queue_init(struct manager *mgr)
{
    queue_configure(mgr, flux_conf(mgr->h), true, NULL);
}

void queue_done(struct manager *mgr)
{
    struct queue *q, *next;

    HASH_ITER (hh, mgr->queues, q, next)
        drop(mgr, q);
}

int queue_configure(struct manager *mgr, const json_t *conf, bool apply, struct flux_error *err)
{
    const json_t *queues = json_object_get(conf, "queues");
    struct queue *q, *next;
    const char *name;
    json_t *value;

    if (queues && !json_is_object(queues))
        return flux_error_set(err, -EINVAL, "config: queues must be a table");
    if (!apply)
        return 0;
    HASH_ITER (hh, mgr->queues, q, next)
        if (json_object_size(queues) ? !json_object_get(queues, q->name) : *q->name)
            drop(mgr, q);
    json_object_foreach ((json_t *)queues, name, value) {
        if (!queue_find(mgr, name))
            add(mgr, name, false); /* a new named queue begins stopped */
    }
    if (!mgr->queues)
        add(mgr, "", true);
    return 0;
}

/* --- kept over a restart --- */

static void keep(struct queue *q)
{
    json_decref(q->kept);
    q->kept = json_pack("{s:b,s:s,s:b,s:s}", "enabled", q->enabled, "disable_reason",
                        q->disable_reason, "started", q->started, "stop_reason", q->stop_reason);
}

void queue_put(struct manager *mgr)
{
    json_t *all = json_object();
    struct queue *q, *next;
    char *text;

    HASH_ITER (hh, mgr->queues, q, next)
        if (q->kept)
            json_object_set(all, q->name, q->kept);
    text = json_dumps(all, JSON_COMPACT);
    commit_put(mgr, FLUX_JOBS_KEY_QUEUES, text);
    free(text);
    json_decref(all);
}

static void set(char **p, const char *s)
{
    free(*p);
    *p = flux_strdup(s ? s : "");
}

int queue_load(struct manager *mgr, const char *json)
{
    json_t *all = json_loads(json, 0, NULL), *value;
    const char *name;

    if (!json_is_object(all))
        return -EPROTO;
    json_object_foreach (all, name, value) {
        struct queue *q = queue_find(mgr, name);
        if (!q)
            continue;
        q->enabled = json_is_true(json_object_get(value, "enabled"));
        q->started = json_is_true(json_object_get(value, "started"));
        set(&q->disable_reason, json_string_value(json_object_get(value, "disable_reason")));
        set(&q->stop_reason, json_string_value(json_object_get(value, "stop_reason")));
        keep(q);
    }
    json_decref(all);
    return 0;
}

void queue_stop_after_restart(struct manager *mgr)
{
    struct queue *q, *next;

    if (!json_is_true(flux_conf_get(mgr->h, "job-manager.stop-queues-on-restart")))
        return;
    HASH_ITER (hh, mgr->queues, q, next) {
        q->started = false;
        set(&q->stop_reason, "Automatically stopped due to restart");
    }
}

/* --- control --- */

static void control(struct queue *q, const flux_job_manager_queue_control_request *in)
{
    switch (in->action) {
    case FLUX_JOB_MANAGER_QUEUE_ACTION_ENABLE:
        q->enabled = true;
        break;
    case FLUX_JOB_MANAGER_QUEUE_ACTION_DISABLE:
        q->enabled = false;
        set(&q->disable_reason, in->reason);
        break;
    case FLUX_JOB_MANAGER_QUEUE_ACTION_START:
        q->started = true;
        set(&q->stop_reason, "");
        break;
    default:
        q->started = false;
        set(&q->stop_reason, in->reason);
        break;
    }
    if (!in->nocheckpoint)
        keep(q);
}

static void on_saved(struct waiter *w, int r, const char *text)
{
    flux_job_manager_queue_control_response out = FLUX_JOB_MANAGER_QUEUE_CONTROL_RESPONSE_INIT;

    if (r < 0)
        flux_call_error(w->call, -r, "this is in force, and could not be stored yet: %s", text);
    else
        flux_job_manager_queue_control_reply(w->call, &out);
}

static void advance_all(struct manager *mgr)
{
    struct job *job, *next;

    HASH_ITER (hh, mgr->jobs, job, next)
        if (job->state == FLUX_JOB_SCHED)
            job_advance(mgr, job);
}

int job_manager_queue_control(struct flux_call *call,
                              const flux_job_manager_queue_control_request *in,
                              flux_job_manager_queue_control_response *out)
{
    struct manager *mgr = flux_call_data(call);
    struct queue *q, *next;
    bool named = !queue_find(mgr, "");

    if (in->action < FLUX_JOB_MANAGER_QUEUE_ACTION_ENABLE ||
        in->action > FLUX_JOB_MANAGER_QUEUE_ACTION_STOP)
        return flux_call_fail(call, EINVAL, "unknown action");
    if (in->action == FLUX_JOB_MANAGER_QUEUE_ACTION_DISABLE && !*in->reason)
        return flux_call_fail(call, EINVAL, "a reason is required for disabling job submission");
    if (*in->queue && !queue_find(mgr, in->queue))
        return flux_call_fail(call, EINVAL, "'%s' is not a valid queue", in->queue);
    if (named && !*in->queue && !in->all)
        return flux_call_fail(call, EINVAL,
                              "Named queues are defined. Specify queues or use --all.");
    HASH_ITER (hh, mgr->queues, q, next)
        if (!*in->queue || strcmp(q->name, in->queue) == 0)
            control(q, in);
    advance_all(mgr);
    commit_queues(mgr);
    commit_wait(mgr, call, on_saved, NULL);
    return FLUX_CALL_LATER;
}

/* --- status --- */

static int by_name(struct queue *a, struct queue *b)
{
    return strcmp(a->name, b->name);
}

static flux_job_manager_queue *describe(struct flux_call *call, const struct queue *q)
{
    flux_job_manager_queue *out = flux_call_alloc(call, sizeof(*out));

    *out = (flux_job_manager_queue)FLUX_JOB_MANAGER_QUEUE_INIT;
    out->name = q->name;
    out->enabled = q->enabled;
    out->disable_reason = q->disable_reason;
    out->started = q->started;
    out->stop_reason = q->stop_reason;
    return out;
}

/* Jobs that the scheduler would be told of if their queue were started; held ones would not. */
static unsigned count_queued(const struct manager *mgr)
{
    unsigned n = 0;

    for (const struct job *job = mgr->jobs; job; job = job->hh.next)
        n += job->state == FLUX_JOB_SCHED && !job->enqueued && job->priority > 0;
    return n;
}

int job_manager_queue_status(struct flux_call *call,
                             const flux_job_manager_queue_status_request *in,
                             flux_job_manager_queue_status_response *out)
{
    struct manager *mgr = flux_call_data(call);
    struct queue *q, *next;

    if (*in->queue && !queue_find(mgr, in->queue))
        return flux_call_fail(call, ENOENT, "'%s' is not a valid queue", in->queue);
    HASH_SORT(mgr->queues, by_name);
    out->queues = flux_call_alloc(call, HASH_COUNT(mgr->queues) * sizeof(*out->queues));
    HASH_ITER (hh, mgr->queues, q, next)
        if (!*in->queue || strcmp(q->name, in->queue) == 0)
            out->queues[out->n_queues++] = describe(call, q);
    if (flux_call_is_private(call))
        return 0;
    out->alloc_pending = mgr->nenqueued;
    out->alloc_queued = count_queued(mgr);
    out->running = manager_count(mgr, FLUX_JOB_RUN | FLUX_JOB_CLEANUP);
    out->active = HASH_COUNT(mgr->jobs);
    return 0;
}
