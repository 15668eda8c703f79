// SPDX-License-Identifier: LGPL-3.0-only
/* Privilege separation: a child without any rights reads what the caller sent and hands over a
 * request, a kv (RFC 38) behind its length. The parent takes it for what it is: input from outside.
 */
#ifndef IMP_PRIVSEP_H
#define IMP_PRIVSEP_H

#include "imp.h"

enum {
    PRIVSEP_MAX = KV_SIZE_MAX, /* bytes of a request */
    PRIVSEP_HEADER = 4,        /* bytes of its length, most significant first */
};

/* Run command->ask() in the child. -EPERM with its reason if it refused, or broke. */
int privsep_ask(struct imp *imp, const struct command *command, struct kv **ret,
                struct imp_error *err);

/* What came from the child, as bytes: header and all. -EBADMSG: not a request. */
int privsep_decode(const unsigned char *bytes, size_t len, struct kv **ret, struct imp_error *err);

/* All of a descriptor, at most `max` bytes: *ret is a new buffer with a NUL after its end. Returns
 * the length; -E2BIG if there is more. */
ssize_t privsep_read_all(int fd, size_t max, char **ret);

#endif
