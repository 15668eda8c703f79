// SPDX-License-Identifier: LGPL-3.0-only
/* One file for each request, DIR/HH/HASH, with the job id in it: entering is one link(2), which is
 * atomic and fails if the file is there. Each entry also sweeps one of the 256 directories. */
#include "journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/secure.h"
#include "sign/base64.h"

enum {
    HASH_SIZE = 2 * crypto_hash_sha256_BYTES + 1,
    JOB_MAX = 64,      /* bytes of a job id */
    CLOCKS_MAX = 3600, /* seconds that a signer's clock may be ahead; for munge an hour */
};

static int open_directory(const char *path, struct imp_error *err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return imp_error_sys(err, -errno, "journal: cannot make %s", path);
    return secure_open_dir(path, 0, err);
}

static int open_part(int dir, const char *name, struct imp_error *err)
{
    int fd;

    if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
        return imp_error_sys(err, -errno, "journal: cannot make directory %s", name);
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? imp_error_sys(err, -errno, "journal: cannot open directory %s", name) : fd;
}

static void sweep(int part, int64_t ttl)
{
    int copy = openat(part, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    time_t now = time(NULL);
    struct dirent *d;
    struct stat st;

    if (!dir && copy >= 0)
        close(copy);
    while (dir && (d = readdir(dir)))
        if (d->d_name[0] != '.' && fstatat(part, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_mtime < now - ttl - CLOCKS_MAX)
            unlinkat(part, d->d_name, 0);
    if (dir)
        closedir(dir);
}

/* The entry that is there tells whose. */
static int refuse(int part, const char *hash, struct imp_error *err)
{
    char text[JOB_MAX + 1];
    int fd = openat(part, hash, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, JOB_MAX);

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return imp_error_set(err, -EIO, "journal: entry %s cannot be read", hash);
    text[n] = '\0';
    return imp_error_set(err, -EALREADY, "this request was started before, as job %s", text);
}

static int make_entry(int part, const char *hash, const char *job, struct imp_error *err)
{
    char path[64];
    int fd = openat(part, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    size_t n = strlen(job);
    int r = 0;

    if (fd < 0)
        return imp_error_sys(err, -errno, "journal: cannot make an entry");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (write(fd, job, n) != (ssize_t)n || fsync(fd) < 0)
        r = imp_error_sys(err, errno ? -errno : -EIO, "journal: cannot write an entry");
    else if (linkat(AT_FDCWD, path, part, hash, AT_SYMLINK_FOLLOW) < 0)
        r = errno == EEXIST ? refuse(part, hash, err)
                            : imp_error_sys(err, -errno, "journal: cannot make an entry");
    close(fd);
    return r;
}

/* A signature that could be written in another way would get a signed request past its entry: munge
 * reads over what is around a credential, and over bits that base64 has to spare. Header and
 * payload have one form or are refused. */
static bool is_canonical(const char *j)
{
    static const char begin[] = "MUNGE:";
    const char *dot = strrchr(j, '.'), *text = dot ? dot + 1 : j;
    size_t len = strlen(text), got;
    char *bytes;

    if (strcmp(text, "none") == 0)
        return true;
    if (strncmp(text, begin, strlen(begin)) == 0) {
        text += strlen(begin);
        len -= strlen(begin);
        if (len == 0 || text[--len] != ':')
            return false;
    }
    if (base64_decode(text, len, &bytes, &got) < 0)
        return false;
    free(bytes);
    return true;
}

int journal_enter(const char *path, const char *j, const char *job, int64_t ttl,
                  struct imp_error *err)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    char hash[HASH_SIZE], name[3];
    int dir, part, r;

    if (!job[0] || strlen(job) > JOB_MAX)
        return imp_error_set(err, -EINVAL, "journal: a job id is missing, or too long");
    if (!is_canonical(j))
        return imp_error_set(err, -EINVAL, "journal: the signature is not in its one form");
    crypto_hash_sha256(digest, (const unsigned char *)j, strlen(j));
    sodium_bin2hex(hash, sizeof(hash), digest, sizeof(digest));
    snprintf(name, sizeof(name), "%.2s", hash);
    dir = open_directory(path, err);
    if (dir < 0)
        return dir;
    part = open_part(dir, name, err);
    close(dir);
    if (part < 0)
        return part;
    sweep(part, ttl);
    r = make_entry(part, hash, job, err);
    close(part);
    return r;
}
