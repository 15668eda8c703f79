// SPDX-License-Identifier: LGPL-3.0-only
/* Certificates for signing: an ed25519 key and who it belongs to. On disk two TOML files, the
 * secret at PATH and the public half at PATH.pub; in a header, keys of a kv. */
#ifndef IMP_SIGN_CERT_H
#define IMP_SIGN_CERT_H

#include <stdbool.h>
#include <sys/types.h>

#include "../conf/error.h"
#include "kv.h"

enum {
    CERT_FILE_MAX = 16384, /* bytes */
    CERT_CLOCK_SKEW = 60,  /* seconds by which clocks of hosts may differ */
};

struct cert;

/* A new key pair with a uuid and the time. Needs sodium_init(). */
int cert_new(struct cert **ret, struct imp_error *err);
void cert_free(struct cert *cert);

/* What is known of it: uuid s, userid i, ctime t, xtime t, not-valid-before-time t, max-sign-ttl i,
 * issuer s, domain s, ca-capability b, algorithm s. To be changed only before it is signed. */
struct kv *cert_metadata(const struct cert *cert);
bool cert_has_secret(const struct cert *cert);
/* Give it a new uuid. 0 or -ENOMEM. */
int cert_rename(struct cert *cert);
/* Have both the same public key and metadata? In constant time. */
bool cert_equal(const struct cert *a, const struct cert *b);

bool cert_same_key(const struct cert *a, const struct cert *b);

/* The text of either file (`secret`: the one with the secret key); a new string or NULL. */
char *cert_format(const struct cert *cert, bool secret);
/* From such a text; `name` stands for the file in messages. */
int cert_parse(const char *text, size_t len, const char *name, struct cert **ret,
               struct imp_error *err);

/* Sign the metadata and key of `cert` with the secret of `issuer`; check that. */
int cert_sign(struct cert *cert, const struct cert *issuer, struct imp_error *err);
int cert_verify(const struct cert *cert, const struct cert *issuer, struct imp_error *err);

/* The public half as a kv, and back. */
int cert_to_kv(const struct cert *cert, struct kv *ret);
int cert_from_kv(const struct kv *kv, struct cert **ret, struct imp_error *err);

/* A detached signature over bytes with the secret key, in base64: a new string; and its check. */
int cert_sign_bytes(const struct cert *cert, const void *bytes, size_t len, char **ret,
                    struct imp_error *err);
int cert_verify_bytes(const struct cert *cert, const void *bytes, size_t len, const char *signature,
                      struct imp_error *err);

#endif
