// SPDX-License-Identifier: LGPL-3.0-only
/* The links of this broker: one to its parent, one to each connected child, over ZeroMQ with CURVE,
 * on one event loop. A peer is told of (and messages pass) only between its accepted hello and its
 * loss. Only public keys named with overlay_link_authorize() get past the handshake. */
#ifndef BROKER_OVERLAY_LINK_H
#define BROKER_OVERLAY_LINK_H

#include <uv.h>

#include <flux/msg.h>
#include <flux/topology.h>

#include "cert.h"

#ifndef OVERLAY_PROTOCOL_MIN /* tests build a broker that speaks others */
#define OVERLAY_PROTOCOL_MIN 1
#define OVERLAY_PROTOCOL_MAX 1
#endif
#define OVERLAY_RANK_ANY UINT32_MAX

enum overlay_peer_event {
    OVERLAY_PEER_UP,
    OVERLAY_PEER_GONE,    /* it said goodbye */
    OVERLAY_PEER_LOST,    /* it vanished, or was cut off */
    OVERLAY_PEER_REFUSED, /* the parent does not want us; final */
    OVERLAY_PEER_TORPID,  /* silent for torpid_max, still connected */
    OVERLAY_PEER_LIVELY,  /* heard again */
};

/* `why` is text for a person ("" if there is none); `hostname` is what the peer calls itself. */
struct overlay_link_ops {
    void (*on_peer)(void *arg, uint32_t rank, enum overlay_peer_event ev, const char *hostname,
                    const char *why);
    void (*on_message)(void *arg, uint32_t rank, struct flux_msg *m); /* takes m */
    void (*log)(void *arg, int level, const char *text);
};

/* Signs of life: all in seconds. */
struct overlay_beat {
    double torpid_min; /* of our silence, until we send our parent one */
    double torpid_max; /* of a child's silence, until it counts as torpid; 0 = never */
    double period;     /* of our silence, until we send a child one; 0 = never */
    double timeout;    /* of our parent's silence, until it counts as lost; 0 = never */
    unsigned warn;     /* periods of our parent's silence until that is logged; 0 = never */
};

struct overlay_link_conf {
    uv_loop_t *loop;
    const struct cert *cert;              /* copied */
    const struct flux_topology *topology; /* borrowed for the life of the link */
    uint32_t rank;
    const char *hostname, *version, *uuid; /* copied */
    uint64_t hosts_digest; /* of the list of hosts that ranks go by; 0 = there is none */
    struct overlay_beat beat;
    double tcp_user_timeout; /* seconds until a dead connection is given up; 0 = by the kernel */
    double connect_timeout;  /* of one attempt to connect; 0 = by the kernel */
    double give_up;    /* seconds to reach the parent in; then it counts as refusing. 0 = no end */
    double warn_after; /* seconds of waiting for the parent until that is logged; 0 = default */
    int child_rcvhwm;  /* messages of one child that may wait to be read; 0 = default */
    size_t queue_max;  /* bytes that one neighbour may leave unread; 0 = default */
    int io_threads;
    bool enable_ipv6;
    bool debug;                          /* log each socket event */
    unsigned protocol_min, protocol_max; /* 0: ours; others only in tests */
    struct overlay_link_ops ops;
    void *arg;
};

struct overlay_link;

int overlay_link_new(const struct overlay_link_conf *conf, struct overlay_link **ret,
                     struct flux_error *err);
/* Let the holder of this key in, as `rank` (OVERLAY_RANK_ANY: as any rank that its hello says). */
void overlay_link_authorize(struct overlay_link *l, const char *public_key, uint32_t rank);
/* Listen for children. `*actual` (caller frees) is the endpoint with the port that was chosen. */
int overlay_link_bind(struct overlay_link *l, const char *endpoint, char **actual,
                      struct flux_error *err);
/* Start to connect to the parent; tries until it is there. */
int overlay_link_connect(struct overlay_link *l, const char *endpoint, const char *public_key,
                         struct flux_error *err);
/* Send to a connected neighbour; takes m. -EHOSTUNREACH: it is not connected. What a peer does not
 * read is kept up to a ceiling; past that it counts as lost. */
int overlay_link_send(struct overlay_link *l, uint32_t rank, struct flux_msg *m);
/* Change the signs of life, at any time. */
void overlay_link_tune(struct overlay_link *l, const struct overlay_beat *beat);
bool overlay_link_is_up(const struct overlay_link *l, uint32_t rank);
/* Cut off a child: it is told why, and counts as lost. -ENOENT: not connected. */
int overlay_link_disconnect(struct overlay_link *l, uint32_t rank, const char *why);
/* Say goodbye to the parent (and to children that are still there). Nothing is sent after it. */
void overlay_link_goodbye(struct overlay_link *l);
/* Closes the sockets; what was sent goes out first, for up to one second. Then `closed` is called
 * from the loop (the sockets' polls are gone by then). */
void overlay_link_close(struct overlay_link *l, void (*closed)(void *arg), void *arg);

#endif
