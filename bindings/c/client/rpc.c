// SPDX-License-Identifier: LGPL-3.0-only
/* Calls and their futures. A tag belongs to a future until the final answer has come, even when
 * the future was freed before: so an answer never meets the wrong call. */
#include "private.h"

#include <utlist.h>

struct flux_future {
    struct flux *h;
    const struct flux_method *method;
    uint32_t tag; /* 0: answered locally (an error), or done */
    bool self;    /* the service is on this same handle */
    bool orphan;  /* freed by its owner, waits for the final answer */
    bool in_callback, freed, is_due;
    bool loaded;    /* a present answer: r, err, msg */
    bool final;     /* the present answer is the last one */
    bool delivered; /* and the callback has had it */
    bool expired;   /* timed out: what still comes is dropped */
    bool raw;       /* bodies are not decoded: the present one is in `body` */
    struct flux_msg *body;
    int r;
    struct flux_error err;
    const ProtobufCMessage *msg;
    size_t size;
    struct flux_arena arena;
    struct flux_msg *head, *tail; /* answers that came and were not looked at yet */
    struct flux_msg *request;     /* kept to be sent again after a reconnect */
    flux_then_f then;
    void *arg;
    uv_timer_t *timer;
    struct flux_future *next_due, *prev;
};

/* --- tags --- */

static void grow_slots(struct flux *h)
{
    uint32_t n = h->nslots ? h->nslots * 2 : 16;

    h->slots = flux_realloc(h->slots, n, sizeof(*h->slots));
    h->next_free = flux_realloc(h->next_free, n, sizeof(*h->next_free));
    for (uint32_t i = n; i > h->nslots; i--) {
        h->slots[i - 1] = NULL;
        h->next_free[i - 1] = h->free_slot;
        h->free_slot = i;
    }
    h->nslots = n;
}

static void take_tag(struct flux_future *f)
{
    struct flux *h = f->h;

    if (!h->free_slot)
        grow_slots(h);
    f->tag = h->free_slot;
    h->free_slot = h->next_free[f->tag - 1];
    h->slots[f->tag - 1] = f;
    h->open_calls++;
    handle_update_alive(h);
}

static void drop_tag(struct flux_future *f)
{
    struct flux *h = f->h;

    if (!f->tag)
        return;
    h->slots[f->tag - 1] = NULL;
    h->next_free[f->tag - 1] = h->free_slot;
    h->free_slot = f->tag;
    f->tag = 0;
    h->open_calls--;
    handle_update_alive(h);
}

/* --- futures --- */

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

static void stop_timer(struct flux_future *f)
{
    if (f->timer)
        uv_close((uv_handle_t *)f->timer, on_timer_closed);
    f->timer = NULL;
}

static void destroy(struct flux_future *f)
{
    drop_tag(f);
    stop_timer(f);
    while (f->head) {
        struct flux_msg *m = f->head;
        f->head = m->next;
        flux_msg_free(m);
    }
    flux_msg_free(f->request);
    flux_msg_free(f->body);
    flux_arena_reset(&f->arena);
    free(f);
}

static void remove_due(struct flux_future *f)
{
    if (f->is_due)
        DL_DELETE2(f->h->due, f, prev, next_due);
    f->is_due = false;
}

static void add_due(struct flux_future *f)
{
    if (f->is_due)
        return;
    f->is_due = true;
    DL_APPEND2(f->h->due, f, prev, next_due);
    handle_wake(f->h);
}

static struct flux_msg *control(struct flux_future *f, enum flux_msg_control kind)
{
    struct flux_msg *m = flux_msg_new(FLUX_MSG_CONTROL);

    m->control = kind;
    m->tag = f->tag;
    return m;
}

