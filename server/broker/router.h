// SPDX-License-Identifier: LGPL-3.0-only
/* The message switch. Everything that can send or receive is a port: clients, modules, the parent,
 * each child, the broker's own services. A request gets a tag of our own on its way out and its
 * answer finds the way back by that tag; losing a port ends exactly the calls that went through it.
 */
#ifndef BROKER_ROUTER_H
#define BROKER_ROUTER_H

#include <uthash.h>

#include <flux/msg.h>
#include <flux/service.h>
#include <flux/topology.h>

#include "../../bindings/c/client/thread.h"

struct router;
struct port;

enum port_kind { PORT_CLIENT, PORT_MODULE, PORT_PARENT, PORT_CHILD };

struct port_ops {
    void (*send)(struct port *p, struct flux_msg *m); /* takes m */
    /* Clients only: stop or go on reading from it (too many calls open). NULL: never asked. */
    void (*pause)(struct port *p, bool on);
};

/* What all connections of a user other than the owner hold here together. Beyond a bound, requests
 * of that user are refused with EAGAIN until some have been answered. */
struct port_user {
    uint32_t userid;
    size_t bytes; /* of requests without a final answer */
    UT_hash_handle hh;
};

/* Embedded in whatever stands behind it. */
struct port {
    enum port_kind kind;
    const struct port_ops *ops;
    uint32_t rank;          /* PARENT, CHILD: of the peer */
    uint32_t userid, roles; /* CLIENT: stamped on what it sends */
    struct port_user *user; /* CLIENT: who is held to bounds; NULL: the owner */
    struct router *router;
    struct open_call *in;   /* calls that it made, by its tag */
    struct open_call **out; /* calls that went to it, by our tag - 1 */
    uint32_t *next_free;
    uint32_t nout, free_out; /* size of out; first free tag, 0 = none */
    unsigned open_in;        /* number of calls that it has open */
    bool paused;
    char name[48]; /* for messages: "rank 3 (host7)", "kvs", "client 12" */
};

/* `topology` may come later (router_set_topology) but before any port of a broker is added. */
struct router *router_new(uint32_t rank, uint32_t owner);
void router_free(struct router *r);
void router_set_topology(struct router *r, const struct flux_topology *topo);

/* The account of a user; lives as long as the router. */
struct port_user *router_user(struct router *r, uint32_t userid);

void router_add(struct router *r, struct port *p);
/* The peer is gone: its open calls are cancelled, calls open to it fail with EHOSTUNREACH (brokers)
 * or ENOSYS (modules). `why` completes the text, e.g. "was lost". Nothing of p is used afterwards.
 */
void router_remove(struct router *r, struct port *p, const char *why);
/* A message has come from p. Owns m. */
void router_receive(struct router *r, struct port *p, struct flux_msg *m);

/* p serves `svc` from now on; requests that waited for it are delivered. -EEXIST. */
int router_add_service(struct router *r, struct port *p, const struct flux_service *svc,
                       struct flux_service_stats *stats, struct flux_error *err);
/* While loading, requests for services that may still come are held (bounded); after, they fail. */
void router_set_loading(struct router *r, bool loading);
/* Names of the services of a port, joined by commas; caller frees. */
char *router_services_of(struct router *r, const struct port *p);
/* Visit the counters of all services here. */
void router_visit_stats(struct router *r,
                        void (*cb)(const struct flux_service *svc,
                                   const struct flux_service_stats *stats, void *arg),
                        void *arg);
/* Show what passes: before a message is handed to `p` (out), and when one has come from it. Answers
 * have the method of their call, if that was made while somebody looked; else they are not shown.
 * NULL: nobody looks. */
typedef void router_tap(void *arg, const struct port *p, bool out, const char *method,
                        const struct flux_msg *m);
void router_set_tap(struct router *r, router_tap *tap, void *arg);
uint64_t router_messages(const struct router *r);
unsigned router_open_calls(const struct router *r);
unsigned router_clients(const struct router *r);

#endif
