// SPDX-License-Identifier: LGPL-3.0-only
/* Opening by descriptor from "/" down. Every component is opened without following links and judged
 * by fstat of what was opened; nothing is looked up by name again. */
#include "secure.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* May nobody but root and `owner` change this? */
static int judge(int fd, const char *path, uid_t owner, struct imp_error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return imp_error_sys(err, -errno, "%s", path);
    if (st.st_uid != 0 && st.st_uid != owner)
        return imp_error_set(err, -EPERM, "%s belongs to user %u: chown it to root", path,
                             st.st_uid);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX)))
        return imp_error_set(err, -EPERM,
                             "%s has mode %04o: others than its owner may write to it; chmod go-w",
                             path, st.st_mode & 07777);
    return 0;
}

static int open_error(int r, const char *path, struct imp_error *err)
{
    if (r == -ELOOP || r == -ENOTDIR)
        return imp_error_set(err, r, "%s is a symbolic link or no directory: name its real path",
                             path);
    return imp_error_sys(err, r, "%s", path);
}

/* One step down. Takes `dir` over. `path` is that of what is opened, for messages. */
static int step(int dir, const char *name, const char *path, uid_t owner, struct imp_error *err)
{
    int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? open_error(-errno, path, err) : judge(fd, path, owner, err);

    close(dir);
    if (r < 0 && fd >= 0)
        close(fd);
    return r < 0 ? r : fd;
}

static int open_root(uid_t owner, struct imp_error *err)
{
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? -errno : judge(fd, "/", owner, err);

    if (r < 0 && fd >= 0)
        close(fd);
    return r < 0 ? r : fd;
}

static bool plain_name(const char *name)
{
    return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/');
}

/* Walk down to the directory that holds the last component; *last is set to that in path. */
static int walk(const char *path, uid_t owner, const char **last, struct imp_error *err)
{
    char whole[PATH_MAX];
    char *name = whole + 1, *slash;

    if (path[0] != '/' || strlen(path) >= sizeof(whole))
        return imp_error_set(err, -EINVAL, "%s: not an absolute path", path);
    memcpy(whole, path, strlen(path) + 1);
    int dir = open_root(owner, err);
    while (dir >= 0 && (slash = strchr(name, '/'))) {
        *slash = '\0';
        if (!plain_name(name)) {
            close(dir);
            return imp_error_set(err, -EINVAL, "%s: '.', '..' and empty names are not allowed",
                                 path);
        }
        dir = step(dir, name, whole, owner, err);
        *slash = '/';
        name = slash + 1;
    }
    *last = path + (name - whole);
    return dir;
}

int secure_open_at(int dir, const char *name, const char *path, uid_t owner, struct imp_error *err)
{
    struct stat st;

    if (!plain_name(name))
        return imp_error_set(err, -EINVAL, "%s: '.', '..' and empty names are not allowed", path);
    /* O_NONBLOCK: a FIFO or a device must not hold us up before it is refused */
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return open_error(-errno, path, err);
    int r = fstat(fd, &st) < 0 ? -errno : 0;
    if (r == 0 && !S_ISREG(st.st_mode))
        r = imp_error_set(err, -EPERM, "%s is not a regular file", path);
    else
        r = judge(fd, path, owner, err);
    if (r < 0)
        close(fd);
    return r < 0 ? r : fd;
}

int secure_open(const char *path, uid_t owner, struct imp_error *err)
{
    const char *name;
    int dir = walk(path, owner, &name, err);

    if (dir < 0)
        return dir;
    int fd = secure_open_at(dir, name, path, owner, err);
    close(dir);
    return fd;
}

int secure_open_dir(const char *path, uid_t owner, struct imp_error *err)
{
    const char *name;
    int dir = walk(path, owner, &name, err);

    if (dir < 0)
        return dir;
    if (!plain_name(name)) {
        close(dir);
        return imp_error_set(err, -EINVAL, "%s: '.', '..' and empty names are not allowed", path);
    }
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? open_error(-errno, path, err) : judge(fd, path, owner, err);
    close(dir);
    if (r < 0 && fd >= 0)
        close(fd);
    return r < 0 ? r : fd;
}

ssize_t secure_read(int fd, size_t max, char **ret)
{
    struct stat st;
    size_t len = 0;
    ssize_t n = 1;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size < 0 || (size_t)st.st_size > max)
        return -EFBIG;
    /* one byte more than it says: a file that grows is seen */
    size_t size = (size_t)st.st_size + 1;
    char *buf = malloc(size + 1);
    if (!buf)
        return -ENOMEM;
    while (len < size && n != 0) {
        n = read(fd, buf + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            n = -errno;
            free(buf);
            return n;
        }
        len += (size_t)n;
    }
    if (len == size) {
        free(buf);
        return -EAGAIN;
    }
    buf[len] = '\0';
    *ret = buf;
    return (ssize_t)len;
}
