// SPDX-License-Identifier: LGPL-3.0-only
/* Signatures by munge: a credential of the signer whose payload is 0x01 and SHA-256 over
 * HEADER.PAYLOAD. munged vouches for the user and the time; that a credential was seen before, or
 * is older than munge's own limit, is no fault here: the limit is sign.max-ttl. */
#include "mech.h"

#include <munge.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HASH_SHA256 = 1, CONTENT_SIZE = 1 + crypto_hash_sha256_BYTES };

static void content(const struct sign_text *text, unsigned char out[static CONTENT_SIZE])
{
    out[0] = HASH_SHA256;
    crypto_hash_sha256(out + 1, (const unsigned char *)text->text, text->len);
}

static int open_munge(const struct sign *sign, munge_ctx_t *ret, struct imp_error *err)
{
    munge_ctx_t ctx = munge_ctx_create();

    if (!ctx)
        return imp_error_set(err, -ENOMEM, "out of memory");
    if (sign->munge_socket &&
        munge_ctx_set(ctx, MUNGE_OPT_SOCKET, sign->munge_socket) != EMUNGE_SUCCESS) {
        int r = imp_error_set(err, -EINVAL, "munge: %s", munge_ctx_strerror(ctx));
        munge_ctx_destroy(ctx);
        return r;
    }
    *ret = ctx;
    return 0;
}

static int explain(munge_ctx_t ctx, munge_err_t e, struct imp_error *err)
{
    const char *text = munge_ctx_strerror(ctx); /* names the socket; gone with the next call */

    if (!text)
        text = munge_strerror(e);
    switch (e) {
    case EMUNGE_NO_MEMORY:
        return imp_error_set(err, -ENOMEM, "out of memory");
    case EMUNGE_SOCKET:
    case EMUNGE_TIMEOUT:
        return imp_error_set(err, -ECONNREFUSED,
                             "munge: no answer on this host: is munge.service running? (%s)", text);
    case EMUNGE_CRED_INVALID:
    case EMUNGE_BAD_CRED:
        return imp_error_set(err, -EKEYREJECTED,
                             "munge: the credential is not valid on this host (%s): altered, "
                             "or the munge keys of the hosts differ",
                             text);
    case EMUNGE_CRED_REWOUND:
        return imp_error_set(err, -ETIME,
                             "munge: the credential is from the future (%s): are the clocks "
                             "of the hosts in step?",
                             text);
    default:
        return imp_error_set(err, -EPERM, "munge: %s", text);
    }
}

static int prepare(struct sign *sign, uid_t userid, struct kv *header, struct imp_error *err)
{
    if (userid != geteuid())
        return imp_error_set(err, -EPERM, "sign: munge signs for user %u only, not %u", geteuid(),
                             userid);
    return 0;
}

static int sign_munge(struct sign *sign, const struct sign_text *text, char **ret,
                      struct imp_error *err)
{
    unsigned char bytes[CONTENT_SIZE];
    char *cred = NULL;
    munge_ctx_t ctx = NULL;
    int r = open_munge(sign, &ctx, err);

    if (r < 0)
        return r;
    content(text, bytes);
    munge_err_t e = munge_encode(&cred, ctx, bytes, sizeof(bytes));
    if (e != EMUNGE_SUCCESS) {
        r = explain(ctx, e, err);
        free(cred);
    } else {
        *ret = cred;
    }
    munge_ctx_destroy(ctx);
    return r;
}

/* Whose credential, over what, and from when. */
static int judge(const struct sign *sign, munge_ctx_t ctx, uid_t uid, const struct sign_text *text,
                 time_t *expires, struct imp_error *err)
{
    time_t made = 0, now = time(NULL);

    if (uid != text->request->userid)
        return imp_error_set(err, -EPERM,
                             "sign: the request names user %u but was signed by user %u",
                             text->request->userid, uid);
    if (munge_ctx_get(ctx, MUNGE_OPT_ENCODE_TIME, &made) != EMUNGE_SUCCESS || made <= 0)
        return imp_error_set(err, -EPERM, "munge: a credential without a time");
    if (now - made > sign->max_ttl)
        return imp_error_set(err, -ETIME,
                             "sign: the request was signed %lld s ago; sign.max-ttl is %lld",
                             (long long)(now - made), (long long)sign->max_ttl);
    *expires = made + sign->max_ttl;
    return 0;
}

static int verify(struct sign *sign, const struct sign_text *text, const char *signature,
                  time_t *expires, struct imp_error *err)
{
    unsigned char bytes[CONTENT_SIZE];
    void *data = NULL;
    int len = 0;
    uid_t uid = (uid_t)-1;
    gid_t gid;
    munge_ctx_t ctx = NULL;
    int r = open_munge(sign, &ctx, err);

    if (r < 0)
        return r;
    munge_err_t e = munge_decode(signature, ctx, &data, &len, &uid, &gid);
    content(text, bytes);
    if (e != EMUNGE_SUCCESS && e != EMUNGE_CRED_EXPIRED && e != EMUNGE_CRED_REPLAYED)
        r = explain(ctx, e, err);
    else if (!data || len != CONTENT_SIZE || sodium_memcmp(data, bytes, CONTENT_SIZE) != 0)
        r = imp_error_set(err, -EBADMSG,
                          "sign: the signature is for another request: header or payload altered");
    else
        r = judge(sign, ctx, uid, text, expires, err);
    free(data);
    munge_ctx_destroy(ctx);
    return r;
}

const struct sign_mech sign_mech_munge = {"munge", prepare, sign_munge, verify};
