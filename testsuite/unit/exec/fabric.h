// SPDX-License-Identifier: LGPL-3.0-only
/* An instance of several brokers in one process and one loop: real routers joined by links, a real
 * exec part and a client on each. Links can be cut. */
#ifndef TEST_FABRIC_H
#define TEST_FABRIC_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <flux/module.h>

#include "../../../server/broker/router.h"

struct link_end {
    struct port port; /* first */
    struct link_end *peer;
    struct flux_mailbox *peer_box; /* of the peer's router */
    bool cut;
};

struct node {
    struct fabric *fabric;
    uint32_t rank;
    struct router *router;
    struct flux_mailbox *box; /* the router's */
    struct flux_thread_env env;
    struct port module_port, client_port;
    struct flux_mailbox *module_box, *client_box;
    struct flux *module;  /* handle of the exec part */
    struct flux *client;  /* for the test's calls */
    void *state;          /* of the part; NULL while it is stopped */
    struct link_end up;   /* to the parent */
    struct link_end down; /* the parent's end of the same link */
};

struct fabric {
    uv_loop_t loop;
    uv_timer_t watchdog;
    struct flux_topology *topo;
    uint32_t size;
    struct node *nodes;
    char dir[64];
    char hosts[32];
    const char *statedir;
};

struct fabric *fabric_new(uint32_t size, const char *topology);
void fabric_free(struct fabric *f);
/* Run the loop until something happens; nothing for ten seconds is a failure. */
void fabric_step(struct fabric *f);
/* The link between `rank` and its parent breaks, as both sides see it. */
void fabric_cut(struct fabric *f, uint32_t rank);
/* The exec part of a rank stops; starts (again). */
void fabric_stop_part(struct fabric *f, uint32_t rank);
void fabric_start_part(struct fabric *f, uint32_t rank);

#endif
