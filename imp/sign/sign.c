// SPDX-License-Identifier: LGPL-3.0-only
/* J put together and taken apart, and the settings of [sign]. A request is given out only when its
 * whole form was checked, and, but for SIGN_NOVERIFY, its signature. */
#include "sign.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "ca.h"
#include "mech.h"

enum { NONCE_BYTES = 16 };

static const struct sign_mech *const mechanisms[] = {
    &sign_mech_munge,
    &sign_mech_curve,
    &sign_mech_none,
};

static const struct sign_mech *find_mech(const char *name)
{
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++)
        if (strcmp(mechanisms[i]->name, name) == 0)
            return mechanisms[i];
    return NULL;
}

static int no_memory(struct imp_error *err)
{
    return imp_error_set(err, -ENOMEM, "out of memory");
}

static int unknown_type(const char *name, struct imp_error *err)
{
    return imp_error_set(err, -EINVAL,
                         "sign: unknown type '%.32s': munge, curve and none are known", name);
}

/* A setting that must be there; the callee's own error where it is of another type. */
static int missing(int r, const char *what, struct imp_error *err)
{
    return r ? r : imp_error_set(err, -EINVAL, "security configuration: %s is missing", what);
}

static int read_types(struct sign *s, const struct conf *conf, struct imp_error *err)
{
    int r = missing(conf_get_strings(conf, "sign.allowed-types", &s->allowed, err),
                    "sign.allowed-types", err);

    if (r < 0)
        return r;
    if (conf_len(s->allowed) == 0)
        return imp_error_set(err, -EINVAL, "security configuration: sign.allowed-types is empty");
    for (size_t i = 0; i < conf_len(s->allowed); i++)
        if (!find_mech(conf_string(conf_at(s->allowed, i))))
            return unknown_type(conf_string(conf_at(s->allowed, i)), err);
    r = missing(conf_get_string(conf, "sign.default-type", &s->default_type, err),
                "sign.default-type", err);
    if (r >= 0 && !conf_has(s->allowed, s->default_type))
        return imp_error_set(err, -EINVAL,
                             "security configuration: sign.default-type '%s' is not one of "
                             "sign.allowed-types",
                             s->default_type);
    return r;
}

static int read_conf(struct sign *s, const struct conf *conf, struct imp_error *err)
{
    bool require_ca = false;
    int r = missing(conf_get_int(conf, "sign.max-ttl", &s->max_ttl, err), "sign.max-ttl", err);

    if (r < 0)
        return r;
    if (s->max_ttl <= 0 || s->max_ttl > INT32_MAX)
        return imp_error_set(err, -EINVAL,
                             "security configuration: sign.max-ttl must be seconds above 0");
    if ((r = read_types(s, conf, err)) < 0 ||
        (r = conf_get_string(conf, "sign.instance", &s->instance, err)) < 0 ||
        (r = conf_get_string(conf, "sign.munge.socket-path", &s->munge_socket, err)) < 0 ||
        (r = conf_get_string(conf, "sign.curve.cert-path", &s->cert_path, err)) < 0 ||
        (r = conf_get_bool(conf, "sign.curve.require-ca", &require_ca, err)) < 0)
        return r;
    return require_ca ? ca_new(conf, &s->ca, err) : 0;
}

int sign_new(const struct conf *security, struct sign **ret, struct imp_error *err)
{
    if (sodium_init() < 0)
        return imp_error_set(err, -EIO, "sign: libsodium does not start");
    struct sign *s = calloc(1, sizeof(*s));
    if (!s)
        return no_memory(err);
    int r = read_conf(s, security, err);
    if (r < 0)
        sign_free(s);
    else
        *ret = s;
    return r < 0 ? r : 0;
}

void sign_free(struct sign *sign)
{
    if (sign) {
        ca_free(sign->ca);
        cert_free(sign->own);
        cert_free(sign->own_public);
    }
    free(sign);
}

/* No two requests are the same, so that one can be told from a copy of it. */
static int put_nonce(struct kv *header)
{
    unsigned char bytes[NONCE_BYTES];
    char text[2 * NONCE_BYTES + 1];

    randombytes_buf(bytes, sizeof(bytes));
    return kv_put_string(header, "nonce", sodium_bin2hex(text, sizeof(text), bytes, sizeof(bytes)));
}

static int put_header(const struct sign *s, struct kv *header, const struct sign_input *in)
{
    int r = in->extra ? kv_join(header, "", in->extra) : 0;

    r = r < 0 ? r : put_nonce(header);
    if (r == 0 && s->instance)
        r = kv_put_string(header, "instance", s->instance);
    r = r < 0 ? r : kv_put_int(header, "version", 1);
    r = r < 0 ? r : kv_put_string(header, "mechanism", in->mechanism);
    return r < 0 ? r : kv_put_int(header, "userid", in->userid);
}

static char *join(const struct kv *header, const struct sign_input *in)
{
    size_t len;
    const void *bytes = kv_encode(header, &len);
    char *first = base64_encode(bytes, len), *second = base64_encode(in->payload, in->len);
    char *text = NULL;

    if (first && second && asprintf(&text, "%s.%s", first, second) < 0)
        text = NULL;
    free(first);
    free(second);
    return text;
}

