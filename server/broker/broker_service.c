// SPDX-License-Identifier: LGPL-3.0-only
/* Service Broker: reachability, attributes, state, counters. */
#include <stdatomic.h>
#include <utlist.h>

#include <flux/v1/broker_service.h>

#include "broker.h"

FLUX_BROKER_HANDLERS(broker);
static const struct flux_broker_ops ops = FLUX_BROKER_OPS(broker);

struct watcher {
    struct flux_call *call;
    struct watcher *next, *prev;
};
static struct watcher *watchers; /* one broker a process; its main thread alone */

int broker_ping(struct flux_call *call, const flux_broker_ping_request *in,
                flux_broker_ping_response *out)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);
    size_t n;
    const uint32_t *route = flux_call_route(call, &n);

    for (size_t i = 0; i < n; i++)
        flux_buf_printf(&b, "%s%u", i ? "!" : "", route[i]);
    out->seq = in->seq;
    out->pad = in->pad;
    out->route = flux_call_strdup(call, b.data ? b.data : "");
    out->userid = flux_call_userid(call);
    out->roles = flux_call_roles(call);
    return 0;
}

static void on_leader_attr(struct flux_future *f, void *arg)
{
    const flux_broker_get_attr_response *out;
    struct flux_call *call = arg;
    struct flux_error err = {""};
    int r = flux_broker_get_attr_result(f, &out, &err);

    if (r < 0)
        flux_call_error(call, -r, "%s", err.text);
    else
        flux_broker_get_attr_reply(call, out);
    flux_future_free(f);
}

int broker_get_attr(struct flux_call *call, const flux_broker_get_attr_request *in,
                    flux_broker_get_attr_response *out)
{
    struct broker *b = flux_call_data(call);
    const char *value = attrs_get(b->attrs, in->name);

    /* After a boot that exchanged no more than it had to, only rank 0 knows all hosts. */
    if (!value && b->rank > 0 && strcmp(in->name, "hostlist") == 0) {
        flux_future_then(flux_broker_get_attr_async(b->h, FLUX_RANK(0), in), on_leader_attr, call);
        return FLUX_CALL_LATER;
    }
    if (!value)
        return flux_call_fail(call, ENOENT, "there is no attribute %s", in->name);
    out->value = (char *)value;
    out->settable = attrs_flags(b->attrs, in->name) & ATTR_RUNTIME;
    return 0;
}

static void apply(struct broker *b, const char *name)
{
    if (strcmp(name, "log-ring-size") == 0)
        logring_resize(b->log, attrs_get_int(b->attrs, name, 1024));
    if (strncmp(name, "tbon.", 5) == 0)
        broker_overlay_configure(b);
}

int broker_set_attr(struct flux_call *call, const flux_broker_set_attr_request *in,
                    flux_broker_set_attr_response *out)
{
    struct broker *b = flux_call_data(call);
    struct flux_error err;
    int r = attrs_set_runtime(b->attrs, in->name, in->value, in->force, &err);

    if (r < 0)
        return flux_call_fail(call, -r, "%s", err.text);
    apply(b, in->name);
    return 0;
}

struct listing {
    struct flux_call *call;
    flux_broker_list_attr_response *out;
    size_t room;
};

static void add_attr(const char *name, const char *value, int flags, void *arg)
{
    struct listing *l = arg;
    flux_broker_attr *a = flux_call_alloc(l->call, sizeof(*a));

    *a = (flux_broker_attr)FLUX_BROKER_ATTR_INIT;
    a->name = (char *)name;
    a->value = (char *)value;
    a->settable = flags & ATTR_RUNTIME;
    if (l->out->n_attrs < l->room)
        l->out->attrs[l->out->n_attrs++] = a;
}

static void count_attr(const char *name, const char *value, int flags, void *arg)
{
    (*(size_t *)arg)++;
}

int broker_list_attr(struct flux_call *call, const flux_broker_list_attr_request *in,
                     flux_broker_list_attr_response *out)
{
    struct broker *b = flux_call_data(call);
    struct listing l = {call, out, 0};

    attrs_visit(b->attrs, count_attr, &l.room);
    out->attrs = flux_call_alloc(call, l.room * sizeof(*out->attrs));
    attrs_visit(b->attrs, add_attr, &l);
    return 0;
}

int broker_info(struct flux_call *call, const flux_broker_info_request *in,
                flux_broker_info_response *out)
{
    struct broker *b = flux_call_data(call);
    FLUX_AUTO_STR online = flux_idset_encode(broker_online(b), FLUX_IDSET_RANGE);

    out->state = (char *)state_name(state_get(b->state));
    out->duration = state_duration(b->state);
    out->uptime = flux_monotime() - b->started;
    out->rank = b->rank;
    out->size = b->size;
    out->owner = b->owner;
    out->level = attrs_get_int(b->attrs, "instance-level", 0);
    out->online = flux_call_strdup(call, online);
    out->starttime = b->starttime;
    return 0;
}

