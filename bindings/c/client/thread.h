// SPDX-License-Identifier: LGPL-3.0-only
/* The handle of a broker module: connected to the router by two mailboxes. For the broker only. */
#ifndef FLUX_CLIENT_THREAD_H
#define FLUX_CLIENT_THREAD_H

#include <flux/rpc.h>
#include <flux/service.h>

#include "../wire/mailbox.h"

#pragma GCC visibility push(default)

/* Counters of one method, written by its module's thread, read by any. */
struct flux_service_stats {
    _Atomic uint64_t requests, errors;
    _Atomic uint64_t busy_ns, longest_ns;
    _Atomic uint32_t open;
};

/* What a module is told once; owned by the broker, unchanged while the module lives. */
struct flux_thread_env {
    uint32_t rank, size, owner;
    const struct flux_topology *topology;
    const char *(*attr)(void *arg, const char *name);
    void *attr_arg;
    const json_t *conf; /* changed by the module host between callbacks only */
    /* Called by flux_service_register() on the module's thread. */
    int (*on_register)(void *arg, const struct flux_service *svc, struct flux_service_stats *stats,
                       struct flux_error *err);
    void *register_arg;
    /* Log a line (any thread). */
    void (*log)(void *arg, const char *name, int level, const char *text);
    void *log_arg;
};

/* Messages go to `router` with m->port = port; those for the module are pushed to *box. */
struct flux *flux_open_thread(uv_loop_t *loop, const char *name, const struct flux_thread_env *env,
                              struct flux_mailbox *router, void *port, struct flux_mailbox **box);

#pragma GCC visibility pop
#endif
