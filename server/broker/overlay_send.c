// SPDX-License-Identifier: LGPL-3.0-only
/* What goes out. ZeroMQ takes messages up to its high water mark; what it does not take waits here,
 * in order, up to a ceiling in bytes: no neighbour can make us grow without bound. */
#include "overlay_peer.h"

#include <stdatomic.h>
#include <utlist.h>

#include <flux/buf.h>

#define RETRY_MS 5

struct flux_bytes *overlay_encode(const struct flux_msg *m)
{
    size_t head_max = flux_msg_head_size(m);
    struct flux_bytes *bytes = flux_bytes_new(head_max + m->body_len + 1);
    struct flux_buf b = {.data = (char *)bytes->data, .cap = head_max + 1, .max = head_max};

    /* The buffer never grows: head_size is an upper bound, and the head comes first. */
    flux_msg_encode_head(m, &b);
    if (m->body_len)
        memcpy(bytes->data + b.len, m->body, m->body_len);
    bytes->len = b.len + m->body_len;
    return bytes;
}

struct overlay_gauge *overlay_gauge_new(void)
{
    struct overlay_gauge *g = flux_alloc(sizeof(*g));

    atomic_init(&g->refs, 1);
    return g;
}

void overlay_gauge_unref(struct overlay_gauge *g)
{
    if (g && atomic_fetch_sub(&g->refs, 1) == 1)
        free(g);
}

/* A message in ZeroMQ's hands. */
struct flight {
    struct flux_bytes *bytes;
    struct overlay_gauge *gauge;
};

static void release(void *data, void *hint)
{
    struct flight *f = hint;

    if (f->gauge)
        atomic_fetch_sub(&f->gauge->bytes, f->bytes->len);
    overlay_gauge_unref(f->gauge);
    flux_bytes_unref(f->bytes);
    free(f);
}

static void take_off(zmq_msg_t *msg, struct flux_bytes *bytes, struct overlay_gauge *gauge)
{
    struct flight *f = flux_alloc(sizeof(*f));

    f->bytes = flux_bytes_ref(bytes);
    f->gauge = gauge;
    if (gauge) {
        atomic_fetch_add(&gauge->refs, 1);
        atomic_fetch_add(&gauge->bytes, bytes->len);
    }
    zmq_msg_init_data(msg, bytes->data, bytes->len, release, f);
}

int overlay_write(struct overlay_link *l, const void *id, size_t id_len, struct flux_bytes *bytes,
                  struct overlay_gauge *gauge)
{
    struct overlay_sock *s = id ? &l->router : &l->dealer;
    zmq_msg_t msg;

