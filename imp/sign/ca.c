// SPDX-License-Identifier: LGPL-3.0-only
/* The site's certificate authority. Whatever can't be established about a certificate refuses it.
 */
#include "ca.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../conf/conf.h"
#include "../conf/secure.h"

struct ca {
    struct cert *cert;
    const char *path, *domain, *revoke_dir;
    int64_t max_cert_ttl, max_sign_ttl;
    bool revoke_allow;
};

static int need(int r, const char *key, struct imp_error *err)
{
    return r ? r : imp_error_set(err, -EINVAL, "security configuration: ca.%s is missing", key);
}

static int read_conf(struct ca *ca, const struct conf *conf, struct imp_error *err)
{
    int r;

    if ((r = need(conf_get_string(conf, "ca.cert-path", &ca->path, err), "cert-path", err)) < 0 ||
        (r = need(conf_get_string(conf, "ca.domain", &ca->domain, err), "domain", err)) < 0 ||
        (r = need(conf_get_string(conf, "ca.revoke-dir", &ca->revoke_dir, err), "revoke-dir",
                  err)) < 0 ||
        (r = need(conf_get_int(conf, "ca.max-cert-ttl", &ca->max_cert_ttl, err), "max-cert-ttl",
                  err)) < 0 ||
        (r = need(conf_get_int(conf, "ca.max-sign-ttl", &ca->max_sign_ttl, err), "max-sign-ttl",
                  err)) < 0 ||
        (r = conf_get_bool(conf, "ca.revoke-allow", &ca->revoke_allow, err)) < 0)
        return r;
    if (ca->max_cert_ttl <= 0 || ca->max_sign_ttl <= 0 || ca->max_cert_ttl > INT32_MAX ||
        ca->max_sign_ttl > INT32_MAX)
        return imp_error_set(err, -EINVAL,
                             "security configuration: ca.max-cert-ttl and ca.max-sign-ttl must be "
                             "seconds above 0");
    return 0;
}

/* A file that only root (or who runs this, in tests) can have written. `secret`: nor others read.
 */
static int load(const char *path, bool secret, struct cert **ret, struct imp_error *err)
{
    struct stat st;
    char *text = NULL;
    int fd = secure_open(path, geteuid(), err);

    if (fd < 0)
        return fd;
    ssize_t len = fstat(fd, &st) < 0 ? -errno : secure_read(fd, CERT_FILE_MAX, &text);
    close(fd);
    if (len < 0)
        return imp_error_sys(err, (int)len, "%s", path);
    int r =
        secret && (st.st_mode & 077)
            ? imp_error_set(err, -EPERM, "%s has mode %04o: others may read a secret; chmod 600",
                            path, st.st_mode & 07777)
            : cert_parse(text, (size_t)len, path, ret, err);
    explicit_bzero(text, (size_t)len);
    free(text);
    return r;
}

static int load_public(struct ca *ca, struct imp_error *err)
{
    char path[PATH_MAX];
    bool capable = false;

    if (snprintf(path, sizeof(path), "%s.pub", ca->path) >= (int)sizeof(path))
        return imp_error_sys(err, -ENAMETOOLONG, "%s", ca->path);
    int r = load(path, false, &ca->cert, err);
    if (r < 0)
        return r;
    if (kv_get_bool(cert_metadata(ca->cert), "ca-capability", &capable) < 0 || !capable)
        return imp_error_set(err, -EKEYREJECTED, "%s is not the certificate of a CA", path);
    return 0;
}

int ca_new(const struct conf *security, struct ca **ret, struct imp_error *err)
{
    struct ca *ca = calloc(1, sizeof(*ca));

    if (!ca)
        return imp_error_set(err, -ENOMEM, "out of memory");
    int r = read_conf(ca, security, err);
    if (r >= 0)
        r = load_public(ca, err);
    if (r < 0)
        ca_free(ca);
    else
        *ret = ca;
    return r;
}

void ca_free(struct ca *ca)
{
    if (ca)
        cert_free(ca->cert);
    free(ca);
}

int ca_load_secret(struct ca *ca, struct imp_error *err)
{
    struct cert *secret;
    int r = load(ca->path, true, &secret, err);

    if (r < 0)
        return r;
    if (!cert_has_secret(secret) || !cert_equal(secret, ca->cert)) {
        cert_free(secret);
        return imp_error_set(err, -EKEYREJECTED, "%s and %s.pub do not belong together", ca->path,
                             ca->path);
    }
    cert_free(ca->cert);
    ca->cert = secret;
    return 0;
}

