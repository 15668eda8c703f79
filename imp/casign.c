// SPDX-License-Identifier: LGPL-3.0-only
/* `flux-imp casign`: a certificate on standard input, the same signed by the site's CA for the real
 * user on standard output. What it said about its user, issuer and times is replaced. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imp.h"
#include "log.h"
#include "places.h"
#include "privsep.h"
#include "sign/ca.h"
#include "sign/cert.h"

#define PREFIX "cert."

static int ask(struct imp *imp, struct kv *request, struct imp_error *err)
{
    struct cert *cert = NULL;
    struct kv *kv = NULL;
    char *text;
    ssize_t n;
    int r;

    if (imp->argc != 1)
        return imp_error_set(err, -EINVAL, "usage: flux-imp casign <CERT.pub >SIGNED.pub");
    n = privsep_read_all(STDIN_FILENO, CERT_FILE_MAX, &text);
    if (n < 0)
        return imp_error_sys(err, n, "casign: cannot read the certificate");
    r = cert_parse(text, n, "standard input", &cert, err);
    free(text);
    if (r < 0)
        return r;
    if (cert_has_secret(cert))
        r = imp_error_set(err, -EINVAL, "casign: this is a secret: give the public half");
    kv = kv_new();
    if (r == 0 && (!kv || cert_to_kv(cert, kv) < 0 || kv_put_string(request, "cmd", "casign") < 0 ||
                   kv_join(request, PREFIX, kv) < 0))
        r = imp_error_set(err, -ENOMEM, "casign: cannot make the request");
    kv_free(kv);
    cert_free(cert);
    return r;
}

static int decode(const struct kv *request, struct cert **ret, struct imp_error *err)
{
    struct kv *kv = kv_new();
    const char *cmd;
    int r = 0;

    if (!kv)
        return imp_error_sys(err, -ENOMEM, "casign");
    if (kv_get_string(request, "cmd", &cmd) < 0 || strcmp(cmd, "casign") != 0 ||
        kv_split(request, PREFIX, kv) < 0)
        r = imp_error_set(err, -EINVAL, "casign: the request is for something else");
    r = r < 0 ? r : cert_from_kv(kv, ret, err);
    kv_free(kv);
    return r;
}

static int sign(const struct imp *imp, struct cert *cert, struct imp_error *err)
{
    struct conf *security;
    struct ca *ca = NULL;
    int r = conf_load(PLACES_SECURITY, 0, &security, err);

    if (r < 0)
        return r;
    r = conf_check(security, &conf_keys_security, err);
    r = r < 0 ? r : ca_new(security, &ca, err);
    r = r < 0 ? r : ca_load_secret(ca, err);
    r = r < 0 ? r : ca_sign(ca, cert, imp->entry.uid, 0, err);
    ca_free(ca);
    conf_free(security);
    return r;
}

static int print(const char *text, struct imp_error *err)
{
    size_t len = strlen(text);

    for (size_t done = 0; done < len;) {
        ssize_t n = write(STDOUT_FILENO, text + done, len - done);
        if (n <= 0)
            return imp_error_sys(err, n < 0 ? -errno : -EIO, "casign: standard output");
        done += n;
    }
    return 0;
}

static int act(struct imp *imp, struct kv *request, struct imp_error *err)
{
    struct cert *cert = NULL;
    char *text = NULL;
    int r = decode(request, &cert, err);

    r = r < 0 ? r : sign(imp, cert, err);
    if (r == 0 && !(text = cert_format(cert, false)))
        r = imp_error_sys(err, -ENOMEM, "casign");
    cert_free(cert);
    if (r < 0)
        return r;
    log_write(LOG_INFO, "casign: certificate signed for %s", imp->caller.name);
    r = entry_drop(&imp->entry); /* standard output is the caller's */
    r = r < 0 ? imp_error_set(err, r, "cannot give up privileges") : print(text, err);
    free(text);
    return r;
}

const struct command command_casign = {
    .name = "casign",
    .usage = "casign <CERT.pub >SIGNED.pub",
    .ask = ask,
    .act = act,
};
