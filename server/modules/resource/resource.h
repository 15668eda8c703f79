// SPDX-License-Identifier: LGPL-3.0-only
/* The resource module. Every rank finds out what it should have; discovery is merged on its way up
 * (gather.c). Rank 0 then serves the inventory and the nodes' states (service.c) and keeps the
 * eventlog (journal.c). */
#ifndef RESOURCE_RESOURCE_H
#define RESOURCE_RESOURCE_H

#include <flux/service.h>
#include <flux/v1/resource_discovery_service.h>
#include <flux/v1/resource_service.h>

#include "inventory.h"
#include "journal.h"
#include "status.h"

/* A call that waits, for the inventory or for the journal. */
struct waiting {
    struct flux_call *call;
    const void *in;
    int (*answer)(struct flux_call *call, const void *in);
    struct waiting *prev, *next;
};

/* A scheduler that follows. */
struct follower {
    struct flux_call *call;
    struct follower *prev, *next;
};

struct resource {
    struct flux *h;
    unsigned rank, size;
    struct inventory inv;

    /* Discovery: what is known of this rank's subtree. */
    struct flux_rset *subtree;
    unsigned expected; /* nodes in it */
    bool reported;
    struct flux_future *recall;

    /* Rank 0. */
    struct status st;
    struct journal *journal;
    struct flux_future *online;
    bool have_journal;        /* the inventory is known, and its past has been read */
    bool have_inventory;      /* and who is online: others may ask now */
    struct flux_rset *coming; /* until then */
    struct drain *early;      /* mismatches reported until then */
    struct flux_idset *told;  /* up, as the followers know it */
    struct follower *followers;
    struct waiting *waiting;
    char *r_text; /* R of everything, made when first asked for */
};

/* gather.c: begin to find out; at rank 0, resource_define() is called when all is known. */
int gather_start(struct resource *res, struct flux_error *err);
void gather_stop(struct resource *res);
/* recall.c: rank 0, discovery: resource_define() what this run of the instance has stored, if so.
 */
void recall_start(struct resource *res);
/* enclosing.c: R of the job that this instance is; waits for the answer. -ENOENT: it is none. */
int enclosing_r(struct resource *res, char **ret, struct flux_error *err);
/* service.c */
void resource_define(struct resource *res, struct flux_rset *all); /* takes it over */
/* Withhold a node that has not what it should. */
void resource_mismatch(struct resource *res, unsigned rank, const char *reason);
int service_start(struct resource *res, struct flux_error *err);
void service_stop(struct resource *res);

FLUX_RESOURCE_DISCOVERY_HANDLERS(discovery);

#endif