void flux_future_free(struct flux_future *f)
{
    if (!f || f->freed)
        return;
    remove_due(f);
    f->then = NULL;
    stop_timer(f);
    if (f->tag && !f->orphan) {
        handle_send(f->h, control(f, FLUX_MSG_CANCEL), f->self);
        f->orphan = true;
    }
    if (f->in_callback)
        f->freed = true;
    else if (!f->tag)
        destroy(f);
}

static void push_answer(struct flux_future *f, struct flux_msg *m)
{
    m->next = NULL;
    if (f->tail && f->head)
        f->tail->next = m;
    else
        f->head = m;
    f->tail = m;
}

static void push_error(struct flux_future *f, int r, const char *text)
{
    struct flux_msg *m = flux_msg_new(FLUX_MSG_RESPONSE);

    m->status = -r;
    flux_msg_set_text(m, text);
    push_answer(f, m);
}

static void load_body(struct flux_future *f, struct flux_msg *m)
{
    f->msg =
        protobuf_c_message_unpack(f->method->response, &f->arena.allocator, m->body_len, m->body);
    if (!f->msg)
        f->r = flux_error_set(&f->err, -EPROTO, "%s: the answer does not decode", f->method->name);
}

/* Make the oldest answer the present one. */
static void load(struct flux_future *f)
{
    struct flux_msg *m = f->head;

    f->head = m->next;
    f->loaded = true;
    f->final = !m->more;
    f->r = -(int)m->status;
    f->msg = NULL;
    f->size = m->body_len;
    f->err.text[0] = '\0';
    if (m->status)
        flux_error_set(&f->err, f->r, "%s", m->text ? m->text : strerror(m->status));
    else if (f->method->stream && f->final)
        f->r = flux_error_set(&f->err, -ENODATA, "%s: end of stream", f->method->name);
    else if (f->raw) {
        f->body = m;
        return;
    } else
        load_body(f, m);
    flux_msg_free(m);
}

static void unload(struct flux_future *f)
{
    if (f->loaded && !f->final) {
        flux_arena_reset(&f->arena);
        flux_msg_free(f->body);
        f->body = NULL;
        f->loaded = false;
        f->msg = NULL;
    }
}

static void deliver(struct flux_future *f)
{
    f->in_callback = true;
    while (f->then && !f->freed && !f->delivered && (f->head || f->loaded)) {
        if (!f->loaded)
            load(f);
        f->delivered = f->final;
        f->then(f, f->arg);
        if (!f->freed)
            unload(f);
    }
    f->in_callback = false;
    if (f->freed && !f->tag)
        destroy(f);
    else if (f->freed)
        f->freed = false; /* an orphan now: goes with the final answer */
}

void futures_run_due(struct flux *h)
{
    struct flux_future *last = h->due ? h->due->prev : NULL, *f = NULL;

    while (h->due && f != last) {
        f = h->due;
        remove_due(f);
        deliver(f);
    }
}

void futures_receive(struct flux *h, struct flux_msg *m)
{
    struct flux_future *f = m->tag && m->tag <= h->nslots ? h->slots[m->tag - 1] : NULL;

    if (!f) {
        flux_msg_free(m);
        return;
    }
    if (!m->more)
        drop_tag(f);
    if (f->orphan) {
        flux_msg_free(m);
        if (!f->tag && !f->in_callback)
            destroy(f);
        return;
    }
    if (f->expired) {
        flux_msg_free(m);
        return;
    }
    if (!m->more)
        stop_timer(f);
    push_answer(f, m);
    if (f->then && !f->in_callback && !f->is_due)
        deliver(f);
}

const struct flux_method *futures_method_of(struct flux *h, uint32_t tag)
{
    struct flux_future *f = tag && tag <= h->nslots ? h->slots[tag - 1] : NULL;

    return f ? f->method : NULL;
}

/* Each open call fails; callbacks come from the loop. Orphans go. */
void futures_fail_all(struct flux *h, int r, const char *text)
{
    for (uint32_t i = 0; i < h->nslots; i++) {
        struct flux_future *f = h->slots[i];
        if (!f || f->self)
            continue;
        drop_tag(f);
        stop_timer(f);
        if (f->orphan) {
            if (!f->in_callback)
                destroy(f);
            continue;
        }
        push_error(f, r, text);
        if (f->then)
            add_due(f);
    }
}

