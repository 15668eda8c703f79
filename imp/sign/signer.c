// SPDX-License-Identifier: LGPL-3.0-only
/* The public interface of libflux-sign. */
#include <flux/signer.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../conf/conf.h"
#include "../places.h"
#include "ca.h"
#include "sign.h"

struct flux_signer {
    struct conf *conf;
    struct sign *sign;
};

static int give(int r, const struct imp_error *from, struct flux_signer_error *to)
{
    if (r < 0 && to)
        memccpy(to->text, from->text, '\0', sizeof(to->text));
    return r;
}

static int open_conf(struct flux_signer *s, const char *dir, struct imp_error *err)
{
    int r = conf_load(dir, geteuid(), &s->conf, err);

    if (r == -ENOENT)
        return imp_error_set(err, r,
                             "no security configuration: a file such as %s/security.toml must say "
                             "how requests are signed, see flux-config-security(5)",
                             dir);
    r = r < 0 ? r : conf_check(s->conf, &conf_keys_security, err);
    return r < 0 ? r : sign_new(s->conf, &s->sign, err);
}

int flux_signer_open(const char *dir, struct flux_signer **ret, struct flux_signer_error *err)
{
    struct flux_signer *s = calloc(1, sizeof(*s));
    struct imp_error why = {""};

    if (!s)
        return give(imp_error_set(&why, -ENOMEM, "out of memory"), &why, err);
    if (!dir)
        dir = secure_getenv("FLUX_SECURITY_CONF");
    int r = open_conf(s, dir ? dir : PLACES_SECURITY, &why);
    if (r < 0)
        flux_signer_close(s);
    else
        *ret = s;
    return give(r, &why, err);
}

void flux_signer_close(struct flux_signer *s)
{
    if (!s)
        return;
    sign_free(s->sign);
    conf_free(s->conf);
    free(s);
}

int flux_signer_sign(struct flux_signer *s, const struct flux_signer_request *in, char **j,
                     struct flux_signer_error *err)
{
    struct sign_input input = {
        .payload = in->payload, .len = in->len, .userid = geteuid(), .mechanism = in->type};
    struct imp_error why = {""};

    return give(sign_wrap(s->sign, &input, j, &why), &why, err);
}

int flux_signer_verify(struct flux_signer *s, const char *j, unsigned flags,
                       struct flux_signer_result *ret, struct flux_signer_error *err)
{
    struct sign_request request;
    struct imp_error why = {""};
    int r = sign_unwrap(s ? s->sign : NULL, j, flags & FLUX_SIGNER_NOVERIFY ? SIGN_NOVERIFY : 0,
                        &request, &why);

    if (r == 0) {
        *ret = (struct flux_signer_result){.payload = request.payload,
                                           .len = request.len,
                                           .userid = request.userid,
                                           .type = request.mechanism,
                                           .expires = request.expires};
        request.payload = NULL;
        sign_request_done(&request);
    }
    return give(r, &why, err);
}

int flux_signer_revoke(struct flux_signer *s, const char *uuid, struct flux_signer_error *err)
{
    struct imp_error why = {""};
    struct ca *ca = NULL;
    int r = ca_new(s->conf, &ca, &why);

    if (r == 0)
        r = ca_revoke(ca, uuid, &why);
    ca_free(ca);
    return give(r, &why, err);
}
