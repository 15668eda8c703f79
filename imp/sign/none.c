// SPDX-License-Identifier: LGPL-3.0-only
/* No signature: the caller vouches for himself alone, so it never leads to another user. */
#include "mech.h"

#include <string.h>
#include <unistd.h>

static int prepare(struct sign *sign, uid_t userid, struct kv *header, struct imp_error *err)
{
    if (userid != getuid())
        return imp_error_set(err, -EPERM, "sign: 'none' signs for user %u only, not %u", getuid(),
                             userid);
    return 0;
}

static int sign_none(struct sign *sign, const struct sign_text *text, char **ret,
                     struct imp_error *err)
{
    *ret = strdup("none");
    return *ret ? 0 : imp_error_set(err, -ENOMEM, "out of memory");
}

static int verify(struct sign *sign, const struct sign_text *text, const char *signature,
                  time_t *expires, struct imp_error *err)
{
    if (strcmp(signature, "none") != 0)
        return imp_error_set(err, -EPERM, "sign: the signature of type 'none' must be 'none'");
    if (text->request->userid != getuid())
        return imp_error_set(err, -EPERM,
                             "sign: a request of user %u without signature; this is user %u",
                             text->request->userid, getuid());
    return 0;
}

const struct sign_mech sign_mech_none = {"none", prepare, sign_none, verify};
