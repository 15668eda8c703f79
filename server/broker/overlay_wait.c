// SPDX-License-Identifier: LGPL-3.0-only
/* Waiting for the parent: it is tried again and again, and from time to time the log says why it
 * does not come. Where it must have been there before, the wait has an end. */
#include "overlay_peer.h"

#include <netdb.h>
#include <stdio.h>
#include <syslog.h>

#define WARN_AFTER 10. /* seconds; then after twice as many, and so on */
#define WARN_AT_MOST 3600.

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct overlay_link *l = FLUX_CONTAINER_OF(req, struct overlay_link, resolve);

    l->resolving = false;
    uv_freeaddrinfo(found);
    if (!l->closed && !l->parent && !l->refused) {
        if (status < 0 && status != UV_ECANCELED)
            overlay_log(l, LOG_WARNING,
                        "still waiting for the parent (rank %u): the host of %s is not known (%s): "
                        "check bootstrap.hosts, its connect endpoint, and how names resolve here",
                        l->parent_rank, l->parent_endpoint, uv_strerror(status));
        else if (status == 0)
            overlay_log(l, LOG_WARNING,
                        "still waiting for the parent (rank %u): no broker lets us in at %s yet",
                        l->parent_rank, l->parent_endpoint);
    }
    overlay_link_unref(l);
}

/* Names resolve in another thread; the answer is only for the log. */
static void find_out(struct overlay_link *l)
{
    const char *host = strstr(l->parent_endpoint, "://"), *port = strrchr(l->parent_endpoint, ':');
    struct addrinfo want = {.ai_socktype = SOCK_STREAM};
    char name[256];

    if (l->resolving || !host || port < host + 3)
        return;
    snprintf(name, sizeof(name), "%.*s", (int)(port - host - 3), host + 3);
    if (uv_getaddrinfo(l->conf.loop, &l->resolve, on_resolved, name, NULL, &want) < 0)
        return;
    l->resolving = true;
    l->handles++;
}

void overlay_wait_begin(struct overlay_link *l, const char *endpoint)
{
    l->parent_endpoint = flux_strdup(endpoint);
    l->connecting = flux_monotime();
    l->warn_after = l->conf.warn_after > 0 ? l->conf.warn_after : WARN_AFTER;
}

void overlay_wait_retried(struct overlay_link *l)
{
    double waited = flux_monotime() - l->connecting;

    if (l->parent || l->refused || l->closed)
        return;
    if (l->conf.give_up > 0 && waited >= l->conf.give_up) {
        l->refused = true;
        l->conf.ops.on_peer(l->conf.arg, l->parent_rank, OVERLAY_PEER_REFUSED, "",
                            "it cannot be reached");
    } else if (waited >= l->warn_after) {
        l->warn_after = waited * 2 < WARN_AT_MOST ? waited * 2 : waited + WARN_AT_MOST;
        find_out(l);
    }
}
