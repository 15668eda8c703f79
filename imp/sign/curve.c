// SPDX-License-Identifier: LGPL-3.0-only
/* Signatures by ed25519 keys. The header carries the signer's certificate (curve.cert.*) and the
 * times between which it holds (curve.ctime, curve.xtime). Whose certificate it is the CA of the
 * site tells, or else the user's home: a file that nobody but this user can have written. */
#include "mech.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../conf/secure.h"
#include "ca.h"

static int find_user(uid_t userid, struct passwd *pw, char *buf, size_t size, struct imp_error *err)
{
    struct passwd *found = NULL;
    int r = getpwuid_r(userid, pw, buf, size, &found);

    if (r || !found)
        return imp_error_set(err, r ? -r : -ENOENT, "sign: no user %u on this host", userid);
    return 0;
}

/* Read a file of the user's as he would, so that it does not matter what root may open. */
static int read_as(const struct passwd *pw, const char *path, char **text, struct imp_error *err)
{
    char real[PATH_MAX];
    struct stat st;
    bool root = geteuid() == 0 && pw->pw_uid != 0;
    int fd = -1, r = 0;

    if (root) {
        setfsgid(pw->pw_gid);
        setfsuid(pw->pw_uid);
    }
    if (root && (setfsuid((uid_t)-1) != (int)pw->pw_uid || setfsgid((gid_t)-1) != (int)pw->pw_gid))
        r = imp_error_set(err, -EPERM, "sign: cannot read files as user %u", pw->pw_uid);
    else if (!realpath(path, real))
        r = imp_error_sys(err, -errno, "%s", path);
    else
        r = fd = secure_open(real, pw->pw_uid, err);
    if (root) {
        setfsuid(0);
        setfsgid(getegid());
    }
    if (r < 0)
        return r;
    if (fstat(fd, &st) < 0 || st.st_uid != pw->pw_uid)
        r = imp_error_set(err, -EPERM, "%s does not belong to user %u", real, pw->pw_uid);
    else
        r = (int)secure_read(fd, CERT_FILE_MAX, text);
    close(fd);
    return r < 0 && !err->text[0] ? imp_error_sys(err, r, "%s", path) : r;
}

/* The user's certificate: the secret or the public file. */
static int load(const struct sign *sign, uid_t userid, bool secret, struct cert **ret,
                struct imp_error *err)
{
    char path[PATH_MAX], buf[65536], *text = NULL; /* buf: an entry of the user database */
    const char *suffix = secret ? "" : ".pub";
    struct imp_error why = {""};
    struct passwd pw;
    int r = find_user(userid, &pw, buf, sizeof(buf), err);

    if (r < 0)
        return r;
    int n = sign->cert_path
                ? snprintf(path, sizeof(path), "%s%s", sign->cert_path, suffix)
                : snprintf(path, sizeof(path), "%s/.flux/curve/sig%s", pw.pw_dir, suffix);
    if (n < 0 || n >= (int)sizeof(path))
        return imp_error_sys(err, -ENAMETOOLONG, "sign: certificate of user %u", userid);
    r = read_as(&pw, path, &text, &why);
    if (r < 0)
        return imp_error_set(err, r, "sign: no certificate of user %u: %s", userid, why.text);
    size_t len = (size_t)r;
    r = cert_parse(text, len, path, ret, err);
    explicit_bzero(text, len);
    free(text);
    return r;
}

/* The signer's own key, and the public file with what the CA said of it. Read once. */
static int load_own(struct sign *sign, struct imp_error *err)
{
    struct cert *secret = NULL, *public = NULL;

    if (sign->own)
        return 0;
    int r = load(sign, geteuid(), true, &secret, err);
    if (r == 0)
        r = load(sign, geteuid(), false, &public, err);
    if (r == 0 && !cert_has_secret(secret))
        r = imp_error_set(err, -EINVAL, "sign: the certificate has no secret key");
    if (r == 0 && !cert_same_key(secret, public))
        r = imp_error_set(err, -EINVAL,
                          "sign: the secret and the public file of the certificate have "
                          "different keys");
    if (r < 0) {
        cert_free(secret);
        cert_free(public);
        return r;
    }
    sign->own = secret;
    sign->own_public = public;
    return 0;
}

