// SPDX-License-Identifier: LGPL-3.0-only
/* Addresses of instances: local:///path/to/socket (or the path alone), and
 * ssh://[user@]host[:port]/path[?query] for one on another host. */
#ifndef FLUX_URI_H
#define FLUX_URI_H

#include <stdbool.h>

#include <flux/error.h>

#pragma GCC visibility push(default)

struct flux_uri {
    char *target; /* "[user@]host", fit for the command line of ssh; NULL: local */
    char *port;   /* digits, or NULL */
    char *path;   /* of the socket; begins with '/' */
};

/* -EINVAL: neither form. What is in *ret is the caller's: flux_uri_done(), also after an error. */
int flux_uri_parse(const char *text, struct flux_uri *ret, struct flux_error *err);
/* Whether the socket is on this host, for this user. */
bool flux_uri_is_here(const struct flux_uri *u);
/* Connect to a broker's socket of this host: the descriptor, close-on-exec and blocking, which the
 * caller closes; or a negative errno. */
int flux_socket_dial(const char *path, struct flux_error *err);
void flux_uri_done(struct flux_uri *u);

#pragma GCC visibility pop
#endif