static void send_state(struct broker *b, struct flux_call *call)
{
    flux_broker_watch_state_response item = FLUX_BROKER_WATCH_STATE_RESPONSE_INIT;
    FLUX_AUTO_STR online = flux_idset_encode(broker_online(b), FLUX_IDSET_RANGE);

    item.state = (char *)state_name(state_get(b->state));
    item.online = online;
    flux_broker_watch_state_send(call, &item);
}

static void on_cancel(struct flux_call *call, void *arg)
{
    struct watcher *w = arg;

    DL_DELETE(watchers, w);
    free(w);
}

int broker_watch_state(struct flux_call *call, const flux_broker_watch_state_request *in)
{
    struct watcher *w = flux_alloc(sizeof(*w));

    w->call = call;
    DL_APPEND(watchers, w);
    flux_call_on_cancel(call, on_cancel, w);
    send_state(flux_call_data(call), call);
    return FLUX_CALL_LATER;
}

void broker_service_changed(struct broker *b)
{
    struct watcher *w;

    DL_FOREACH(watchers, w)
    send_state(b, w->call);
}

int broker_shutdown(struct flux_call *call, const flux_broker_shutdown_request *in,
                    flux_broker_shutdown_response *out)
{
    struct broker *b = flux_call_data(call);
    bool durable = attrs_get(b->attrs, "statedir") && !b->statedir_made;

    if (in->gc && !durable)
        return flux_call_fail(call, EINVAL,
                              "there is no statedir whose garbage could be collected");
    if (in->gc && in->skip_gc)
        return flux_call_fail(call, EINVAL, "gc and skip_gc exclude each other");
    if ((in->gc || *in->dump) && state_get(b->state) >= STATE_SHUTDOWN)
        return flux_call_fail(call, EBUSY, "the shutdown has gone too far to ask for more");
    if (b->rank == 0)
        b->told_to_end = true;
    b->archive.gc |= in->gc;
    b->archive.skip_gc |= in->skip_gc;
    if (*in->dump) {
        free(b->archive.dump);
        b->archive.dump = flux_strdup(in->dump);
    }
    state_post(b->state, EVENT_SHUTDOWN);
    return 0;
}

struct stats_query {
    struct flux_call *call;
    const char *service;
    bool clear;
    flux_broker_stats_response *out;
    size_t room;
};

static void clear_stats(struct flux_service_stats *st)
{
    atomic_store(&st->requests, 0);
    atomic_store(&st->errors, 0);
    atomic_store(&st->busy_ns, 0);
    atomic_store(&st->longest_ns, 0);
}

static void add_stats(const struct flux_service *svc, const struct flux_service_stats *stats,
                      void *arg)
{
    struct stats_query *q = arg;

    if (*q->service && strcmp(q->service, svc->name) != 0 &&
        strcmp(q->service, svc->short_name) != 0)
        return;
    for (size_t i = 0; i < svc->count; i++) {
        struct flux_service_stats *st = (struct flux_service_stats *)&stats[i];
        flux_broker_method_stats *m = flux_call_alloc(q->call, sizeof(*m));
        *m = (flux_broker_method_stats)FLUX_BROKER_METHOD_STATS_INIT;
        m->method = (char *)svc->methods[i].method->name;
        m->requests = atomic_load(&st->requests);
        m->errors = atomic_load(&st->errors);
        m->open = atomic_load(&st->open);
        m->busy = atomic_load(&st->busy_ns) * 1e-9;
        m->longest = atomic_load(&st->longest_ns) * 1e-9;
        if (q->clear)
            clear_stats(st);
        if (q->out->n_methods < q->room)
            q->out->methods[q->out->n_methods++] = m;
    }
}

static void count_methods(const struct flux_service *svc, const struct flux_service_stats *stats,
                          void *arg)
{
    *(size_t *)arg += svc->count;
}

int broker_stats(struct flux_call *call, const flux_broker_stats_request *in,
                 flux_broker_stats_response *out)
{
    struct broker *b = flux_call_data(call);
    struct stats_query q = {call, in->service, in->clear, out, 0};

    if (in->clear && !flux_call_is_owner(call))
        return flux_call_fail(call, EPERM, "only the instance owner can clear the counters");
    router_visit_stats(b->router, count_methods, &q.room);
    out->methods = flux_call_alloc(call, q.room * sizeof(*out->methods));
    router_visit_stats(b->router, add_stats, &q);
    out->messages = router_messages(b->router);
    out->clients = router_clients(b->router);
    out->open = router_open_calls(b->router);
    return 0;
}

int broker_service_start(struct broker *b, struct flux_error *err)
{
    return flux_broker_serve(b->h, &ops, b, err);
}

void broker_service_stop(struct broker *b)
{
    struct watcher *w, *next;

    DL_FOREACH_SAFE(watchers, w, next)
    {
        DL_DELETE(watchers, w);
        free(w);
    }
}
