// SPDX-License-Identifier: LGPL-3.0-only
/* A handle: one connection to an instance, its event loop, its open calls, and the services that it
 * offers. A handle belongs to one thread. */
#ifndef FLUX_HANDLE_H
#define FLUX_HANDLE_H

#include <jansson.h>
#include <uv.h>

#include <flux/base.h>
#include <flux/msg.h>

#pragma GCC visibility push(default)

struct flux;
struct flux_topology;

/* Connect to `uri`: "local:///path/to/socket" or a path; "ssh://[user@]host[:port]/path", which
 * runs `ssh HOST flux relay PATH` ($FLUX_SSH and $FLUX_SSH_RCMD instead of ssh and flux) unless
 * HOST is this host; NULL = $FLUX_URI, else the system instance's socket. -EPERM: guests are not
 * admitted. Free with flux_close(). */
int flux_open(const char *uri, struct flux **ret, struct flux_error *err);
/* The same in a loop of the caller's, which must outlive the handle; after flux_close() it must run
 * once more before it is closed. */
int flux_open_in(uv_loop_t *loop, const char *uri, struct flux **ret, struct flux_error *err);
/* A handle that is connected to itself: what it serves, it can call. For tests. */
struct flux *flux_open_loop(void);
/* Open calls end with ECANCELED (callbacks are not called); served calls are answered ENOSYS. */
void flux_close(struct flux *h);
static inline void flux_autoclose_handle(struct flux **h)
{
    if (*h)
        flux_close(*h);
}
#define FLUX_AUTO_HANDLE __attribute__((cleanup(flux_autoclose_handle))) struct flux *

/* The handle's loop: timers, sockets and signals of the program live in it too. */
uv_loop_t *flux_loop(struct flux *h);
/* Run until flux_stop(), or until nothing is left to wait for (no open call, no other handle in the
 * loop). */
int flux_run(struct flux *h);
void flux_stop(struct flux *h);

uint32_t flux_rank(struct flux *h);   /* of the broker that it is connected to */
uint32_t flux_size(struct flux *h);   /* brokers in the instance */
uint32_t flux_owner(struct flux *h);  /* user id of the instance owner */
uint32_t flux_userid(struct flux *h); /* who the broker takes us for */
uint32_t flux_roles(struct flux *h);

/* Called when the connection is lost (open calls have failed with ECONNRESET by then). */
void flux_on_lost(struct flux *h, void (*cb)(struct flux *h, void *arg), void *arg);
/* Keep trying to connect again for up to `seconds` after a loss: idempotent calls are sent again,
 * others fail with ECONNRESET. So, too, when the broker refuses the connection because it ends
 * (ESHUTDOWN) or has no room (EAGAIN). Default: not at all. */
void flux_set_reconnect(struct flux *h, double seconds);
/* Called when it is connected again: to the same broker or to the one that took its place. */
void flux_on_reconnect(struct flux *h, void (*cb)(struct flux *h, void *arg), void *arg);

/* Value of a broker attribute, or NULL. For modules this is a snapshot made when the module was
 * loaded and costs nothing; for clients it is a round trip the first time. Lives as long as h. */
const char *flux_attr(struct flux *h, const char *name);

/* Modules only (NULL elsewhere). The topology of the overlay. */
const struct flux_topology *flux_topology(struct flux *h);
/* Modules only: the configuration (a JSON object, never NULL); borrowed, valid until the next
 * reload callback. */
const json_t *flux_conf(struct flux *h);
/* A value of it by dotted key, or NULL. */
const json_t *flux_conf_get(struct flux *h, const char *key);
/* A duration of it in seconds: a number or FSD text, INFINITY for "none"; `otherwise` where it is
 * not set. */
double flux_conf_fsd(struct flux *h, const char *key, double otherwise);
/* Modules only. Were the brokers booted from the configuration? Then whoever started them starts
 * them again when they end. */
bool flux_is_system_instance(struct flux *h);
/* Modules only. Seconds that a running job waits for a node whose broker is away: what `conf` says
 * as exec.lost-timeout, or the default. For ever is 1e9. */
double flux_lost_timeout(struct flux *h, const json_t *conf);
/* The same in any JSON object; "" is the object itself. */
const json_t *flux_conf_find(const json_t *conf, const char *key);

/* Write a line to the log of the instance. `level` is a syslog level (LOG_ERR ...). */
void flux_log(struct flux *h, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Name under which flux_log() writes; default the program's or module's name. */
void flux_log_set_name(struct flux *h, const char *name);
/* Write under this name. Parts that share a module, and so a handle, are built with FLUX_LOG_NAME,
 * which makes flux_log() speak in the name of the part. */
void flux_log_as(struct flux *h, const char *name, int level, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
#ifdef FLUX_LOG_NAME
#define flux_log(h, ...) flux_log_as(h, FLUX_LOG_NAME, __VA_ARGS__)
#endif

#pragma GCC visibility pop
#endif
