// SPDX-License-Identifier: LGPL-3.0-only
/* Generated from golden/v1/store_box.proto: the server's side.
 *
 *   GOLDEN_STORE_BOX_HANDLERS(PREFIX);
 *   static const struct golden_store_box_ops ops = GOLDEN_STORE_BOX_OPS(PREFIX);
 *   r = golden_store_box_serve(h, &ops, data, err);
 *
 * with a function PREFIX_RPC for each rpc: one that is missing stops the link and is named. */
#ifndef GOLDEN_V1_STORE_BOX_SERVICE_H
#define GOLDEN_V1_STORE_BOX_SERVICE_H

#include <flux/service.h>
#include <golden/v1/store_box.h>

#pragma GCC visibility push(default)

/* One handler for each rpc; what they return is told in flux/service.h. NULL answers ENOSYS. */
struct golden_store_box_ops {
    /* Read one box. ENOENT: there is none. */
    int (*get)(struct flux_call *call, const golden_store_box_get_request *in,
               golden_store_box_get_response *out);
    /* Put it away; a "quoted" \ word, and the end of a comment * / too. */
    int (*register_)(struct flux_call *call, const golden_store_box_register_request *in,
                     golden_store_box_register_response *out);
    /* Follow a box. */
    int (*watch)(struct flux_call *call, const golden_store_box_watch_request *in);
};

#define GOLDEN_STORE_BOX_HANDLERS(prefix)                                                          \
    int prefix##_get(struct flux_call *call, const golden_store_box_get_request *in,               \
                     golden_store_box_get_response *out);                                          \
    int prefix##_register(struct flux_call *call, const golden_store_box_register_request *in,     \
                          golden_store_box_register_response *out);                                \
    int prefix##_watch(struct flux_call *call, const golden_store_box_watch_request *in)

#define GOLDEN_STORE_BOX_OPS(prefix)                                                               \
    {                                                                                              \
        .get = prefix##_get,                                                                       \
        .register_ = prefix##_register,                                                            \
        .watch = prefix##_watch,                                                                   \
    }

extern const struct flux_service golden_store_box_service;

/* Offer the service on `h`. `ops` must outlive it; handlers find `data` with flux_call_data(). */
int golden_store_box_serve(struct flux *h, const struct golden_store_box_ops *ops, void *data,
                           struct flux_error *err);

/* Late answers, for handlers that returned FLUX_CALL_LATER; items of a stream. 0 or an error. */
int golden_store_box_get_reply(struct flux_call *call, const golden_store_box_get_response *out);
int golden_store_box_register_reply(struct flux_call *call,
                                    const golden_store_box_register_response *out);
int golden_store_box_watch_send(struct flux_call *call, const golden_store_box_watch_response *item);

#pragma GCC visibility pop
#endif
