// SPDX-License-Identifier: LGPL-3.0-only
/* CURVE certificates: a key pair in Z85 text, made in memory or kept in a ZPL file (RFC of ZeroMQ)
 * that only its owner can read. */
#ifndef BROKER_CERT_H
#define BROKER_CERT_H

#include <flux/base.h>

#define CERT_KEY_SIZE 41 /* 40 characters of Z85 and the NUL */

struct cert {
    char public_key[CERT_KEY_SIZE];
    char secret_key[CERT_KEY_SIZE];
    char *name; /* "metadata/name" of the file, or NULL; owned */
};

/* New keys. -ENOTSUP: libzmq was built without CURVE. */
int cert_generate(struct cert *c, struct flux_error *err);
/* Read a certificate file. -EPERM if it belongs to somebody else or others may read it, -EINVAL if
 * it is no certificate with both keys. */
int cert_load(struct cert *c, const char *path, struct flux_error *err);
/* Write a new file, mode 0600, with `metadata` (NULL-terminated list of name, value, name,
 * value...; may be NULL). -EEXIST if the file exists. */
int cert_save(const struct cert *c, const char *path, const char *const *metadata,
              struct flux_error *err);
/* True for 40 characters that decode as Z85. */
bool cert_key_valid(const char *key);
void cert_done(struct cert *c); /* wipes the secret */

#endif
