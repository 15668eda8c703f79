// SPDX-License-Identifier: LGPL-3.0-only
/* Inside of the links, shared by overlay_link.c (sockets, events), overlay_hello.c (who may join)
 * and overlay_send.c (what goes out). */
#ifndef BROKER_OVERLAY_PEER_H
#define BROKER_OVERLAY_PEER_H

#include <uthash.h>
#include <zmq.h>

#include "overlay_link.h"

#define OVERLAY_ID_MAX 16                     /* ZeroMQ's own routing ids have 5 bytes */
#define OVERLAY_FLIGHT_MAX ((size_t)32 << 20) /* bytes of one neighbour's that ZeroMQ may hold */
#define OVERLAY_QUEUE_MAX ((size_t)256 << 20) /* bytes that one neighbour may leave unread */

/* A socket of ours in the loop. */
struct overlay_sock {
    struct overlay_link *link;
    void *zsock;
    uv_poll_t poll;
    bool open;
    bool dirty; /* used since its events were last looked at: the poll may have missed an edge */
    int (*pump)(struct overlay_sock *s); /* handle one message: 1, or 0 when there is none */
};

/* Bytes of large messages that ZeroMQ holds for one neighbour. Its thread counts them down, perhaps
 * when the neighbour is long forgotten: hence a count of references. */
struct overlay_gauge {
    _Atomic unsigned refs;
    _Atomic size_t bytes;
};

/* Bytes that ZeroMQ would not take yet, or that we do not give it yet. */
struct overlay_unsent {
    struct flux_bytes *bytes;
    struct overlay_unsent *next;
};

struct overlay_peer {
    uint32_t rank;
    bool is_parent;
    bool closing;    /* its connection has ended; what it sent is read, then it is lost */
    const char *why; /* ... for this reason; a literal */
    bool torpid;
    int fd; /* of its connection, for the monitor */
    uint8_t id[OVERLAY_ID_MAX];
    size_t id_len;
    double heard, spoke; /* monotonic, seconds */
    struct overlay_gauge *gauge;
    struct overlay_unsent *unsent, *unsent_tail;
    size_t unsent_bytes;
    char hostname[65];
    char uuid[64];
    UT_hash_handle hh;      /* children, by id */
    UT_hash_handle hh_rank; /* children, by rank */
};

struct overlay_key {
    char key[CERT_KEY_SIZE];
    uint32_t rank;
    UT_hash_handle hh;
};

struct overlay_link {
    struct overlay_link_conf conf;
    struct cert cert;
    char *hostname, *version, *uuid;
    char *ipc_path; /* to be removed at the end: ZeroMQ does not always */
    uint32_t parent_rank;
    void *zctx;
    struct overlay_sock router, dealer, zap, router_mon, dealer_mon;
    struct overlay_key *keys;
    struct overlay_peer *by_id, *by_rank; /* children whose hello was accepted */
    struct overlay_peer *parent;          /* NULL until its hello */
    uv_prepare_t prepare;
    uv_idle_t again; /* more is there than one turn may handle */
    uv_timer_t timer;
    double ticked;    /* monotonic: when it did */
    uv_timer_t retry; /* unsent bytes */
    bool refused, said_goodbye, closed;
    char *parent_endpoint;
    double connecting; /* monotonic: since when */
    double warn_after; /* seconds of that, until it is logged again */
    uv_getaddrinfo_t resolve;
    bool resolving;
    bool warned;        /* of the parent's silence */
    char silence[48];   /* ... in words */
    bool shook_hands;   /* with the parent, in this connection */
    char *refused_line; /* the last refusal that was logged, when, and how often since */
    double refused_at;
    unsigned refused_again;
    double refusal_logged;
    unsigned refusals;
    double handshake_logged;
    unsigned handshakes_failed;
    unsigned handles; /* to be closed, and a lookup under way */
    void (*on_closed)(void *arg);
    void *on_closed_arg;
};

void overlay_log(struct overlay_link *l, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* overlay_link.c */
void overlay_pump(struct overlay_sock *s);
/* The peer is no longer a peer: forget it, then tell of it. */
void overlay_drop(struct overlay_link *l, struct overlay_peer *p, enum overlay_peer_event ev,
                  const char *why);
/* Peers whose connection is known to have ended are dropped (before a newcomer is judged). */
void overlay_reap(struct overlay_link *l);
void overlay_watch_monitor(struct overlay_link *l);
/* One handle or lookup less; the last one frees the link. */
void overlay_link_unref(struct overlay_link *l);

/* overlay_beat.c */
void overlay_beat_start(struct overlay_link *l);

/* overlay_wait.c */
void overlay_wait_begin(struct overlay_link *l, const char *endpoint);
void overlay_wait_retried(struct overlay_link *l);

/* overlay_hello.c */
void overlay_say_hello(struct overlay_link *l, const void *id, size_t id_len);
/* A hello from a connection that is no peer yet. `key` is what the handshake proved. */
void overlay_hello_from_child(struct overlay_link *l, const void *id, size_t id_len, int fd,
                              const char *key, const struct flux_msg *m);
void overlay_hello_from_parent(struct overlay_link *l, int fd, const struct flux_msg *m);

/* overlay_send.c: bytes to a child (id) or to the parent (id NULL) */
struct flux_bytes *overlay_encode(const struct flux_msg *m);
/* 0 (bytes are taken), -EAGAIN (later), -EHOSTUNREACH. `gauge` may be NULL. */
int overlay_write(struct overlay_link *l, const void *id, size_t id_len, struct flux_bytes *bytes,
                  struct overlay_gauge *gauge);
struct overlay_gauge *overlay_gauge_new(void);
void overlay_gauge_unref(struct overlay_gauge *g);
/* Send or queue; false: over the ceiling, or gone. */
bool overlay_send_peer(struct overlay_link *l, struct overlay_peer *p, struct flux_bytes *bytes);
void overlay_send_control(struct overlay_link *l, const void *id, size_t id_len, int control,
                          int status, const char *text, struct flux_bytes *body);
void overlay_send_retry(uv_timer_t *t);
/* Free what a peer holds; not the peer. */
void overlay_peer_done(struct overlay_peer *p);

/* overlay_zap.c */
int overlay_zap_open(struct overlay_link *l, struct flux_error *err);

#endif
