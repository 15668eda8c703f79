// SPDX-License-Identifier: LGPL-3.0-only
/* Shells that an earlier broker started and that nobody has attached to. Their job may have ended
 * without this node (it was given up as lost): then they are killed. What the job's own eventlog
 * says is decisive; without an answer a shell is left alone and asked about again. */
#include <signal.h>
#include <syslog.h>

#include <flux/eventlog.h>
#include <flux/fluid.h>
#include <flux/v1/job_info.h>

#include "exec.h"

#define AGAIN_MS 30000

struct audit {
    struct exec *exec;
    uv_timer_t timer;
    LIST_HEAD(, question) questions;
};

struct question {
    struct audit *audit;
    uint64_t id;
    struct flux_future *future;
    LIST_ENTRY(question) link;
};

static void question_free(struct question *q)
{
    LIST_REMOVE(q, link);
    flux_future_free(q->future);
    free(q);
}

static bool has_ended(const char *log, size_t len)
{
    struct flux_eventlog_cursor c = {.pos = log, .end = log + len};
    struct flux_eventlog_entry e;
    bool clean = false;

    while (flux_eventlog_next(&c, &e, NULL) == 1) {
        clean = clean || strcmp(e.name, "clean") == 0;
        flux_eventlog_entry_done(&e);
    }
    return clean;
}

static void on_answer(struct flux_future *f, void *arg)
{
    struct question *q = arg;
    struct exec *x = q->audit->exec;
    const flux_job_info_lookup_response *out;
    struct flux_error err;
    int r = flux_job_info_lookup_result(f, &out, &err);
    bool ended = r == -ENOENT;

    if (r == 0 && out->n_values > 0)
        ended = has_ended((const char *)out->values[0].data, out->values[0].len);
    if (ended && shell_kill_unattached(x, q->id))
        flux_log(x->h, LOG_WARNING, "job %s has ended: its shell that was left here is killed",
                 flux_fluid_f58(q->id));
    question_free(q);
}

static void ask(uint64_t id, void *arg)
{
    struct audit *a = arg;
    struct question *q = flux_alloc(sizeof(*q));
    flux_job_info_lookup_request in = FLUX_JOB_INFO_LOOKUP_REQUEST_INIT;
    const char *key = "eventlog";

    q->audit = a;
    q->id = id;
    LIST_INSERT_HEAD(&a->questions, q, link);
    in.id = id;
    in.keys = &key;
    in.n_keys = 1;
    q->future = flux_job_info_lookup_async(a->exec->h, FLUX_ANY, &in);
    flux_future_then(q->future, on_answer, q);
}

static void on_timer(uv_timer_t *timer)
{
    struct audit *a = timer->data;

    if (LIST_EMPTY(&a->questions) && shell_visit_unattached(a->exec, ask, a) == 0)
        uv_timer_stop(timer);
}

struct audit *audit_new(struct exec *x)
{
    struct audit *a = flux_alloc(sizeof(*a));

    a->exec = x;
    LIST_INIT(&a->questions);
    uv_timer_init(flux_loop(x->h), &a->timer);
    a->timer.data = a;
    uv_unref((uv_handle_t *)&a->timer);
    if (shell_visit_unattached(x, ask, a) > 0)
        uv_timer_start(&a->timer, on_timer, AGAIN_MS, AGAIN_MS);
    return a;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void audit_free(struct audit *a)
{
    while (!LIST_EMPTY(&a->questions))
        question_free(LIST_FIRST(&a->questions));
    uv_close((uv_handle_t *)&a->timer, on_closed);
}
