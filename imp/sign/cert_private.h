// SPDX-License-Identifier: LGPL-3.0-only
/* What cert.c and cert_file.c share. */
#ifndef IMP_SIGN_CERT_PRIVATE_H
#define IMP_SIGN_CERT_PRIVATE_H

#include <sodium.h>

#include "cert.h"

struct cert {
    struct kv *metadata;
    unsigned char public[crypto_sign_PUBLICKEYBYTES];
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
    unsigned char signature[crypto_sign_BYTES];
    bool has_secret, is_signed;
};

struct cert_field {
    const char *name; /* NULL after the last */
    char type;        /* as in a kv */
};
extern const struct cert_field cert_fields[];

struct cert *cert_alloc(void); /* NULL: out of memory */
/* Known keys of the right types, a uuid, the algorithm, keys that belong together. */
int cert_check(const struct cert *cert, const char *name, struct imp_error *err);

#endif
