// SPDX-License-Identifier: LGPL-3.0-only
/* Keys and certificates in memory. What a signature of the CA covers is the metadata and the public
 * key as a kv in one fixed order, whatever the order of lines in a file. */
#include "cert.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "cert_private.h"

/* In the order in which they are signed. */
const struct cert_field cert_fields[] = {
    {"uuid", 's'},
    {"userid", 'i'},
    {"ctime", 't'},
    {"xtime", 't'},
    {"not-valid-before-time", 't'},
    {"max-sign-ttl", 'i'},
    {"issuer", 's'},
    {"domain", 's'},
    {"ca-capability", 'b'},
    {"algorithm", 's'},
    {NULL, 0},
};

static int no_memory(struct imp_error *err)
{
    return imp_error_set(err, -ENOMEM, "out of memory");
}

struct cert *cert_alloc(void)
{
    struct cert *cert = calloc(1, sizeof(*cert));

    if (cert && !(cert->metadata = kv_new())) {
        free(cert);
        return NULL;
    }
    return cert;
}

void cert_free(struct cert *cert)
{
    if (!cert)
        return;
    kv_free(cert->metadata);
    sodium_memzero(cert->secret, sizeof(cert->secret));
    free(cert);
}

int cert_rename(struct cert *cert)
{
    unsigned char b[16];
    char text[37];

    randombytes_buf(b, sizeof(b));
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    snprintf(text, sizeof(text),
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
    return kv_put_string(cert->metadata, "uuid", text);
}

int cert_new(struct cert **ret, struct imp_error *err)
{
    struct cert *cert = cert_alloc();

    if (!cert)
        return no_memory(err);
    crypto_sign_keypair(cert->public, cert->secret);
    cert->has_secret = true;
    if (cert_rename(cert) < 0 || kv_put_time(cert->metadata, "ctime", time(NULL)) < 0 ||
        kv_put_string(cert->metadata, "algorithm", "ed25519") < 0) {
        cert_free(cert);
        return no_memory(err);
    }
    *ret = cert;
    return 0;
}

struct kv *cert_metadata(const struct cert *cert)
{
    return cert->metadata;
}

bool cert_has_secret(const struct cert *cert)
{
    return cert->has_secret;
}

bool cert_same_key(const struct cert *a, const struct cert *b)
{
    return sodium_memcmp(a->public, b->public, sizeof(a->public)) == 0;
}

static bool is_uuid(const char *s)
{
    size_t i;

    for (i = 0; s[i]; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-'
                                                    : !strchr("0123456789abcdef", s[i]))
            return false;
    return i == 36;
}

/* The type that a key of the metadata has, or 0. */
static char type_of(const char *key)
{
    for (const struct cert_field *f = cert_fields; f->name; f++)
        if (strcmp(f->name, key) == 0)
            return f->type;
    return 0;
}

int cert_check(const struct cert *cert, const char *name, struct imp_error *err)
{
    const char *text;
    struct kv_entry e;

    for (size_t pos = 0; kv_next(cert->metadata, &pos, &e);)
        if (type_of(e.key) != e.type)
            return imp_error_set(
                err, -EINVAL, "%s: metadata '%.64s' is not known or of another type", name, e.key);
    if (kv_get_string(cert->metadata, "uuid", &text) < 0 || !is_uuid(text))
        return imp_error_set(err, -EINVAL, "%s: a certificate without a proper uuid", name);
    if (kv_get_string(cert->metadata, "algorithm", &text) < 0 || strcmp(text, "ed25519") != 0)
        return imp_error_set(err, -EINVAL, "%s: the algorithm of a certificate must be ed25519",
                             name);
    if (cert->has_secret) {
        unsigned char public[sizeof(cert->public)];
        crypto_sign_ed25519_sk_to_pk(public, cert->secret);
        if (sodium_memcmp(public, cert->public, sizeof(public)) != 0)
            return imp_error_set(err, -EINVAL, "%s: secret and public key do not match", name);
    }
    return 0;
}

/* Metadata and public key: what is signed. */
static int signed_part(const struct cert *cert, struct kv *ret)
{
    struct kv_entry e;
    int r = 0;

    for (const struct cert_field *f = cert_fields; f->name && r == 0; f++)
        for (size_t pos = 0; r == 0 && kv_next(cert->metadata, &pos, &e);)
            if (strcmp(e.key, f->name) == 0)
                r = kv_put_entry(ret, &e);
    char *key = r == 0 ? base64_encode(cert->public, sizeof(cert->public)) : NULL;
    if (r == 0)
        r = key ? kv_put_string(ret, "public-key", key) : -ENOMEM;
    free(key);
    return r;
}

int cert_to_kv(const struct cert *cert, struct kv *ret)
{
    int r = signed_part(cert, ret);

    if (r < 0 || !cert->is_signed)
        return r;
    char *signature = base64_encode(cert->signature, sizeof(cert->signature));
    r = signature ? kv_put_string(ret, "signature", signature) : -ENOMEM;
    free(signature);
    return r;
}

static int from_kv(const struct kv *kv, struct cert *cert, struct imp_error *err)
{
    const char *key, *signature;
    int r = kv_join(cert->metadata, "", kv);

    if (r < 0)
        return imp_error_sys(err, r, "certificate");
    if (kv_get_string(kv, "public-key", &key) < 0 ||
        base64_decode_exact(key, cert->public, sizeof(cert->public)) < 0)
        return imp_error_set(err, -EINVAL, "certificate: no proper public key");
    kv_delete(cert->metadata, "public-key");
    if (kv_get_string(kv, "signature", &signature) == 0) {
        if (base64_decode_exact(signature, cert->signature, sizeof(cert->signature)) < 0)
            return imp_error_set(err, -EINVAL, "certificate: no proper signature");
        cert->is_signed = true;
        kv_delete(cert->metadata, "signature");
    }
    return cert_check(cert, "certificate", err);
}

int cert_from_kv(const struct kv *kv, struct cert **ret, struct imp_error *err)
{
    struct cert *cert = cert_alloc();

    if (!cert)
        return no_memory(err);
    int r = from_kv(kv, cert, err);
    if (r < 0)
        cert_free(cert);
    else
        *ret = cert;
    return r;
}

bool cert_equal(const struct cert *a, const struct cert *b)
{
    struct kv *x = kv_new(), *y = kv_new();
    bool same = false;

    if (x && y && signed_part(a, x) == 0 && signed_part(b, y) == 0) {
        size_t n, m;
        const void *p = kv_encode(x, &n), *q = kv_encode(y, &m);
        same = n == m && sodium_memcmp(p, q, n) == 0;
    }
    kv_free(x);
    kv_free(y);
    return same;
}

int cert_sign(struct cert *cert, const struct cert *issuer, struct imp_error *err)
{
    struct kv *kv = kv_new();
    size_t len;

    if (!kv || signed_part(cert, kv) < 0) {
        kv_free(kv);
        return no_memory(err);
    }
    int r = issuer->has_secret
                ? 0
                : imp_error_set(err, -EINVAL, "certificate: no secret key to sign with");
    if (r == 0) {
        const void *bytes = kv_encode(kv, &len);
        crypto_sign_detached(cert->signature, NULL, bytes, len, issuer->secret);
        cert->is_signed = true;
    }
    kv_free(kv);
    return r;
}

int cert_verify(const struct cert *cert, const struct cert *issuer, struct imp_error *err)
{
    struct kv *kv = kv_new();
    size_t len;

    if (!kv || signed_part(cert, kv) < 0) {
        kv_free(kv);
        return no_memory(err);
    }
    const void *bytes = kv_encode(kv, &len);
    bool good = cert->is_signed &&
                crypto_sign_verify_detached(cert->signature, bytes, len, issuer->public) == 0;
    kv_free(kv);
    return good ? 0 : imp_error_set(err, -EKEYREJECTED, "certificate: not signed by this CA");
}

int cert_sign_bytes(const struct cert *cert, const void *bytes, size_t len, char **ret,
                    struct imp_error *err)
{
    unsigned char signature[crypto_sign_BYTES];

    if (!cert->has_secret)
        return imp_error_set(err, -EINVAL, "certificate: no secret key to sign with");
    crypto_sign_detached(signature, NULL, bytes, len, cert->secret);
    *ret = base64_encode(signature, sizeof(signature));
    return *ret ? 0 : no_memory(err);
}

int cert_verify_bytes(const struct cert *cert, const void *bytes, size_t len, const char *signature,
                      struct imp_error *err)
{
    unsigned char raw[crypto_sign_BYTES];

    if (base64_decode_exact(signature, raw, sizeof(raw)) < 0)
        return imp_error_set(err, -EINVAL, "sign: the signature is not one of ed25519");
    if (crypto_sign_verify_detached(raw, bytes, len, cert->public) != 0)
        return imp_error_set(
            err, -EBADMSG, "sign: the signature is for another request: header or payload altered");
    return 0;
}