    if (!s->open)
        return -EHOSTUNREACH;
    if (gauge && atomic_load(&gauge->bytes) > OVERLAY_FLIGHT_MAX)
        return -EAGAIN;
    s->dirty = true;
    if (id && zmq_send(s->zsock, id, id_len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EAGAIN ? -EAGAIN : -EHOSTUNREACH;
    if (bytes->len <= 1024) {
        if (zmq_send(s->zsock, bytes->data, bytes->len, ZMQ_DONTWAIT) < 0)
            return errno == EAGAIN ? -EAGAIN : -EHOSTUNREACH;
        flux_bytes_unref(bytes);
        return 0;
    }
    take_off(&msg, bytes, gauge);
    if (zmq_msg_send(&msg, s->zsock, ZMQ_DONTWAIT) < 0) {
        int e = errno;
        zmq_msg_close(&msg);
        return e == EAGAIN ? -EAGAIN : -EHOSTUNREACH;
    }
    flux_bytes_unref(bytes);
    return 0;
}

static bool queue(struct overlay_link *l, struct overlay_peer *p, struct flux_bytes *bytes)
{
    struct overlay_unsent *u;

    if (bytes->len + p->unsent_bytes > l->conf.queue_max) {
        flux_bytes_unref(bytes);
        return false;
    }
    u = flux_alloc(sizeof(*u));
    u->bytes = bytes;
    if (p->unsent_tail)
        p->unsent_tail->next = u;
    else
        p->unsent = u;
    p->unsent_tail = u;
    p->unsent_bytes += bytes->len + sizeof(*u);
    if (!uv_is_active((uv_handle_t *)&l->retry))
        uv_timer_start(&l->retry, overlay_send_retry, RETRY_MS, RETRY_MS);
    return true;
}

bool overlay_send_peer(struct overlay_link *l, struct overlay_peer *p, struct flux_bytes *bytes)
{
    int r = -EAGAIN;

    p->spoke = flux_monotime();
    if (!p->unsent)
        r = overlay_write(l, p->is_parent ? NULL : p->id, p->id_len, bytes, p->gauge);
    if (r == -EAGAIN)
        return queue(l, p, bytes);
    if (r < 0)
        flux_bytes_unref(bytes);
    return r == 0;
}

/* Send on what waits for this peer; true if nothing is left. */
static bool send_waiting(struct overlay_link *l, struct overlay_peer *p)
{
    while (p->unsent) {
        struct overlay_unsent *u = p->unsent;
        size_t len = u->bytes->len;
        int r = overlay_write(l, p->is_parent ? NULL : p->id, p->id_len, u->bytes, p->gauge);
        if (r == -EAGAIN)
            return false;
        if (r < 0)
            flux_bytes_unref(u->bytes);
        p->unsent = u->next;
        if (!p->unsent)
            p->unsent_tail = NULL;
        p->unsent_bytes -= len + sizeof(*u);
        free(u);
    }
    return true;
}

void overlay_send_retry(uv_timer_t *t)
{
    struct overlay_link *l = t->data;
    struct overlay_peer *p, *next;
    bool done = true;

    if (l->parent && !send_waiting(l, l->parent))
        done = false;
    HASH_ITER (hh, l->by_id, p, next)
        if (!send_waiting(l, p))
            done = false;
    if (done)
        uv_timer_stop(t);
}

void overlay_peer_done(struct overlay_peer *p)
{
    while (p->unsent) {
        struct overlay_unsent *u = p->unsent;
        p->unsent = u->next;
        flux_bytes_unref(u->bytes);
        free(u);
    }
    p->unsent_tail = NULL;
    p->unsent_bytes = 0;
    overlay_gauge_unref(p->gauge);
    p->gauge = NULL;
}

void overlay_send_control(struct overlay_link *l, const void *id, size_t id_len, int control,
                          int status, const char *text, struct flux_bytes *body)
{
    FLUX_AUTO(msg) m = flux_msg_new(FLUX_MSG_CONTROL);
    struct flux_bytes *bytes;

    m->control = control;
    m->status = status;
    flux_msg_set_text(m, text);
    flux_msg_set_body(m, body);
    bytes = overlay_encode(m);
    if (overlay_write(l, id, id_len, bytes, NULL) < 0)
        flux_bytes_unref(bytes);
}

int overlay_link_send(struct overlay_link *l, uint32_t rank, struct flux_msg *m)
{
    struct overlay_peer *p = NULL;
    struct flux_bytes *bytes;

    if (l->parent && rank == l->parent->rank)
        p = l->parent;
    else
        HASH_FIND(hh_rank, l->by_rank, &rank, sizeof(rank), p);
    if (!p || l->said_goodbye) {
        flux_msg_free(m);
        return -EHOSTUNREACH;
    }
    bytes = overlay_encode(m);
    flux_msg_free(m);
    if (!overlay_send_peer(l, p, bytes)) {
        /* Not from inside the sender's call: it is dropped at the next turn of the loop. */
        p->closing = true;
        p->why = "does not read what it is sent";
        l->router.dirty = l->dealer.dirty = true;
        return -EHOSTUNREACH;
    }
    return 0;
}
