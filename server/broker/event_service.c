// SPDX-License-Identifier: LGPL-3.0-only
/* Service Event. Rank 0 numbers what is published and sends it to its subscribers; a broker below
 * subscribes at its parent to what its own subscribers want, once for each prefix. Streams of one
 * parent keep the order of events, so an event that comes over two of them is known by its number.
 */
#include <utlist.h>

#include <flux/v1/event_service.h>

#include "broker.h"

#define TOPIC_MAX 255

FLUX_EVENT_HANDLERS(event);
static const struct flux_event_ops ops = FLUX_EVENT_OPS(event);

struct upstream {
    char *prefix;
    struct flux_future *f;
    bool stands;
    unsigned users;
    struct upstream *next, *prev;
};

struct subscriber {
    struct flux_call *call;
    char *prefix;
    struct upstream *up; /* NULL at rank 0 */
    bool told;
    struct subscriber *next, *prev;
};

static struct {
    struct broker *b;
    struct subscriber *subscribers;
    struct upstream *upstreams;
    uint64_t seq; /* rank 0: of the last published; elsewhere: of the last one passed on */
} ev;             /* one broker a process; its main thread alone */

static void distribute(const flux_event_subscribe_response *item)
{
    struct subscriber *s;

    DL_FOREACH(ev.subscribers, s)
    if (strncmp(item->topic, s->prefix, strlen(s->prefix)) == 0)
        flux_event_subscribe_send(s->call, item);
}

/* --- publish --- */

static void on_published(struct flux_future *f, void *arg)
{
    const flux_event_publish_response *up;
    struct flux_call *call = arg;
    struct flux_error err;
    int r = flux_event_publish_result(f, &up, &err);

    if (r < 0)
        flux_call_error(call, -r, "%s", err.text);
    else
        flux_event_publish_reply(call, up);
    flux_future_free(f);
}

int event_publish(struct flux_call *call, const flux_event_publish_request *in,
                  flux_event_publish_response *out)
{
    flux_event_subscribe_response item = FLUX_EVENT_SUBSCRIBE_RESPONSE_INIT;

    if (!*in->topic || strlen(in->topic) > TOPIC_MAX)
        return flux_call_fail(call, EINVAL, "an event topic has 1 to %d bytes", TOPIC_MAX);
    if (ev.b->rank > 0) {
        flux_future_then(flux_event_publish_async(ev.b->h, FLUX_UPSTREAM, in), on_published, call);
        return FLUX_CALL_LATER;
    }
    item.topic = in->topic;
    item.payload = in->payload;
    item.private_ = in->private_;
    item.userid = flux_call_userid(call);
    item.seq = out->seq = ++ev.seq;
    distribute(&item);
    return 0;
}

/* --- subscribe --- */

static void tell(struct subscriber *s)
{
    flux_event_subscribe_response item = FLUX_EVENT_SUBSCRIBE_RESPONSE_INIT;

    if (!s->told)
        flux_event_subscribe_send(s->call, &item);
    s->told = true;
}

static void drop(struct subscriber *s)
{
    struct upstream *up = s->up;

    DL_DELETE(ev.subscribers, s);
    free(s->prefix);
    free(s);
    if (!up || --up->users)
        return;
    DL_DELETE(ev.upstreams, up);
    flux_future_free(up->f);
    free(up->prefix);
    free(up);
}

static void on_cancel(struct flux_call *call, void *arg)
{
    drop(arg);
}

/* The stream from the parent has ended: so do those that hang on it. */
static void upstream_ended(struct upstream *up, int r, const char *text)
{
    struct subscriber *s, *next;

    up->users++; /* stays until the loop is over */
    DL_FOREACH_SAFE(ev.subscribers, s, next)
    if (s->up == up) {
        struct flux_call *call = s->call;
        drop(s);
        flux_call_error(call, -r, "%s", text);
    }
    DL_DELETE(ev.upstreams, up);
    flux_future_free(up->f);
    free(up->prefix);
    free(up);
}

static void on_upstream(struct flux_future *f, void *arg)
{
    const flux_event_subscribe_response *item;
    struct upstream *up = arg;
    struct flux_error err;
    struct subscriber *s;
    int r = flux_event_subscribe_result(f, &item, &err);

    if (r < 0) {
        upstream_ended(up, r == -ENODATA ? -ECONNRESET : r, err.text);
        return;
    }
    if (!*item->topic) {
        up->stands = true;
        DL_FOREACH(ev.subscribers, s)
        if (s->up == up)
            tell(s);
    } else if (item->seq > ev.seq) {
        ev.seq = item->seq;
        distribute(item);
    }
}

static struct upstream *upstream_for(const char *prefix)
{
    flux_event_subscribe_request in = FLUX_EVENT_SUBSCRIBE_REQUEST_INIT;
    struct upstream *up;

    DL_FOREACH(ev.upstreams, up)
    if (strcmp(up->prefix, prefix) == 0)
        return up;
    up = flux_alloc(sizeof(*up));
    up->prefix = flux_strdup(prefix);
    in.prefix = up->prefix;
    up->f = flux_event_subscribe_stream(ev.b->h, FLUX_UPSTREAM, &in);
    DL_APPEND(ev.upstreams, up);
    flux_future_then(up->f, on_upstream, up);
    return up;
}

int event_subscribe(struct flux_call *call, const flux_event_subscribe_request *in)
{
    struct subscriber *s;

    if (strlen(in->prefix) > TOPIC_MAX)
        return flux_call_fail(call, EINVAL, "an event topic has 1 to %d bytes", TOPIC_MAX);
    s = flux_alloc(sizeof(*s));
    s->call = call;
    s->prefix = flux_strdup(in->prefix);
    DL_APPEND(ev.subscribers, s);
    flux_call_on_cancel(call, on_cancel, s);
    if (ev.b->rank > 0) {
        s->up = upstream_for(in->prefix);
        s->up->users++;
    }
    if (!s->up || s->up->stands)
        tell(s);
    return FLUX_CALL_LATER;
}

int event_service_start(struct broker *b, struct flux_error *err)
{
    ev.b = b;
    return flux_event_serve(b->h, &ops, b, err);
}

void event_service_stop(struct broker *b)
{
    while (ev.subscribers)
        drop(ev.subscribers);
}