void futures_resend(struct flux *h, bool idempotent_only)
{
    for (uint32_t i = 0; i < h->nslots; i++) {
        struct flux_future *f = h->slots[i];
        if (!f || f->self)
            continue;
        if (f->request && !f->orphan) {
            handle_send(h, flux_msg_copy(f->request), false);
            continue;
        }
        drop_tag(f);
        if (f->orphan && !f->in_callback)
            destroy(f);
        else if (!f->orphan) {
            push_error(f, -ECONNRESET, "the connection to the broker was lost during the call");
            if (f->then)
                add_due(f);
        }
    }
}

void futures_done(struct flux *h)
{
    while (h->due)
        remove_due(h->due);
    for (uint32_t i = 0; i < h->nslots; i++) {
        struct flux_future *f = h->slots[i];
        if (!f)
            continue;
        drop_tag(f);
        stop_timer(f);
        if (f->orphan)
            destroy(f);
        else
            push_error(f, -ECANCELED, "the handle was closed");
    }
    free(h->slots);
    free(h->next_free);
    h->slots = NULL;
    h->nslots = h->free_slot = 0;
}

/* --- calling --- */

static void on_timeout(uv_timer_t *timer)
{
    struct flux_future *f = timer->data;

    stop_timer(f);
    handle_send(f->h, control(f, FLUX_MSG_CANCEL), f->self);
    f->expired = true;
    push_error(f, -ETIMEDOUT, "the call has timed out");
    if (f->then)
        add_due(f);
}

static void start_timer(struct flux_future *f, double seconds)
{
    f->timer = flux_alloc(sizeof(*f->timer));
    uv_timer_init(f->h->loop, f->timer);
    f->timer->data = f;
    uv_timer_start(f->timer, on_timeout, (uint64_t)(seconds * 1000 + 0.5), 0);
}

struct flux_bytes *pack(const ProtobufCMessage *msg)
{
    size_t n = protobuf_c_message_get_packed_size(msg);
    struct flux_bytes *b;

    if (!n)
        return NULL;
    b = flux_bytes_new(n);
    protobuf_c_message_pack(msg, b->data);
    return b;
}

static struct flux_msg *make_request(struct flux *h, struct flux_to to, const struct flux_method *m,
                                     struct flux_bytes *body)
{
    struct flux_msg *msg = flux_msg_new(FLUX_MSG_REQUEST);

    strcpy(msg->method, m->name);
    msg->target = to.target;
    msg->rank = to.rank;
    msg->credit = to.credit;
    msg->userid = h->userid;
    msg->roles = h->roles;
    flux_msg_set_body(msg, body);
    return msg;
}

static bool goes_to_self(struct flux *h, struct flux_to to, const char *method)
{
    bool here = to.target == FLUX_TARGET_ANY ||
                (to.target == FLUX_TARGET_RANK && h->have_hello && to.rank == h->rank);

    return (!h->conn && !h->lost) || (here && h->services && service_find(h, method));
}

static struct flux_future *start(struct flux *h, struct flux_to to, const struct flux_method *m,
                                 struct flux_bytes *body)
{
    struct flux_msg *msg = make_request(h, to, m, body);
    bool self = goes_to_self(h, to, m->name);
    struct flux_future *f;

    if (to.no_answer) {
        handle_send(h, msg, self);
        return NULL;
    }
    f = flux_alloc(sizeof(*f));
    f->h = h;
    f->method = m;
    f->self = self;
    flux_arena_init(&f->arena);
    if (h->lost && !self) {
        push_error(f, h->lost, h->lost_error.text);
        flux_msg_free(msg);
        return f;
    }
    take_tag(f);
    msg->tag = f->tag;
    if (to.timeout > 0)
        start_timer(f, to.timeout);
    if (h->reconnect > 0 && m->idempotent && !self)
        f->request = flux_msg_copy(msg);
    handle_send(h, msg, self);
    return f;
}

