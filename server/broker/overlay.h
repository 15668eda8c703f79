// SPDX-License-Identifier: LGPL-3.0-only
/* The broker in the tree: its links as ports of the router, and what it knows of its subtree. */
#ifndef BROKER_OVERLAY_H
#define BROKER_OVERLAY_H

#include <flux/v1/overlay.h>

#include "broker.h"
#include "overlay_link.h"

struct overlay_child {
    struct port port; /* in the router while up */
    struct overlay *overlay;
    uint32_t rank;
    bool up;
    bool torpid;
    flux_overlay_state state;
    double since; /* monotonic: of that state */
    char hostname[65];
    char error[160];
    struct flux_idset *online, *torpids, *lost; /* of its subtree, as it reported */
};

struct overlay {
    struct broker *b;
    struct overlay_link *link;
    struct overlay_child *children;
    uint32_t nchildren;
    struct port parent; /* in the router while parent_up */
    bool parent_up;
    char *parent_endpoint, *parent_key;         /* NULL at rank 0 */
    bool ending;                                /* children that still join are sent away */
    struct flux_idset *online, *torpids, *lost; /* of the subtree, self included */
    uv_timer_t report; /* a change has to be told: at the end of the turn */
    bool self_online;
    bool closed;
};

/* For boot: make it (b->topo, rank and size are set), listen, say who may join and where to go. */
/* `hosts_digest` stands for the configured list of hosts; 0: there is none. */
int overlay_open(struct broker *b, const struct cert *cert, uint64_t hosts_digest,
                 struct flux_error *err);
int overlay_listen(struct broker *b, const char *endpoint, char **actual, struct flux_error *err);
void overlay_allow(struct broker *b, const char *public_key, uint32_t rank);
void overlay_set_parent(struct broker *b, const char *endpoint, const char *public_key);

/* Our own state has changed: we count as online from quorum to shutdown. */
void overlay_state_changed(struct broker *b);
struct overlay_child *overlay_child(struct overlay *ov, uint32_t rank); /* NULL: not a child */
/* State of this broker's subtree by the states of its children. */
flux_overlay_state overlay_own_state(struct overlay *ov);
/* A child has reported; takes the sets over. */
void overlay_child_reported(struct overlay *ov, struct overlay_child *c, flux_overlay_state state,
                            struct flux_idset *online, struct flux_idset *torpids,
                            struct flux_idset *lost);

/* "HOSTS (rank RANKS)", for people; caller frees. */
char *overlay_describe(struct broker *b, const struct flux_idset *ranks);
/* Children that are still connected; caller frees. */
struct flux_idset *overlay_children_up(struct broker *b);

/* overlay_service.c: those who follow Overlay/Online are told. */
void overlay_service_changed(struct broker *b);
/* collective_service.c: a neighbour has gone. */
void collective_service_lost(struct broker *b, uint32_t rank);

#endif
