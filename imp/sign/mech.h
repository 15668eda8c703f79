// SPDX-License-Identifier: LGPL-3.0-only
/* The seam between J and the mechanisms that sign it. */
#ifndef IMP_SIGN_MECH_H
#define IMP_SIGN_MECH_H

#include <stdint.h>

#include "sign.h"

struct ca;
struct cert;

struct sign {
    int64_t max_ttl;               /* seconds */
    const char *default_type;      /* one of allowed */
    const struct conf *allowed;    /* array of names */
    const char *instance;          /* what requests must be signed for, or NULL */
    const char *munge_socket;      /* NULL: libmunge's own */
    const char *cert_path;         /* NULL: ~/.flux/curve/sig of the signer */
    struct ca *ca;                 /* NULL: certificates are those in users' homes */
    struct cert *own, *own_public; /* of curve, once they were needed */
};

/* What a signature is over: HEADER.PAYLOAD as text, and what the header says. */
struct sign_text {
    const char *text;
    size_t len;
    const struct sign_request *request;
};

struct sign_mech {
    const char *name;
    /* Add what the mechanism needs to the header, and refuse users it can't sign for. NULL: any. */
    int (*prepare)(struct sign *sign, uid_t userid, struct kv *header, struct imp_error *err);
    /* *ret is a new string without '.'. */
    int (*sign)(struct sign *sign, const struct sign_text *text, char **ret, struct imp_error *err);
    /* 0 if the signature is that of the header's user over the text; *expires may be set. */
    int (*verify)(struct sign *sign, const struct sign_text *text, const char *signature,
                  time_t *expires, struct imp_error *err);
};

extern const struct sign_mech sign_mech_munge, sign_mech_curve, sign_mech_none;

#endif
