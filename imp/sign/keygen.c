// SPDX-License-Identifier: LGPL-3.0-only
/* New keys on disk. A key is never written over, and the secret is nobody else's to read from the
 * first byte on. */
#include <flux/signer.h>

#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cert.h"

static int write_file(const char *path, mode_t mode, char *text, struct imp_error *err)
{
    size_t len = strlen(text), done = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    int r = fd < 0 ? -errno : 0;

    while (r == 0 && done < len) {
        ssize_t n = write(fd, text + done, len - done);
        if (n < 0 && errno != EINTR)
            r = -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
        r = -errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && r < 0)
        unlink(path);
    return r < 0 ? imp_error_sys(err, r, "%s", path) : 0;
}

/* The two directories that are perhaps not there yet: ~/.flux and ~/.flux/curve. */
static void make_parents(const char *path)
{
    char parent[PATH_MAX], *slash;

    if (strlen(path) >= sizeof(parent))
        return;
    strcpy(parent, path);
    slash = strrchr(parent, '/');
    if (!slash)
        return;
    *slash = '\0';
    slash = strrchr(parent, '/');
    if (slash && slash > parent) {
        *slash = '\0';
        (void)mkdir(parent, 0700); /* where it fails, open() will say so */
        *slash = '/';
    }
    (void)mkdir(parent, 0700);
}

static int write_pair(const struct cert *cert, const char *path, struct imp_error *err)
{
    char public_path[PATH_MAX];
    char *secret = cert_format(cert, true), *public = cert_format(cert, false);
    int r = 0;

    if (!secret || !public)
        r = imp_error_set(err, -ENOMEM, "out of memory");
    else if (snprintf(public_path, sizeof(public_path), "%s.pub", path) >= (int)sizeof(public_path))
        r = imp_error_sys(err, -ENAMETOOLONG, "%s", path);
    if (r == 0)
        r = write_file(path, 0600, secret, err);
    if (r == 0 && (r = write_file(public_path, 0644, public, err)) < 0)
        unlink(path);
    if (secret)
        sodium_memzero(secret, strlen(secret));
    free(secret);
    free(public);
    return r;
}

static int describe(struct cert *cert, int ca)
{
    struct kv *meta = cert_metadata(cert);
    int r = kv_put_int(meta, "userid", getuid());

    return r == 0 && ca ? kv_put_bool(meta, "ca-capability", true) : r;
}

int flux_signer_keygen(const char *path, int ca, struct flux_signer_error *ret)
{
    struct imp_error err = {""};
    struct cert *cert = NULL;
    int r = sodium_init() < 0 ? imp_error_set(&err, -EIO, "libsodium does not start")
                              : cert_new(&cert, &err);

    if (r == 0 && (r = describe(cert, ca)) < 0)
        imp_error_sys(&err, r, "certificate");
    if (r == 0) {
        make_parents(path);
        r = write_pair(cert, path, &err);
    }
    cert_free(cert);
    if (r < 0 && ret)
        memccpy(ret->text, err.text, '\0', sizeof(ret->text));
    return r;
}
