// SPDX-License-Identifier: LGPL-3.0-only
/* Service Trace: messages as the router hands them over. The tap is set while somebody looks. */
#include <fnmatch.h>
#include <utlist.h>

#include <flux/v1/trace_service.h>

#include "broker.h"

#define PREFIX "flux.v1."
#define BODY_MAX (64u << 10) /* bytes of a body that are shown; longer ones do not decode */

FLUX_TRACE_HANDLERS(trace);
static const struct flux_trace_ops ops = FLUX_TRACE_OPS(trace);

struct watcher {
    struct flux_call *call;
    const flux_trace_watch_request *in;
    struct watcher *next, *prev;
};
static struct watcher *watchers; /* one broker a process; its main thread alone */

static const char *kind_name(const struct flux_msg *m)
{
    static const char *const names[] = {"?", "request", "response", "control"};

    return names[m->kind < FLUX_ARRAY_SIZE(names) ? m->kind : 0];
}

static bool is_peer(const struct watcher *w, const struct port *p)
{
    if (w->in->n_modules == 0)
        return p->kind == PORT_PARENT || p->kind == PORT_CHILD;
    for (size_t i = 0; i < w->in->n_modules; i++)
        if (p->kind == PORT_MODULE && strcmp(w->in->modules[i], p->name) == 0)
            return true;
    return false;
}

static bool is_kind(const struct watcher *w, const char *kind)
{
    for (size_t i = 0; i < w->in->n_kinds; i++)
        if (strcmp(w->in->kinds[i], kind) == 0)
            return true;
    return w->in->n_kinds == 0;
}

static bool is_method(const struct watcher *w, const char *method)
{
    for (size_t i = 0; i < w->in->n_methods; i++)
        if (fnmatch(w->in->methods[i], method, 0) == 0)
            return true;
    return w->in->n_methods == 0;
}

static void show(const struct watcher *w, const struct port *p, bool out, const char *method,
                 const struct flux_msg *m)
{
    flux_trace_watch_response item = FLUX_TRACE_WATCH_RESPONSE_INIT;

    item.timestamp = flux_walltime();
    item.peer = p->name;
    item.sent = p->kind == PORT_MODULE ? !out : out;
    item.kind = kind_name(m);
    item.method = method;
    item.tag = m->tag;
    item.status = m->status;
    item.more = m->more;
    item.size = m->body_len;
    if (w->in->full && m->body_len <= BODY_MAX) {
        item.body.data = (uint8_t *)m->body;
        item.body.len = m->body_len;
    }
    flux_trace_watch_send(w->call, &item);
}

static void on_message(void *arg, const struct port *p, bool out, const char *method,
                       const struct flux_msg *m)
{
    struct watcher *w;

    if (strncmp(method, PREFIX, strlen(PREFIX)) == 0)
        method += strlen(PREFIX);
    if (strncmp(method, "Trace/", 6) == 0)
        return;
    DL_FOREACH(watchers, w)
    {
        if (is_peer(w, p) && is_kind(w, kind_name(m)) && is_method(w, method))
            show(w, p, out, method, m);
    }
}

static void on_cancel(struct flux_call *call, void *arg)
{
    struct broker *b = flux_call_data(call);
    struct watcher *w = arg;

    DL_DELETE(watchers, w);
    free(w);
    if (!watchers)
        router_set_tap(b->router, NULL, NULL);
}

int trace_watch(struct flux_call *call, const flux_trace_watch_request *in)
{
    struct broker *b = flux_call_data(call);
    struct watcher *w;

    for (size_t i = 0; i < in->n_modules; i++)
        if (!modhost_has(b->modhost, in->modules[i]))
            return flux_call_fail(call, ENOENT, "no module %.64s is loaded", in->modules[i]);
    w = flux_alloc(sizeof(*w));
    w->call = call;
    w->in = in;
    DL_APPEND(watchers, w);
    flux_call_on_cancel(call, on_cancel, w);
    router_set_tap(b->router, on_message, NULL);
    return FLUX_CALL_LATER;
}

int trace_service_start(struct broker *b, struct flux_error *err)
{
    return flux_trace_serve(b->h, &ops, b, err);
}

void trace_service_stop(struct broker *b)
{
    struct watcher *w, *next;

    router_set_tap(b->router, NULL, NULL);
    DL_FOREACH_SAFE(watchers, w, next)
    {
        DL_DELETE(watchers, w);
        free(w);
    }
}