static int sign_header(struct sign *s, const struct sign_input *in, const struct kv *header,
                       char **ret, struct imp_error *err)
{
    char *text = join(header, in), *signature = NULL;

    if (!text)
        return no_memory(err);
    struct sign_request request = {.userid = in->userid, .header = (struct kv *)header};
    struct sign_text what = {text, strlen(text), &request};
    int r = find_mech(in->mechanism)->sign(s, &what, &signature, err);
    if (r == 0 && asprintf(ret, "%s.%s", text, signature) < 0)
        r = no_memory(err);
    free(signature);
    free(text);
    return r;
}

int sign_wrap(struct sign *sign, const struct sign_input *in, char **ret, struct imp_error *err)
{
    struct sign_input given = *in;

    if (!given.mechanism)
        given.mechanism = sign->default_type;
    const struct sign_mech *mech = find_mech(given.mechanism);
    if (!mech)
        return unknown_type(given.mechanism, err);
    if (in->len > SIGN_PAYLOAD_MAX)
        return imp_error_set(err, -EFBIG, "sign: a request of %zu bytes is larger than %d", in->len,
                             SIGN_PAYLOAD_MAX);
    struct kv *header = kv_new();
    if (!header)
        return no_memory(err);
    int r = put_header(sign, header, &given);
    if (r < 0)
        imp_error_sys(err, r, "sign: header");
    else
        r = mech->prepare(sign, in->userid, header, err);
    if (r == 0)
        r = sign_header(sign, &given, header, ret, err);
    kv_free(header);
    return r;
}

static int malformed(const char *what, struct imp_error *err)
{
    return imp_error_set(err, -EINVAL, "sign: not a signed request: %s", what);
}

static int read_header(const char *text, size_t len, struct sign_request *ret,
                       struct imp_error *err)
{
    char *bytes;
    size_t n;
    int64_t version, userid;
    const char *name;
    int r = base64_decode(text, len, &bytes, &n);

    if (r == 0) {
        r = kv_decode(bytes, n, &ret->header);
        free(bytes);
    }
    if (r == -ENOMEM)
        return no_memory(err);
    if (r < 0)
        return malformed("its header does not decode", err);
    if (kv_get_int(ret->header, "version", &version) < 0 || version != 1)
        return malformed("its version is not 1", err);
    if (kv_get_string(ret->header, "mechanism", &name) < 0)
        return malformed("it names no mechanism", err);
    if (!find_mech(name))
        return unknown_type(name, err);
    if (kv_get_int(ret->header, "userid", &userid) < 0 || userid < 0 || userid >= UINT32_MAX)
        return malformed("it names no user", err);
    ret->mechanism = find_mech(name)->name;
    ret->userid = (uid_t)userid;
    return 0;
}

static int verify(struct sign *s, const struct sign_text *text, const char *signature,
                  struct sign_request *request, struct imp_error *err)
{
    const char *instance;

    if (!conf_has(s->allowed, request->mechanism))
        return imp_error_set(err, -EPERM, "sign: type '%s' is not in sign.allowed-types",
                             request->mechanism);
    if (s->instance && (kv_get_string(request->header, "instance", &instance) < 0 ||
                        strcmp(instance, s->instance) != 0))
        return imp_error_set(err, -EPERM,
                             "sign: the request was not signed for '%s', as sign.instance demands",
                             s->instance);
    return find_mech(request->mechanism)->verify(s, text, signature, &request->expires, err);
}

static int take_apart(const char *j, struct sign_request *ret, const char **signature,
                      struct imp_error *err)
{
    size_t len = strnlen(j, SIGN_J_MAX + 1), header = strcspn(j, ".");

    if (len > SIGN_J_MAX)
        return imp_error_set(err, -EFBIG, "sign: a signed request is larger than %d bytes",
                             SIGN_J_MAX);
    if (j[header] != '.')
        return malformed("it has one part, not three", err);
    const char *payload = j + header + 1;
    size_t plen = strcspn(payload, ".");
    if (payload[plen] != '.' || strchr(payload + plen + 1, '.') || !payload[plen + 1])
        return malformed("it has not three parts", err);
    *signature = payload + plen + 1;
    int r = read_header(j, header, ret, err);
    if (r < 0)
        return r;
    r = base64_decode(payload, plen, &ret->payload, &ret->len);
    if (r == -ENOMEM)
        return no_memory(err);
    return r < 0 ? malformed("its payload is not base64", err) : 0;
}

int sign_unwrap(struct sign *sign, const char *j, unsigned flags, struct sign_request *ret,
                struct imp_error *err)
{
    struct sign_request request = {0};
    const char *signature = j;
    int r = take_apart(j, &request, &signature, err);

    if (r == 0 && !(flags & SIGN_NOVERIFY)) {
        struct sign_text text = {j, (size_t)(signature - j) - 1, &request};
        r = sign ? verify(sign, &text, signature, &request, err)
                 : imp_error_set(err, -EINVAL, "sign: no configuration to verify with");
    }
    if (r < 0)
        sign_request_done(&request);
    else
        *ret = request;
    return r;
}

void sign_request_done(struct sign_request *request)
{
    kv_free(request->header);
    free(request->payload);
    *request = (struct sign_request){0};
}
