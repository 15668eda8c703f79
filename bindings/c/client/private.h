// SPDX-License-Identifier: LGPL-3.0-only
/* Inside of a handle, shared by client/ and service/ (one floor). Three kinds of connection stand
 * behind it: the local socket, a module's mailboxes, and none at all (a loop handle). */
#ifndef FLUX_CLIENT_PRIVATE_H
#define FLUX_CLIENT_PRIVATE_H

#include <uthash.h>

#include <flux/arena.h>
#include <flux/rpc.h>
#include <flux/service.h>

struct conn {
    const struct conn_ops *ops;
};

struct conn_ops {
    void (*send)(struct conn *c, struct flux_msg *m); /* takes m */
    void (*keep_alive)(struct conn *c, bool on);
    void (*close)(struct conn *c); /* after what was sent has gone out */
};

/* A service offered on this handle. */
struct registration {
    const struct flux_service *service;
    const void *ops;
    void *data;
    struct flux_service_stats *stats; /* one for each method */
    UT_hash_handle hh;                /* by service->name */
};

struct flux {
    uv_loop_t *loop;
    uv_loop_t own_loop;
    bool owns_loop;
    bool stopped;
    bool debug;        /* FLUX_DEBUG=wire */
    struct conn *conn; /* NULL: loop handle, or the connection is lost */
    int lost;          /* negative errno once the connection is lost */
    struct flux_error lost_error;
    void (*on_lost)(struct flux *h, void *arg);
    void *on_lost_arg;
    void (*on_reconnect)(struct flux *h, void *arg);
    void *on_reconnect_arg;
    double reconnect;
    char *uri;

    bool have_hello;
    uint32_t rank, size, owner, userid, roles;
    const struct flux_thread_env *env; /* modules only */
    char *name;                        /* for flux_log */
    json_t *attrs;                     /* cache of flux_attr(), clients only */
    struct signer *signer;             /* client/sign.c; NULL until it is needed */

    struct flux_future **slots; /* by tag - 1 */
    uint32_t nslots, free_slot; /* free_slot: tag of the first free one, chained; 0 = none */
    uint32_t *next_free;
    unsigned open_calls; /* futures with an answer outstanding */

    struct registration *services;
    struct flux_call *calls; /* not answered yet, or answered and still held by their service */
    struct quota *quotas;    /* service/quota.c */
    uint32_t abandoned;      /* serial number of cancelled calls */

    /* Messages from this handle to itself, and futures with answers to deliver: handled in the next
     * turn. */
    struct flux_msg *self_head, *self_tail;
    struct flux_future *due;
    uv_idle_t idle;
    bool idle_on;
};

struct flux *handle_new(uv_loop_t *loop);
/* A message has come in over the connection, or (self) from the handle itself. Owns m. */
void handle_receive(struct flux *h, struct flux_msg *m, bool self);
/* The connection is gone for good: open calls fail with r. */
void handle_lost(struct flux *h, int r, const char *text);
/* Send over the connection, or (self) to the handle itself. Takes m. */
void handle_send(struct flux *h, struct flux_msg *m, bool self);
void handle_update_alive(struct flux *h);
void handle_wake(struct flux *h);

/* client/ssh.c. A descriptor, with the process behind it; it ends once that is closed. */
struct flux_uri;
int ssh_dial(const struct flux_uri *u, pid_t *pid, struct flux_error *err);
void ssh_end(pid_t pid);

/* client/sign.c */
void signer_done(struct flux *h);

/* client/rpc.c */
void futures_receive(struct flux *h, struct flux_msg *m);
void futures_fail_all(struct flux *h, int r, const char *text);
void futures_resend(struct flux *h, bool idempotent_only);
void futures_run_due(struct flux *h);
void futures_done(struct flux *h);
/* The method of the open call with a tag, or NULL. */
const struct flux_method *futures_method_of(struct flux *h, uint32_t tag);

/* client/debug.c */
bool debug_wanted(void);
void debug_message(struct flux *h, const struct flux_msg *m, bool out, bool self);

/* service/dispatch.c and call.c */
void service_request(struct flux *h, struct flux_msg *m, bool self);
void service_control(struct flux *h, struct flux_msg *m, bool self);
void service_cancel_all(struct flux *h);
void service_done(struct flux *h);
struct registration *service_find(struct flux *h, const char *method);
/* A method offered here; the method of a call being served; or NULL. */
const struct flux_method *service_method_named(struct flux *h, const char *name);
const struct flux_method *service_method_of(struct flux *h, uint32_t tag, bool self);

/* Pack a message into new bytes; NULL = it takes none. */
struct flux_bytes *pack(const ProtobufCMessage *msg);

#endif
