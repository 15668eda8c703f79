// SPDX-License-Identifier: LGPL-3.0-only
/* Calls: what generated client stubs are made of. A call is a flux_future until its last answer. */
#ifndef FLUX_RPC_H
#define FLUX_RPC_H

#include <protobuf-c/protobuf-c.h>

#include <flux/handle.h>

#pragma GCC visibility push(default)

/* One rpc; const, generated. */
struct flux_method {
    const char *name; /* "flux.v1.Kvs/Get" */
    const ProtobufCMessageDescriptor *request, *response;
    uint32_t access; /* FLUX_ACCESS_OWNER ... (flux/v1/options.h) */
    bool stream, idempotent, flow;
    uint32_t max_body; /* bytes; 0 = the connection's ceiling */
    uint32_t max_open; /* open calls a user; 0 = default */
};

/* Where a call goes, and how. Pass FLUX_ANY, FLUX_UPSTREAM or FLUX_RANK(r); or set more fields. */
struct flux_to {
    uint8_t target; /* enum flux_msg_target */
    bool no_answer; /* send and forget: the future is NULL */
    uint32_t rank;
    uint32_t credit; /* streams under flow control: bytes that the caller can take at first */
    double timeout;  /* seconds; 0 = none. Then the call is cancelled and ends with ETIMEDOUT */
};
#define FLUX_ANY ((struct flux_to){.target = FLUX_TARGET_ANY})
#define FLUX_UPSTREAM ((struct flux_to){.target = FLUX_TARGET_UPSTREAM})
#define FLUX_RANK(r) ((struct flux_to){.target = FLUX_TARGET_RANK, .rank = (r)})

struct flux_future;
typedef void (*flux_then_f)(struct flux_future *f, void *arg);

/* Start a call. Never fails: an error is the future's result. `in` may be NULL: all defaults. */
struct flux_future *flux_rpc(struct flux *h, struct flux_to to, const struct flux_method *m,
                             const ProtobufCMessage *in);
/* The answer, or the present item of a stream: 0 and *out, which belongs to the future and lives
 * until the callback returns (unary: until the future is freed). -ENODATA: the stream has ended
 * well. Another negative errno: it failed, with the service's own text in err. Blocks until there
 * is an answer. */
int flux_rpc_result(struct flux_future *f, const ProtobufCMessage **out, struct flux_error *err);
/* Call and wait; the answer is the caller's (protobuf_c_message_free_unpacked). out may be NULL. */
int flux_rpc_wait(struct flux *h, struct flux_to to, const struct flux_method *m,
                  const ProtobufCMessage *in, ProtobufCMessage **out, struct flux_error *err);

/* The same with encoded messages, for those who bring their own codec: m->request and m->response
 * are not looked at; `m` must outlive the future's handle. The answer's bytes belong to the future.
 */
struct flux_future *flux_rpc_bytes(struct flux *h, struct flux_to to, const struct flux_method *m,
                                   const void *body, size_t len);
int flux_rpc_result_bytes(struct flux_future *f, const void **body, size_t *len,
                          struct flux_error *err);

/* `cb` is called from the loop at each answer: once, or for each item of a stream and once at its
 * end. The callback may free the future. */
void flux_future_then(struct flux_future *f, flux_then_f cb, void *arg);
/* Run the loop until there is an answer; `seconds` < 0 = for ever. 0 or -ETIMEDOUT. */
int flux_future_wait(struct flux_future *f, double seconds);
/* Blocking form of streams: done with the present item; the next result call waits for the next. */
void flux_future_next(struct flux_future *f);
/* Ends the call if it is still open. NULL is fine. */
void flux_future_free(struct flux_future *f);
FLUX_DEFINE_AUTO(future);
/* Streams under flow control: the caller can take `bytes` more. */
void flux_future_credit(struct flux_future *f, uint32_t bytes);
struct flux *flux_future_handle(struct flux_future *f);
bool flux_future_ready(struct flux_future *f);
/* Size in bytes of the present item's body (what it costs of the credit). */
size_t flux_future_size(struct flux_future *f);

#pragma GCC visibility pop
#endif