struct flux_future *flux_rpc(struct flux *h, struct flux_to to, const struct flux_method *m,
                             const ProtobufCMessage *in)
{
    return start(h, to, m, in ? pack(in) : NULL);
}

struct flux_future *flux_rpc_bytes(struct flux *h, struct flux_to to, const struct flux_method *m,
                                   const void *body, size_t len)
{
    struct flux_future *f = start(h, to, m, len ? flux_bytes_copy(body, len) : NULL);

    if (f)
        f->raw = true;
    return f;
}

void flux_future_then(struct flux_future *f, flux_then_f cb, void *arg)
{
    f->then = cb;
    f->arg = arg;
    if (cb && (f->head || f->loaded) && !f->in_callback)
        add_due(f);
}

bool flux_future_ready(struct flux_future *f)
{
    return f->loaded || f->head;
}

static void on_wait_timeout(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

int flux_future_wait(struct flux_future *f, double seconds)
{
    uv_timer_t *timer = NULL;
    bool expired = false;

    if (flux_future_ready(f))
        return 0;
    if (seconds >= 0) {
        timer = flux_alloc(sizeof(*timer));
        uv_timer_init(f->h->loop, timer);
        timer->data = &expired;
        uv_timer_start(timer, on_wait_timeout, (uint64_t)(seconds * 1000 + 0.5), 0);
    }
    while (!flux_future_ready(f) && !expired && uv_run(f->h->loop, UV_RUN_ONCE))
        ;
    if (timer)
        uv_close((uv_handle_t *)timer, on_timer_closed);
    if (!flux_future_ready(f) && !expired)
        push_error(f, -EDEADLK, "nothing is left that could answer the call");
    return flux_future_ready(f) ? 0 : -ETIMEDOUT;
}

void flux_future_next(struct flux_future *f)
{
    unload(f);
}

int flux_rpc_result(struct flux_future *f, const ProtobufCMessage **out, struct flux_error *err)
{
    if (!f->loaded) {
        if (!f->head)
            flux_future_wait(f, -1);
        load(f);
    }
    if (f->r < 0 && err)
        *err = f->err;
    if (out)
        *out = f->r < 0 ? NULL : f->msg;
    return f->r;
}

int flux_rpc_result_bytes(struct flux_future *f, const void **body, size_t *len,
                          struct flux_error *err)
{
    int r = flux_rpc_result(f, NULL, err);

    *body = f->body ? f->body->body : NULL;
    *len = f->body ? f->body->body_len : 0;
    return r;
}

int flux_rpc_wait(struct flux *h, struct flux_to to, const struct flux_method *m,
                  const ProtobufCMessage *in, ProtobufCMessage **out, struct flux_error *err)
{
    FLUX_AUTO(future) f = flux_rpc(h, to, m, in);
    struct flux_msg *answer;

    if (!f)
        return 0;
    flux_future_wait(f, -1);
    answer = f->head;
    if (answer->status || !out)
        return flux_rpc_result(f, NULL, err);
    *out = protobuf_c_message_unpack(m->response, NULL, answer->body_len, answer->body);
    if (!*out)
        return flux_error_set(err, -EPROTO, "%s: the answer does not decode", m->name);
    return 0;
}

void flux_future_credit(struct flux_future *f, uint32_t bytes)
{
    struct flux_msg *m;

    if (!f->tag || !bytes)
        return;
    m = control(f, FLUX_MSG_CREDIT);
    m->credit = bytes;
    handle_send(f->h, m, f->self);
}

struct flux *flux_future_handle(struct flux_future *f)
{
    return f->h;
}

size_t flux_future_size(struct flux_future *f)
{
    return f->size;
}
