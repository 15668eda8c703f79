// SPDX-License-Identifier: LGPL-3.0-only
/* The handle: its loop, what comes in and goes out, and what it sends to itself. */
#include "private.h"
#include "thread.h"

#include <errno.h>
#include <unistd.h>

#include <flux/v1/envelope.pb-c.h>

static void on_idle(uv_idle_t *idle);

static void on_walk(uv_handle_t *handle, void *arg)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

struct flux *handle_new(uv_loop_t *loop)
{
    struct flux *h = flux_alloc(sizeof(*h));

    h->loop = loop;
    if (!loop) {
        h->loop = &h->own_loop;
        h->owns_loop = true;
        uv_loop_init(h->loop);
    }
    h->userid = h->owner = FLUX_USERID_UNKNOWN;
    uv_idle_init(h->loop, &h->idle);
    h->idle.data = h;
    h->debug = debug_wanted();
    h->name = flux_strdup(program_invocation_short_name);
    return h;
}

struct flux *flux_open_loop(void)
{
    struct flux *h = handle_new(NULL);

    h->size = 1;
    h->userid = h->owner = getuid();
    h->roles = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL;
    h->have_hello = true;
    return h;
}

static void free_list(struct flux_msg *list)
{
    while (list) {
        struct flux_msg *m = list;
        list = m->next;
        flux_msg_free(m);
    }
}

static void on_idle_closed(uv_handle_t *handle)
{
    struct flux *h = handle->data;

    free(h->name);
    free(h->uri);
    json_decref(h->attrs);
    free(h);
}

void flux_close(struct flux *h)
{
    uv_loop_t *loop = h->loop;
    bool owns_loop = h->owns_loop;

    /* A module's port is gone by now: nothing may be sent to the router on its behalf. */
    if (h->env && h->conn) {
        h->conn->ops->close(h->conn);
        h->conn = NULL;
        h->lost = -ENOSYS;
    }
    service_done(h);
    futures_done(h);
    signer_done(h);
    if (h->conn)
        h->conn->ops->close(h->conn);
    h->conn = NULL;
    free_list(h->self_head);
    if (!owns_loop) {
        uv_close((uv_handle_t *)&h->idle, on_idle_closed);
        return;
    }
    uv_close((uv_handle_t *)&h->idle, NULL);
    uv_walk(loop, on_walk, NULL);
    while (uv_run(loop, UV_RUN_DEFAULT))
        ;
    uv_loop_close(loop);
    on_idle_closed((uv_handle_t *)&h->idle);
}

uv_loop_t *flux_loop(struct flux *h)
{
    return h->loop;
}

int flux_run(struct flux *h)
{
    int alive = 1;

    h->stopped = false;
    while (!h->stopped && alive)
        alive = uv_run(h->loop, UV_RUN_DEFAULT);
    h->stopped = false;
    return 0;
}

void flux_stop(struct flux *h)
{
    h->stopped = true;
    uv_stop(h->loop);
}

/* The loop stays alive while an answer is outstanding or a service is offered. */
void handle_update_alive(struct flux *h)
{
    if (h->conn)
        h->conn->ops->keep_alive(h->conn, h->open_calls > 0 || h->services);
}

void handle_wake(struct flux *h)
{
    if (!h->idle_on) {
        h->idle_on = true;
        uv_idle_start(&h->idle, on_idle);
    }
}

static void on_idle(uv_idle_t *idle)
{
    struct flux *h = idle->data;
    struct flux_msg *list = h->self_head;

    h->self_head = h->self_tail = NULL;
    while (list) {
        struct flux_msg *m = list;
        list = m->next;
        m->next = NULL;
        handle_receive(h, m, true);
    }
    futures_run_due(h);
    if (!h->self_head && !h->due) {
        h->idle_on = false;
        uv_idle_stop(&h->idle);
    }
}

void handle_send(struct flux *h, struct flux_msg *m, bool self)
{
    m->next = NULL;
    if (h->debug)
        debug_message(h, m, true, self);
    if (self || (!h->conn && !h->lost)) {
        if (h->self_tail)
            h->self_tail->next = m;
        else
            h->self_head = m;
        h->self_tail = m;
        handle_wake(h);
    } else if (h->conn)
        h->conn->ops->send(h->conn, m);
    else
        flux_msg_free(m);
}

static void receive_hello(struct flux *h, struct flux_msg *m);

void handle_receive(struct flux *h, struct flux_msg *m, bool self)
{
    if (h->debug)
        debug_message(h, m, false, self);
    if (m->kind == FLUX_MSG_REQUEST)
        service_request(h, m, self);
    else if (m->kind == FLUX_MSG_RESPONSE)
        futures_receive(h, m);
    else if (m->control == FLUX_MSG_HELLO)
        receive_hello(h, m);
    else
        service_control(h, m, self);
}

void handle_lost(struct flux *h, int r, const char *text)
{
    if (h->lost)
        return;
    h->lost = r ? r : -ECONNRESET;
    flux_error_set(&h->lost_error, r, "%s", text);
    service_cancel_all(h);
    futures_fail_all(h, h->lost, text);
    if (h->on_lost)
        h->on_lost(h, h->on_lost_arg);
}

void flux_on_lost(struct flux *h, void (*cb)(struct flux *h, void *arg), void *arg)
{
    h->on_lost = cb;
    h->on_lost_arg = arg;
}

void flux_set_reconnect(struct flux *h, double seconds)
{
    h->reconnect = seconds;
}

void flux_on_reconnect(struct flux *h, void (*cb)(struct flux *h, void *arg), void *arg)
{
    h->on_reconnect = cb;
    h->on_reconnect_arg = arg;
}

/* --- who we are and where --- */

static void receive_hello(struct flux *h, struct flux_msg *m)
{
    Flux__V1__Hello *hello;

    if (m->status)
        handle_lost(h, -(int)m->status, m->text ? m->text : "the broker refuses the connection");
    hello =
        (void *)protobuf_c_message_unpack(&flux__v1__hello__descriptor, NULL, m->body_len, m->body);
    if (hello && !m->status) {
        h->rank = hello->rank;
        h->size = hello->size;
        h->userid = hello->userid;
        h->owner = hello->owner;
        h->roles = hello->roles;
        h->have_hello = true;
    }
    if (hello)
        protobuf_c_message_free_unpacked(&hello->base, NULL);
    flux_msg_free(m);
}

static void need_hello(struct flux *h)
{
    if (h->have_hello || h->lost || !h->conn)
        return;
    h->conn->ops->keep_alive(h->conn, true);
    while (!h->have_hello && !h->lost && uv_run(h->loop, UV_RUN_ONCE))
        ;
    handle_update_alive(h);
}

uint32_t flux_rank(struct flux *h)
{
    need_hello(h);
    return h->rank;
}

uint32_t flux_size(struct flux *h)
{
    need_hello(h);
    return h->size;
}

uint32_t flux_owner(struct flux *h)
{
    need_hello(h);
    return h->owner;
}

uint32_t flux_userid(struct flux *h)
{
    need_hello(h);
    return h->userid;
}

uint32_t flux_roles(struct flux *h)
{
    need_hello(h);
    return h->roles;
}
