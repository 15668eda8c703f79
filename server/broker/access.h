// SPDX-License-Identifier: LGPL-3.0-only
/* Who may connect, and as what: the table [access] of the configuration. Names of users and groups
 * are looked up when it is read; who connects is then known by the kernel's numbers alone. */
#ifndef BROKER_ACCESS_H
#define BROKER_ACCESS_H

#include <jansson.h>
#include <sys/types.h>

#include <flux/base.h>

struct access;

/* As the kernel tells of the other end of a socket. */
struct access_peer {
    uid_t uid;
    const gid_t *gids;
    size_t ngids;
};

/* A name that is not known here grants nothing: `warn` gets a line about it. */
struct access *access_new(const json_t *conf, uid_t owner,
                          void (*warn)(const char *text, void *arg), void *arg);
void access_free(struct access *a); /* NULL is fine */

/* Anyone but the owner may connect. */
bool access_is_open(const struct access *a);
/* Sets *roles; -EPERM with the text that the peer is told. */
int access_admit(const struct access *a, const struct access_peer *peer, uint32_t *roles,
                 struct flux_error *err);

#endif