static int put_times(struct sign *sign, struct kv *header)
{
    int64_t ttl = sign->max_ttl, least;
    time_t now = time(NULL);

    if (kv_get_int(cert_metadata(sign->own_public), "max-sign-ttl", &least) == 0 && least < ttl)
        ttl = least;
    int r = kv_put_time(header, "curve.ctime", now);
    return r < 0 ? r : kv_put_time(header, "curve.xtime", now + ttl);
}

static int prepare(struct sign *sign, uid_t userid, struct kv *header, struct imp_error *err)
{
    if (userid != geteuid())
        return imp_error_set(err, -EPERM, "sign: curve signs for user %u only, not %u", geteuid(),
                             userid);
    int r = load_own(sign, err);
    if (r < 0)
        return r;
    struct kv *cert = kv_new();
    r = cert ? cert_to_kv(sign->own_public, cert) : -ENOMEM;
    r = r < 0 ? r : kv_join(header, "curve.cert.", cert);
    r = r < 0 ? r : put_times(sign, header);
    kv_free(cert);
    return r < 0 ? imp_error_sys(err, r, "sign: header") : 0;
}

static int sign_curve(struct sign *sign, const struct sign_text *text, char **ret,
                      struct imp_error *err)
{
    return cert_sign_bytes(sign->own, text->text, text->len, ret, err);
}

/* The certificate in the header, proven to be that of the header's user. */
static int prove(struct sign *sign, const struct cert *cert, uid_t userid, int64_t *max_ttl,
                 struct imp_error *err)
{
    struct cert *known = NULL;
    int64_t ttl = sign->max_ttl;
    int r;

    if (sign->ca) {
        r = ca_verify(sign->ca, cert, userid, &ttl, err);
    } else {
        r = load(sign, userid, false, &known, err);
        if (r == 0 && !cert_equal(cert, known))
            r = imp_error_set(err, -EKEYREJECTED,
                              "sign: the certificate is not the one that user %u has now", userid);
        cert_free(known);
    }
    *max_ttl = ttl < sign->max_ttl ? ttl : sign->max_ttl;
    return r;
}

static int check_times(const struct kv *header, int64_t max_ttl, time_t *expires,
                       struct imp_error *err)
{
    time_t made, until, now = time(NULL);

    if (kv_get_time(header, "curve.ctime", &made) < 0 ||
        kv_get_time(header, "curve.xtime", &until) < 0)
        return imp_error_set(err, -EINVAL, "sign: the request has no times");
    if (made > now + CERT_CLOCK_SKEW)
        return imp_error_set(err, -ETIME,
                             "sign: the request is from the future: are the clocks of the hosts in "
                             "step?");
    if (until > made + max_ttl)
        until = made + max_ttl;
    if (now > until)
        return imp_error_set(err, -ETIME, "sign: the request was signed %lld s ago and has expired",
                             (long long)(now - made));
    *expires = until;
    return 0;
}

static int header_cert(const struct kv *header, struct cert **ret, struct imp_error *err)
{
    struct kv *kv = kv_new();
    int r = kv ? kv_split(header, "curve.cert.", kv) : -ENOMEM;

    if (r < 0)
        imp_error_sys(err, r, "sign: header");
    else
        r = cert_from_kv(kv, ret, err);
    kv_free(kv);
    return r;
}

static int verify(struct sign *sign, const struct sign_text *text, const char *signature,
                  time_t *expires, struct imp_error *err)
{
    struct cert *cert;
    int64_t ttl;
    int r = header_cert(text->request->header, &cert, err);

    if (r < 0)
        return r;
    /* who first: a signature by somebody's own key proves nothing */
    r = prove(sign, cert, text->request->userid, &ttl, err);
    if (r == 0)
        r = cert_verify_bytes(cert, text->text, text->len, signature, err);
    if (r == 0)
        r = check_times(text->request->header, ttl, expires, err);
    cert_free(cert);
    return r;
}

const struct sign_mech sign_mech_curve = {"curve", prepare, sign_curve, verify};
