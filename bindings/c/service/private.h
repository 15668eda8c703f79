// SPDX-License-Identifier: LGPL-3.0-only
/* A call being served, shared by dispatch.c (how it comes in) and call.c (how it is answered). */
#ifndef FLUX_SERVICE_PRIVATE_H
#define FLUX_SERVICE_PRIVATE_H

#include "../client/private.h"
#include "../client/thread.h"

/* Who called: the tag, and whether over the connection (0) or from this handle itself (1). A call
 * that was cancelled while the service keeps it moves out of the way to a serial number. */
struct call_key {
    uint32_t tag;
    uint32_t self;
};
#define CALL_ABANDONED 2

struct flux_call {
    struct flux *h;
    struct registration *reg;
    const struct flux_service_method *method;
    struct flux_service_stats *stats;
    struct call_key key;
    struct flux_msg *request;
    struct flux_arena arena;
    const char *fail_text; /* in the arena */
    bool kept;             /* FLUX_CALL_LATER: in h->calls */
    bool answered;         /* the final answer is out */
    bool flow;
    bool counted; /* in the caller's quota: as one, and so many bytes */
    size_t bytes;
    int64_t credit;
    void (*on_cancel)(struct flux_call *call, void *arg);
    void *on_cancel_arg;
    void (*on_credit)(struct flux_call *call, void *arg);
    void *on_credit_arg;
    void *aux;
    UT_hash_handle hh;
};

/* Count a call against what a user may have open of a method; false: it is at the limit. */
bool quota_take(struct flux *h, const struct flux_method *m, uint32_t userid, size_t bytes);
/* A call that was taken has turned out to hold so much more. */
void quota_add(struct flux *h, uint32_t userid, size_t bytes);
void quota_release(struct flux *h, const struct flux_method *m, uint32_t userid, size_t bytes);
unsigned quota_limit(const struct flux_method *m);

/* Send the final answer, once. */
void call_answer(struct flux_call *call, int r, const ProtobufCMessage *out);
void call_keep(struct flux_call *call);
/* It has been answered: take it out of the table and free it. */
void call_free(struct flux_call *call);

#endif
