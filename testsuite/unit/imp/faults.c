// SPDX-License-Identifier: LGPL-3.0-only
/* flux-imp whose IMP_FAULT-th call of the C library fails, in each of its processes, with EPERM:
 * for testsuite/system/test_imp_faults.py. Whatever fails, nothing may run as the wrong user. */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static unsigned long countdown;

__attribute__((constructor)) static void choose(void)
{
    const char *text = getenv("IMP_FAULT");

    countdown = text ? strtoul(text, NULL, 10) : 0;
}

static bool fails(void)
{
    if (countdown == 0 || --countdown > 0)
        return false;
    errno = EPERM;
    return true;
}

#define WRAP(type, name, params, args, failure)                                                    \
    type __real_##name params;                                                                     \
    type __wrap_##name params;                                                                     \
    type __wrap_##name params                                                                      \
    {                                                                                              \
        return fails() ? failure : __real_##name args;                                             \
    }

WRAP(void *, malloc, (size_t n), (n), NULL)
WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
WRAP(void *, realloc, (void *p, size_t n), (p, n), NULL)
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size), NULL)
WRAP(char *, strdup, (const char *s), (s), NULL)
WRAP(char *, strndup, (const char *s, size_t n), (s, n), NULL)
WRAP(int, open64, (const char *path, int flags, mode_t mode), (path, flags, mode), -1)
WRAP(int, openat64, (int fd, const char *path, int flags, mode_t mode), (fd, path, flags, mode), -1)
WRAP(int, fcntl64, (int fd, int cmd, long arg), (fd, cmd, arg), -1)
WRAP(int, fstat64, (int fd, struct stat *st), (fd, st), -1)
WRAP(off_t, lseek64, (int fd, off_t offset, int whence), (fd, offset, whence), -1)
WRAP(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n), -1)
WRAP(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n), -1)
WRAP(pid_t, fork, (void), (), -1)
WRAP(int, pipe2, (int fds[2], int flags), (fds, flags), -1)
WRAP(int, setgroups, (size_t n, const gid_t *groups), (n, groups), -1)
WRAP(int, setresgid, (gid_t r, gid_t e, gid_t s), (r, e, s), -1)
WRAP(int, setresuid, (uid_t r, uid_t e, uid_t s), (r, e, s), -1)
WRAP(int, getresgid, (gid_t * r, gid_t *e, gid_t *s), (r, e, s), -1)
WRAP(int, getresuid, (uid_t * r, uid_t *e, uid_t *s), (r, e, s), -1)
WRAP(int, prctl, (int op, long a, long b, long c, long d), (op, a, b, c, d), -1)
WRAP(int, dup2, (int from, int to), (from, to), -1)
WRAP(int, dup3, (int from, int to, int flags), (from, to, flags), -1)
WRAP(int, close_range, (unsigned from, unsigned to, int flags), (from, to, flags), -1)
WRAP(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
WRAP(pid_t, setsid, (void), (), -1)
WRAP(int, chdir, (const char *path), (path), -1)
WRAP(int, sigprocmask, (int how, const sigset_t *set, sigset_t *old), (how, set, old), -1)
WRAP(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), -1)
WRAP(int, getrlimit64, (int resource, struct rlimit *limit), (resource, limit), -1)
WRAP(int, setrlimit64, (int resource, const struct rlimit *limit), (resource, limit), -1)
WRAP(long, syscall, (long n, long a, long b, long c, long d, long e), (n, a, b, c, d, e), -1)
WRAP(int, execveat, (int fd, const char *path, char *const *argv, char *const *env, int flags),
     (fd, path, argv, env, flags), -1)
WRAP(pid_t, getppid, (void), (), 1)
WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1)

pid_t __real_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
    return options == 0 && fails() ? -1 : __real_waitpid(pid, status, options);
}

int __real_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t n, struct passwd **ret);
int __wrap_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t n, struct passwd **ret);
int __wrap_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t n, struct passwd **ret)
{
    if (!fails())
        return __real_getpwuid_r(uid, pw, buf, n, ret);
    *ret = NULL;
    return EIO;
}

int __wrap_asprintf(char **ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **ret, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (fails())
        return -1;
    va_start(ap, fmt);
    n = vasprintf(ret, fmt, ap);
    va_end(ap);
    return n;
}
