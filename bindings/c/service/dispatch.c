// SPDX-License-Identifier: LGPL-3.0-only
/* From a request to its handler: find the method, check the right, decode, call, answer. */
#include "private.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include <flux/v1/options.h>

static size_t service_length(const char *method)
{
    return strcspn(method, "/");
}

struct registration *service_find(struct flux *h, const char *method)
{
    struct registration *reg;

    HASH_FIND(hh, h->services, method, service_length(method), reg);
    return reg;
}

int flux_service_register(struct flux *h, const struct flux_service *svc, const void *ops,
                          void *data, struct flux_error *err)
{
    struct registration *reg = service_find(h, svc->name);
    int r;

    if (reg)
        return flux_error_set(err, -EEXIST, "service %s is registered already", svc->short_name);
    reg = flux_alloc(sizeof(*reg));
    reg->service = svc;
    reg->ops = ops;
    reg->data = data;
    reg->stats = flux_alloc(svc->count * sizeof(*reg->stats));
    HASH_ADD_KEYPTR(hh, h->services, svc->name, strlen(svc->name), reg);
    handle_update_alive(h);
    if (!h->env)
        return 0;
    r = h->env->on_register(h->env->register_arg, svc, reg->stats, err);
    return r;
}

static const struct flux_service_method *find_method(const struct flux_service *svc,
                                                     const char *name)
{
    for (size_t i = 0; i < svc->count; i++)
        if (strcmp(svc->methods[i].method->name, name) == 0)
            return &svc->methods[i];
    return NULL;
}

static void refuse(struct flux *h, struct flux_msg *m, bool self, int r, const char *fmt, ...)
{
    char text[256];
    struct flux_msg *answer;
    va_list ap;

    if (m->tag) {
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        answer = flux_msg_new(FLUX_MSG_RESPONSE);
        answer->tag = m->tag;
        answer->status = -r;
        flux_msg_set_text(answer, text);
        handle_send(h, answer, self);
    }
    flux_msg_free(m);
}

static bool allowed(const struct flux_method *method, uint32_t roles)
{
    if (roles & FLUX_ROLE_OWNER)
        return true;
    if (method->access == FLUX_ACCESS_ADMIN)
        return roles & FLUX_ROLE_ADMIN;
    return method->access == FLUX_ACCESS_GUEST && roles & (FLUX_ROLE_GUEST | FLUX_ROLE_ADMIN);
}

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

static void count(struct flux_service_stats *stats, uint64_t began)
{
    uint64_t ns = now_ns() - began;

    atomic_fetch_add_explicit(&stats->requests, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&stats->busy_ns, ns, memory_order_relaxed);
    if (ns > atomic_load_explicit(&stats->longest_ns, memory_order_relaxed))
        atomic_store_explicit(&stats->longest_ns, ns, memory_order_relaxed);
}

static int run_handler(struct flux_call *call, const ProtobufCMessage *in)
{
    const struct flux_method *method = call->method->method;
    ProtobufCMessage *out = NULL;
    int r;

    if (!method->stream) {
        out = flux_arena_alloc(&call->arena, method->response->sizeof_message);
        protobuf_c_message_init(method->response, out);
    }
    r = call->method->dispatch(call, call->reg->ops, in, out);
    if (r != FLUX_CALL_LATER)
        call_answer(call, r, out);
    return r;
}

/* Decoding takes memory out of proportion where a body has many tiny or unknown fields: a guest's
 * may become this much and no more. */
struct decode_bound {
    ProtobufCAllocator allocator;
    struct flux_arena *arena;
    size_t left;
};

static size_t most_for(size_t body)
{
    size_t small = 16 * body, large = 4 * body + ((size_t)32 << 20);

    return (small < large ? small : large) + 65536;
}

static void *bounded_alloc(void *data, size_t size)
{
    struct decode_bound *b = data;

    if (size > b->left)
        return NULL;
    b->left -= size;
    return flux_arena_alloc(b->arena, size);
}

static void bounded_free(void *data, void *p)
{
    (void)data;
    (void)p;
}

static ProtobufCMessage *decode(struct flux_call *call)
{
    const ProtobufCMessageDescriptor *type = call->method->method->request;
    const struct flux_msg *m = call->request;
    size_t most = most_for(m->body_len);
    struct decode_bound b = {{bounded_alloc, bounded_free, &b}, &call->arena, most};
    ProtobufCMessage *in;

    if (!call->counted)
        return protobuf_c_message_unpack(type, &call->arena.allocator, m->body_len, m->body);
    in = protobuf_c_message_unpack(type, &b.allocator, m->body_len, m->body);
    quota_add(call->h, m->userid, most - b.left);
    call->bytes += most - b.left;
    return in;
}

static void serve(struct flux *h, struct registration *reg, const struct flux_service_method *sm,
                  struct flux_msg *m, bool self)
{
    struct flux_service_stats *stats = &reg->stats[sm - reg->service->methods];
    struct flux_call *call = flux_alloc(sizeof(*call));
    uint64_t began = now_ns();
    ProtobufCMessage *in;

