// SPDX-License-Identifier: LGPL-3.0-only
/* Signed requests, RFC 39: J = base64(HEADER) "." base64(PAYLOAD) "." SIGNATURE. The header is a kv
 * (RFC 38) with version, mechanism, userid and whatever else the signer wants to vouch for. */
#ifndef IMP_SIGN_SIGN_H
#define IMP_SIGN_SIGN_H

#include <stdbool.h>
#include <sys/types.h>

#include "../conf/conf.h"
#include "../conf/error.h"
#include "kv.h"

enum {
    SIGN_PAYLOAD_MAX = 16 << 20, /* bytes of a payload */
    SIGN_J_MAX = 24 << 20,       /* bytes of a J */

    SIGN_NOVERIFY = 1, /* take apart only: the signature is not looked at */
};

struct sign;

/* From the [sign] table (and [ca], with sign.curve.require-ca) of the security configuration, which
 * must outlive it and have passed conf_check(). */
int sign_new(const struct conf *security, struct sign **ret, struct imp_error *err);
void sign_free(struct sign *sign);

/* What is to be signed. */
struct sign_input {
    const void *payload;
    size_t len;
    uid_t userid;           /* munge and none sign for nobody but the caller */
    const char *mechanism;  /* NULL: sign.default-type */
    const struct kv *extra; /* further header keys, or NULL */
};
/* *ret is a new string. */
int sign_wrap(struct sign *sign, const struct sign_input *in, char **ret, struct imp_error *err);

/* What was signed. */
struct sign_request {
    char *payload; /* with a NUL after its end */
    size_t len;
    uid_t userid;
    const char *mechanism; /* one of the names of mechanisms */
    struct kv *header;
    time_t expires; /* of the signature; 0 without verification or limit */
};
/* Take a J apart and, unless SIGN_NOVERIFY, verify it. *ret is written on success only; end it with
 * sign_request_done(). -EINVAL: not a J. -EPERM: mechanism not allowed, or not the signature of
 * that user. -EBADMSG: altered. -EKEYREJECTED: made with a key that is not ours. -ETIME: too old,
 * or not valid yet. -ECONNREFUSED: munged does not answer. With SIGN_NOVERIFY `sign` may be NULL.
 */
int sign_unwrap(struct sign *sign, const char *j, unsigned flags, struct sign_request *ret,
                struct imp_error *err);
void sign_request_done(struct sign_request *request);

#endif