static int fill(const struct ca *ca, struct kv *meta, uid_t userid, int64_t ttl)
{
    const char *uuid = "";
    time_t now = time(NULL);
    int r = kv_get_string(cert_metadata(ca->cert), "uuid", &uuid);

    r = r < 0 ? r : kv_put_string(meta, "issuer", uuid);
    r = r < 0 ? r : kv_put_string(meta, "domain", ca->domain);
    r = r < 0 ? r : kv_put_int(meta, "userid", userid);
    r = r < 0 ? r : kv_put_int(meta, "max-sign-ttl", ca->max_sign_ttl);
    r = r < 0 ? r : kv_put_bool(meta, "ca-capability", false);
    r = r < 0 ? r : kv_put_time(meta, "not-valid-before-time", now);
    return r < 0 ? r : kv_put_time(meta, "xtime", now + ttl);
}

int ca_sign(struct ca *ca, struct cert *cert, uid_t userid, int64_t ttl, struct imp_error *err)
{
    if (ttl == 0)
        ttl = ca->max_cert_ttl;
    if (ttl < 0 || ttl > ca->max_cert_ttl)
        return imp_error_set(err, -EINVAL,
                             "certificate: %lld s is longer than ca.max-cert-ttl, %lld s",
                             (long long)ttl, (long long)ca->max_cert_ttl);
    int r = cert_rename(cert);
    r = r < 0 ? r : fill(ca, cert_metadata(cert), userid, ttl);
    return r < 0 ? imp_error_sys(err, r, "certificate") : cert_sign(cert, ca->cert, err);
}

static int rejected(struct imp_error *err, const char *why)
{
    return imp_error_set(err, -EKEYREJECTED, "certificate: %s", why);
}

/* Revoked, unless it is certain that there is no such file. */
static int check_revoked(const struct ca *ca, const char *uuid, struct imp_error *err)
{
    struct stat st;
    int dir = secure_open_dir(ca->revoke_dir, geteuid(), err);

    if (dir < 0)
        return dir;
    int r = fstatat(dir, uuid, &st, AT_SYMLINK_NOFOLLOW) == 0 ? -EKEYREJECTED : -errno;
    close(dir);
    return r == -ENOENT ? 0 : rejected(err, "it was revoked");
}

static int check_times(const struct kv *meta, struct imp_error *err)
{
    time_t from, until, now = time(NULL);

    if (kv_get_time(meta, "not-valid-before-time", &from) < 0 ||
        kv_get_time(meta, "xtime", &until) < 0)
        return rejected(err, "it has no times");
    if (now + CERT_CLOCK_SKEW < from)
        return imp_error_set(err, -ETIME, "certificate: it is not valid yet");
    if (now > until)
        return imp_error_set(err, -ETIME, "certificate: it has expired; have a new one signed");
    return 0;
}

int ca_verify(const struct ca *ca, const struct cert *cert, uid_t userid, int64_t *max_sign_ttl,
              struct imp_error *err)
{
    const struct kv *meta = cert_metadata(cert);
    const char *uuid, *issuer, *domain, *own;
    int64_t user, ttl;
    bool capable;
    int r = cert_verify(cert, ca->cert, err);

    if (r < 0)
        return r;
    if (kv_get_string(cert_metadata(ca->cert), "uuid", &own) < 0 ||
        kv_get_string(meta, "issuer", &issuer) < 0 || strcmp(issuer, own) != 0)
        return rejected(err, "it is of another CA");
    if (kv_get_string(meta, "domain", &domain) < 0 || strcmp(domain, ca->domain) != 0)
        return rejected(err, "it is of another domain");
    if (kv_get_int(meta, "userid", &user) < 0 || user != (int64_t)userid)
        return rejected(err, "it belongs to another user");
    if (kv_get_bool(meta, "ca-capability", &capable) < 0 || capable)
        return rejected(err, "it is not one for users");
    if (kv_get_int(meta, "max-sign-ttl", &ttl) < 0 || ttl <= 0)
        return rejected(err, "it has no max-sign-ttl");
    if (kv_get_string(meta, "uuid", &uuid) < 0)
        return rejected(err, "it has no uuid");
    if ((r = check_times(meta, err)) < 0 || (r = check_revoked(ca, uuid, err)) < 0)
        return r;
    *max_sign_ttl = ttl < ca->max_sign_ttl ? ttl : ca->max_sign_ttl;
    return 0;
}

int ca_revoke(const struct ca *ca, const char *uuid, struct imp_error *err)
{
    if (!ca->revoke_allow)
        return imp_error_set(err, -EPERM, "ca.revoke-allow is not set on this host");
    if (strlen(uuid) != 36 || strspn(uuid, "0123456789abcdef-") != 36)
        return imp_error_set(err, -EINVAL, "'%.64s' is not the uuid of a certificate", uuid);
    int dir = secure_open_dir(ca->revoke_dir, geteuid(), err);
    if (dir < 0)
        return dir;
    int fd = openat(dir, uuid, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    int r = fd < 0 || fsync(fd) < 0 || fsync(dir) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    close(dir);
    return r < 0 ? imp_error_sys(err, r, "%s/%s", ca->revoke_dir, uuid) : 0;
}
