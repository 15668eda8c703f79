// SPDX-License-Identifier: LGPL-3.0-only
/* Starts and stops on record, and the safe mode after a crash or damage. Nothing here can keep an
 * instance from starting or ending: what fails is logged. */
#include "startlog.h"

#include <syslog.h>

#include <flux/eventlog.h>
#include <flux/v1/job_manager.h>
#include <flux/v1/kvs.h>

#include "broker.h"

static char log_key[] = "admin.eventlog";
static char safe_mode_reason[] = "Flux is in safe mode due to an incomplete shutdown.";
static char damage_reason[] = "Flux is in safe mode due to damage of its stored state.";

/* A service that does not answer holds nobody up for longer. */
enum { PATIENCE = 5 /* seconds */ };

struct record {
    struct broker *b;
    void (*done)(void *arg);
    void *arg;
    bool crashed, damaged;
};

static struct flux_to leader(void)
{
    struct flux_to to = FLUX_RANK(0);

    to.timeout = PATIENCE;
    return to;
}

static void finish(struct record *x)
{
    x->done(x->arg);
    free(x);
}

static void on_stopped(struct flux_future *f, void *arg)
{
    struct record *x = arg;
    struct flux_error err = {""};

    if (flux_job_manager_queue_control_result(f, NULL, &err) < 0)
        broker_log(x->b, LOG_ERR, "safe mode: cannot stop scheduling: %s", err.text);
    flux_future_free(f);
    finish(x);
}

static struct flux_future *control(struct record *x, enum _Flux__V1__JobManagerQueueAction action)
{
    flux_job_manager_queue_control_request in = FLUX_JOB_MANAGER_QUEUE_CONTROL_REQUEST_INIT;

    in.action = action;
    in.all = true;
    in.reason = x->damaged ? damage_reason : safe_mode_reason;
    return flux_job_manager_queue_control_async(x->b->h, leader(), &in);
}

static void on_disabled(struct flux_future *f, void *arg)
{
    struct record *x = arg;
    struct flux_error err = {""};

    if (flux_job_manager_queue_control_result(f, NULL, &err) < 0)
        broker_log(x->b, LOG_ERR, "safe mode: cannot disable submission: %s", err.text);
    flux_future_free(f);
    flux_future_then(control(x, FLUX_JOB_MANAGER_QUEUE_ACTION_STOP), on_stopped, x);
}

static bool safe_mode_wanted(struct broker *b)
{
    return !json_is_false(json_object_get(json_object_get(b->conf, "job-manager"), "safe-mode"));
}

static void enter_safe_mode(struct record *x)
{
    if (x->crashed)
        broker_log(x->b, LOG_CRIT, "Flux was not shut down properly.  Data may have been lost.");
    if (x->damaged)
        broker_log(x->b, LOG_CRIT,
                   "The stored state was damaged: run flux fsck, and look at the "
                   "queue before it is started");
    if (!safe_mode_wanted(x->b)) {
        finish(x);
        return;
    }
    flux_future_then(control(x, FLUX_JOB_MANAGER_QUEUE_ACTION_DISABLE), on_disabled, x);
}

static void on_recorded(struct flux_future *f, void *arg)
{
    struct record *x = arg;
    struct flux_error err = {""};

    if (flux_kvs_commit_result(f, NULL, &err) < 0)
        broker_log(x->b, LOG_ERR, "%s: %s", log_key, err.text);
    flux_future_free(f);
    if (x->crashed || x->damaged)
        enter_safe_mode(x);
    else
        finish(x);
}

static void append(struct record *x, const char *name, json_t *context)
{
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    flux_kvs_op op = FLUX_KVS_OP_INIT, *ops[] = {&op};
    FLUX_AUTO_BUF line = FLUX_BUF_INIT(4096);

    flux_eventlog_encode(&line, flux_walltime(), name, context, NULL);
    json_decref(context);
    op.kind = FLUX_KVS_OP_APPEND;
    op.key = log_key;
    op.value.data = (uint8_t *)line.data;
    op.value.len = line.len;
    in.ops = ops;
    in.n_ops = 1;
    flux_future_then(flux_kvs_commit_async(x->b->h, leader(), &in), on_recorded, x);
}

static void append_start(struct record *x)
{
    json_t *context = json_pack("{s:s}", "version", FLUX_VERSION);

    if (x->damaged)
        json_object_set_new(context, "damaged", json_true());
    append(x, "start", context);
}

/* Whether the last event is a start. */
static bool ends_with_start(const char *log, size_t len)
{
    struct flux_eventlog_cursor c = {log, log + len, 0};
    struct flux_eventlog_entry e;
    bool start = false;

    while (flux_eventlog_next(&c, &e, NULL) == 1) {
        start = strcmp(e.name, "start") == 0;
        flux_eventlog_entry_done(&e);
    }
    return start;
}

static void on_stats(struct flux_future *f, void *arg)
{
    const flux_kvs_stats_response *out;
    struct record *x = arg;

    if (flux_kvs_stats_result(f, &out, NULL) == 0)
        x->damaged = out->damaged;
    flux_future_free(f);
    append_start(x);
}

static void on_read(struct flux_future *f, void *arg)
{
    flux_kvs_stats_request in = FLUX_KVS_STATS_REQUEST_INIT;
    struct record *x = arg;
    const flux_kvs_get_response *out;

    if (flux_kvs_get_result(f, &out, NULL) == 0)
        x->crashed = ends_with_start((const char *)out->value.data, out->value.len);
    flux_future_free(f);
    flux_future_then(flux_kvs_stats_async(x->b->h, leader(), &in), on_stats, x);
}

static struct record *record_new(struct broker *b, void (*done)(void *arg), void *arg)
{
    struct record *x = flux_alloc(sizeof(*x));

    x->b = b;
    x->done = done;
    x->arg = arg;
    return x;
}

void startlog_begin(struct broker *b, void (*done)(void *arg), void *arg)
{
    bool keeps_state = attrs_get(b->attrs, "statedir") && !b->statedir_made;
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    struct record *x;

    if (b->rank > 0) {
        done(arg);
        return;
    }
    x = record_new(b, done, arg);
    if (!keeps_state) {
        append_start(x);
        return;
    }
    in.key = log_key;
    flux_future_then(flux_kvs_get_async(b->h, leader(), &in), on_read, x);
}

void startlog_end(struct broker *b, void (*done)(void *arg), void *arg)
{
    if (b->rank > 0)
        done(arg);
    else
        append(record_new(b, done, arg), "finish", NULL);
}