    call->h = h;
    call->reg = reg;
    call->method = sm;
    call->stats = stats;
    call->request = m;
    call->key = (struct call_key){m->tag, self};
    call->counted = !(m->roles & FLUX_ROLE_OWNER);
    call->bytes = m->body_len;
    call->flow = sm->method->flow && m->credit;
    call->credit = m->credit;
    flux_arena_init(&call->arena);
    in = decode(call);
    /* Kept from the start: the handler may answer before it returns. */
    call_keep(call);
    if (!in) {
        flux_call_error(call, EPROTO, "%s: the request does not decode", sm->method->name);
        count(stats, began);
        return;
    }
    if (run_handler(call, in) != FLUX_CALL_LATER)
        call_free(call);
    count(stats, began);
}

void service_request(struct flux *h, struct flux_msg *m, bool self)
{
    struct registration *reg = service_find(h, m->method);
    const struct flux_service_method *sm = reg ? find_method(reg->service, m->method) : NULL;
    struct call_key key = {m->tag, self};
    struct flux_call *same = NULL;

    if (!reg)
        return refuse(h, m, self, -ENOSYS, "no service offers %s here", m->method);
    if (!sm)
        return refuse(h, m, self, -ENOSYS, "service %s has no method %s", reg->service->short_name,
                      m->method);
    if (!allowed(sm->method, m->roles))
        return refuse(h, m, self, -EPERM, "%s is for the instance owner%s only", m->method,
                      sm->method->access == FLUX_ACCESS_ADMIN ? " and administrators" : "");
    if (sm->method->max_body && m->body_len > sm->method->max_body)
        return refuse(h, m, self, -EMSGSIZE, "request of %zu bytes is over the limit of %u for %s",
                      m->body_len, sm->method->max_body, m->method);
    if (m->tag)
        HASH_FIND(hh, h->calls, &key, sizeof(key), same);
    if (same) {
        flux_msg_free(m); /* a peer that reuses the tag of an open call gets no second answer */
        return;
    }
    if (!(m->roles & FLUX_ROLE_OWNER) && !quota_take(h, sm->method, m->userid, m->body_len))
        return refuse(h, m, self, -EAGAIN,
                      "user %u has too much under way: the limit is %u calls of %s, and 256 MiB",
                      m->userid, quota_limit(sm->method), m->method);
    serve(h, reg, sm, m, self);
}

const struct flux_method *service_method_named(struct flux *h, const char *name)
{
    struct registration *reg = service_find(h, name);
    const struct flux_service_method *sm = reg ? find_method(reg->service, name) : NULL;

    return sm ? sm->method : NULL;
}

const struct flux_method *service_method_of(struct flux *h, uint32_t tag, bool self)
{
    struct call_key key = {tag, self};
    struct flux_call *call;

    HASH_FIND(hh, h->calls, &key, sizeof(key), call);
    return call ? call->method->method : NULL;
}

static void cancel(struct flux_call *call)
{
    if (call->answered)
        return;
    call->fail_text = NULL;
    call_answer(call, -ECANCELED, NULL);
    if (call->on_cancel) {
        call->on_cancel(call, call->on_cancel_arg);
        call_free(call);
        return;
    }
    /* The service still holds it, but the caller may use the tag again from now on. */
    HASH_DEL(call->h->calls, call);
    call->key = (struct call_key){call->h->abandoned++, CALL_ABANDONED};
    HASH_ADD(hh, call->h->calls, key, sizeof(call->key), call);
}

void service_control(struct flux *h, struct flux_msg *m, bool self)
{
    struct call_key key = {m->tag, self};
    struct flux_call *call;
    int64_t before;

    HASH_FIND(hh, h->calls, &key, sizeof(key), call);
    if (call && m->control == FLUX_MSG_CANCEL)
        cancel(call);
    else if (call && m->control == FLUX_MSG_CREDIT && call->flow) {
        before = call->credit;
        call->credit += m->credit;
        if (before <= 0 && call->credit > 0 && call->on_credit && !call->answered)
            call->on_credit(call, call->on_credit_arg);
    }
    flux_msg_free(m);
}

void service_cancel_all(struct flux *h)
{
    struct flux_call *call, *next;

    HASH_ITER (hh, h->calls, call, next)
        if (!call->key.self)
            cancel(call);
}

void service_done(struct flux *h)
{
    struct flux_call *call, *next;
    struct registration *reg, *more;

    HASH_ITER (hh, h->calls, call, next) {
        if (!call->answered)
            flux_call_fail(call, ENOSYS, "the service has ended");
        call_answer(call, -ENOSYS, NULL);
        call_free(call);
    }
    HASH_ITER (hh, h->services, reg, more) {
        HASH_DEL(h->services, reg);
        free(reg->stats);
        free(reg);
    }
}
