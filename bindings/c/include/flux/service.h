// SPDX-License-Identifier: LGPL-3.0-only
/* The service runtime: what generated service stubs and handlers are made of.
 *
 * The dispatcher has checked the caller's role and decoded the request before a handler runs.
 * A handler returns
 *   0                 unary: `out` is the answer; stream: it has ended well
 *   a negative errno  the error is the answer, with the text of flux_call_fail() if it was called
 *   FLUX_CALL_LATER   the handler has kept `call` and will answer it exactly once, with
 * <svc>_<method>_reply(), flux_call_finish() (streams) or flux_call_error() Requests and what
 * flux_call_alloc() gives live until the call is answered. */
#ifndef FLUX_SERVICE_H
#define FLUX_SERVICE_H

#include <protobuf-c/protobuf-c.h>

#include <flux/handle.h>
#include <flux/rpc.h>

#pragma GCC visibility push(default)

#define FLUX_CALL_LATER 1

struct flux_call;

struct flux_service_method {
    const struct flux_method *method;
    int (*dispatch)(struct flux_call *call, const void *ops, const ProtobufCMessage *in,
                    ProtobufCMessage *out); /* generated; out is NULL for streams */
};

/* One service; const, generated. */
struct flux_service {
    const char *name;       /* "flux.v1.JobManager" */
    const char *short_name; /* "job-manager" */
    uint32_t home;          /* FLUX_HOME_EVERY_RANK or FLUX_HOME_LEADER */
    const struct flux_service_method *methods;
    size_t count;
};

/* Offer a service on this handle; generated flux_<svc>_serve() calls it. -EEXIST: this handle has
 * it already. For modules the broker starts to deliver requests once start() has returned. */
int flux_service_register(struct flux *h, const struct flux_service *svc, const void *ops,
                          void *data, struct flux_error *err);

struct flux *flux_call_handle(struct flux_call *call);
void *flux_call_data(struct flux_call *call); /* `data` of the registration */
uint32_t flux_call_userid(struct flux_call *call);
uint32_t flux_call_roles(struct flux_call *call);
const char *flux_call_method(struct flux_call *call); /* "flux.v1.Kvs/Get" */
/* The ranks that the request has passed. */
const uint32_t *flux_call_route(struct flux_call *call, size_t *count);
bool flux_call_is_owner(struct flux_call *call);
/* May the caller act for a job (or other thing) of `userid`? The instance owner, or that user. */
bool flux_call_may_act_for(struct flux_call *call, uint32_t userid);
/* The same, or an administrator: for what steers a job and tells nothing of its content. */
bool flux_call_may_manage(struct flux_call *call, uint32_t userid);
/* May the caller do what the owner does to jobs in general: the owner or an administrator. */
bool flux_call_is_admin(struct flux_call *call);
/* The caller may know of no jobs but its own (access.private-mode): others' are answered as if they
 * did not exist, and there are no statistics. */
bool flux_call_is_private(struct flux_call *call);

/* Memory that dies with the call. */
void *flux_call_alloc(struct flux_call *call, size_t size);
char *flux_call_strdup(struct flux_call *call, const char *s);
char *flux_call_printf(struct flux_call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* For protobuf_c_message_unpack() into the call's memory. */
ProtobufCAllocator *flux_call_allocator(struct flux_call *call);

/* Set the error text; returns -errnum, for `return flux_call_fail(call, ENOENT, "no job %s", s);`
 */
int flux_call_fail(struct flux_call *call, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* --- Calls kept with FLUX_CALL_LATER. Each of these three ends the call and frees it. --- */
int flux_call_reply(struct flux_call *call, const ProtobufCMessage *out);
void flux_call_finish(struct flux_call *call);
void flux_call_error(struct flux_call *call, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* One item of a stream. Under flow control it costs its size of the credit (which may go below
 * zero: stop sending while flux_call_credit() <= 0). Items to a caller that has gone are dropped: 0
 * all the same. */
int flux_call_send(struct flux_call *call, const ProtobufCMessage *item);
/* Bytes that the caller can still take; INT64_MAX without flow control. */
int64_t flux_call_credit(struct flux_call *call);
/* `cb` is called when credit has come from <= 0 to > 0. */
void flux_call_on_credit(struct flux_call *call, void (*cb)(struct flux_call *call, void *arg),
                         void *arg);
/* `cb` is called once if the caller cancels the call or goes away: it must forget `call`, which is
 * answered (ECANCELED) and freed when it returns. Without a callback the call is answered at once
 * and what the service still sends on it goes nowhere; it is freed when the service ends it. */
void flux_call_on_cancel(struct flux_call *call, void (*cb)(struct flux_call *call, void *arg),
                         void *arg);
/* A pointer of the service's own, for its lists. */
void flux_call_set_aux(struct flux_call *call, void *aux);
void *flux_call_aux(struct flux_call *call);

#pragma GCC visibility pop
#endif
