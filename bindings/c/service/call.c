// SPDX-License-Identifier: LGPL-3.0-only
/* What a handler can do with a call. Every call with a tag gets exactly one final answer. */
#include "private.h"

#include <stdatomic.h>

struct flux *flux_call_handle(struct flux_call *call)
{
    return call->h;
}

void *flux_call_data(struct flux_call *call)
{
    return call->reg->data;
}

uint32_t flux_call_userid(struct flux_call *call)
{
    return call->request->userid;
}

uint32_t flux_call_roles(struct flux_call *call)
{
    return call->request->roles;
}

const char *flux_call_method(struct flux_call *call)
{
    return call->method->method->name;
}

const uint32_t *flux_call_route(struct flux_call *call, size_t *count)
{
    *count = call->request->nroute;
    return call->request->route;
}

bool flux_call_is_owner(struct flux_call *call)
{
    return call->request->roles & FLUX_ROLE_OWNER;
}

bool flux_call_may_act_for(struct flux_call *call, uint32_t userid)
{
    return flux_call_is_owner(call) ||
           (call->request->userid == userid && userid != FLUX_USERID_UNKNOWN);
}

bool flux_call_is_admin(struct flux_call *call)
{
    return call->request->roles & (FLUX_ROLE_OWNER | FLUX_ROLE_ADMIN);
}

bool flux_call_is_private(struct flux_call *call)
{
    return !flux_call_is_admin(call) && json_is_true(flux_conf_get(call->h, "access.private-mode"));
}

bool flux_call_may_manage(struct flux_call *call, uint32_t userid)
{
    return flux_call_is_admin(call) || flux_call_may_act_for(call, userid);
}

void *flux_call_alloc(struct flux_call *call, size_t size)
{
    return flux_arena_alloc(&call->arena, size);
}

char *flux_call_strdup(struct flux_call *call, const char *s)
{
    return flux_arena_strdup(&call->arena, s);
}

static char *arena_vprintf(struct flux_call *call, const char *fmt, va_list ap)
{
    FLUX_AUTO_STR s = flux_vprintf(fmt, ap);

    return flux_arena_strdup(&call->arena, s);
}

char *flux_call_printf(struct flux_call *call, const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = arena_vprintf(call, fmt, ap);
    va_end(ap);
    return s;
}

ProtobufCAllocator *flux_call_allocator(struct flux_call *call)
{
    return &call->arena.allocator;
}

int flux_call_fail(struct flux_call *call, int errnum, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    call->fail_text = arena_vprintf(call, fmt, ap);
    va_end(ap);
    return -errnum;
}

static struct flux_msg *response(struct flux_call *call)
{
    struct flux_msg *m = flux_msg_new(FLUX_MSG_RESPONSE);

    m->tag = call->key.tag;
    return m;
}

void call_answer(struct flux_call *call, int r, const ProtobufCMessage *out)
{
    struct flux_msg *m;

    if (call->answered)
        return;
    call->answered = true;
    if (r < 0)
        atomic_fetch_add_explicit(&call->stats->errors, 1, memory_order_relaxed);
    if (!call->key.tag)
        return;
    m = response(call);
    if (r < 0) {
        m->status = -r;
        flux_msg_set_text(m, call->fail_text);
    } else if (out)
        flux_msg_set_body(m, pack(out));
    handle_send(call->h, m, call->key.self == 1);
}

void call_keep(struct flux_call *call)
{
    call->kept = true;
    atomic_fetch_add_explicit(&call->stats->open, 1, memory_order_relaxed);
    HASH_ADD(hh, call->h->calls, key, sizeof(call->key), call);
}

void call_free(struct flux_call *call)
{
    if (call->kept) {
        HASH_DEL(call->h->calls, call);
        atomic_fetch_sub_explicit(&call->stats->open, 1, memory_order_relaxed);
    }
    if (call->counted)
        quota_release(call->h, call->method->method, call->request->userid, call->bytes);
    flux_msg_free(call->request);
    flux_arena_reset(&call->arena);
    free(call);
}

int flux_call_reply(struct flux_call *call, const ProtobufCMessage *out)
{
    call_answer(call, 0, out);
    call_free(call);
    return 0;
}

void flux_call_finish(struct flux_call *call)
{
    call_answer(call, 0, NULL);
    call_free(call);
}

void flux_call_error(struct flux_call *call, int errnum, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (fmt)
        call->fail_text = arena_vprintf(call, fmt, ap);
    va_end(ap);
    call_answer(call, -errnum, NULL);
    call_free(call);
}

int flux_call_send(struct flux_call *call, const ProtobufCMessage *item)
{
    struct flux_msg *m;

    if (call->answered || !call->key.tag)
        return 0;
    m = response(call);
    m->more = true;
    flux_msg_set_body(m, pack(item));
    if (call->flow)
        call->credit -= (int64_t)m->body_len;
    handle_send(call->h, m, call->key.self == 1);
    return 0;
}

int64_t flux_call_credit(struct flux_call *call)
{
    return call->flow ? call->credit : INT64_MAX;
}

void flux_call_on_credit(struct flux_call *call, void (*cb)(struct flux_call *call, void *arg),
                         void *arg)
{
    call->on_credit = cb;
    call->on_credit_arg = arg;
}

void flux_call_on_cancel(struct flux_call *call, void (*cb)(struct flux_call *call, void *arg),
                         void *arg)
{
    call->on_cancel = cb;
    call->on_cancel_arg = arg;
}

void flux_call_set_aux(struct flux_call *call, void *aux)
{
    call->aux = aux;
}

void *flux_call_aux(struct flux_call *call)
{
    return call->aux;
}
