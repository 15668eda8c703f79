// SPDX-License-Identifier: LGPL-3.0-only
/* The local socket: clients on this node, authenticated by SO_PEERCRED. */
#ifndef BROKER_LOCAL_H
#define BROKER_LOCAL_H

#include <uv.h>

#include "access.h"
#include "router.h"

struct local;

struct local_options {
    const char *path; /* socket path; a stale file there is replaced */
    uint32_t rank, size, owner;
    /* Who may connect, and as what: called for each new connection, and for all by
     * local_readmit(). Sets *roles; returns 0, or a negative errno with the text that the client is
     * told. */
    int (*admit)(void *arg, const struct access_peer *peer, uint32_t *roles,
                 struct flux_error *err);
    void *arg;
};

/* The socket's mode is 0777: admission is by credentials. */
int local_new(uv_loop_t *loop, struct router *router, const struct local_options *opts,
              struct local **ret, struct flux_error *err);
/* The rules of admission have changed: who may no longer do what it could is disconnected, with its
 * open calls; others have their new rights from now on. */
void local_readmit(struct local *l);
/* Stop accepting; those connected stay. */
void local_stop_accepting(struct local *l);
/* Disconnect everybody, remove the socket. What is still to be written to a client gets a moment.
 */
void local_free(struct local *l);

#endif
