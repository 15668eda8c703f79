// SPDX-License-Identifier: LGPL-3.0-only
/* The fork, the pipe, and what the parent demands of the child: one well-formed message, the end of
 * the pipe, exit status 0. */
#include "privsep.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"

/* Key under which the child says why it refuses; no command has it in its request. */
static const char reason_key[] = "refused";

ssize_t privsep_read_all(int fd, size_t max, char **ret)
{
    size_t size = 65536, len = 0;
    char *buf = malloc(size + 1), *more;
    ssize_t n;

    while (buf) {
        n = read(fd, buf + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || (len += n) > max)
            break;
        if (len < size)
            continue;
        size = size * 2 > max ? max + 1 : size * 2; /* one more than allowed, to see that */
        more = realloc(buf, size + 1);
        if (!more)
            free(buf);
        buf = more;
    }
    if (!buf)
        return -ENOMEM;
    if (n < 0 || len > max) {
        int r = n < 0 ? -errno : -E2BIG;
        free(buf);
        return r;
    }
    buf[len] = '\0';
    *ret = buf;
    return len;
}

static int write_all(int fd, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)bytes + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        done += n;
    }
    return 0;
}

static int send_request(int fd, const struct kv *kv)
{
    unsigned char header[PRIVSEP_HEADER];
    size_t len;
    const void *bytes = kv_encode(kv, &len);
    int r;

    if (!bytes || len == 0 || len > PRIVSEP_MAX)
        return -E2BIG;
    for (int i = 0; i < PRIVSEP_HEADER; i++)
        header[i] = len >> (8 * (PRIVSEP_HEADER - 1 - i));
    r = write_all(fd, header, sizeof(header));
    return r < 0 ? r : write_all(fd, bytes, len);
}

static int confine(struct imp *imp)
{
    int r = entry_drop(&imp->entry);

    if (r < 0)
        return r;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return filter_install();
}

static noreturn void child(struct imp *imp, const struct command *command, int fd)
{
    struct kv *request = kv_new();
    struct imp_error err = {{0}};
    int r;

    /* Looking up users may have left something open that root alone could open. */
    if (!request || dup2(fd, STDOUT_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) < 0 ||
        confine(imp) < 0)
        _exit(1);
    r = command->ask(imp, request, &err);
    if (r < 0) {
        kv_free(request);
        request = kv_new();
        if (!request || kv_put_string(request, reason_key, err.text) < 0)
            _exit(1);
    }
    _exit(send_request(STDOUT_FILENO, request) < 0 ? 1 : 0);
}

int privsep_decode(const unsigned char *bytes, size_t len, struct kv **ret, struct imp_error *err)
{
    size_t said = 0;
    const char *reason;
    struct kv *kv;

    for (size_t i = 0; i < PRIVSEP_HEADER && i < len; i++)
        said = said << 8 | bytes[i];
    if (len < PRIVSEP_HEADER || said == 0 || said != len - PRIVSEP_HEADER)
        return imp_error_set(err, -EBADMSG, "the unprivileged half sent no whole request");
    if (kv_decode(bytes + PRIVSEP_HEADER, said, &kv) < 0)
        return imp_error_set(err, -EBADMSG, "the unprivileged half sent no valid request");
    if (kv_get_string(kv, reason_key, &reason) == 0) {
        imp_error_set(err, -EPERM, "%s", reason);
        kv_free(kv);
        return -EPERM;
    }
    *ret = kv;
    return 0;
}

static int wait_child(pid_t pid, struct imp_error *err)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return imp_error_sys(err, -errno, "the unprivileged half");
    if (WIFSIGNALED(status))
        return imp_error_set(err, -EPERM, "the unprivileged half was killed by signal %d",
                             WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return imp_error_set(err, -EPERM, "the unprivileged half failed");
    return 0;
}

static int receive(int fd, pid_t pid, struct kv **ret, struct imp_error *err)
{
    char *bytes = NULL;
    ssize_t n = privsep_read_all(fd, PRIVSEP_HEADER + PRIVSEP_MAX, &bytes);
    int r;

    close(fd); /* a child that still writes gets SIGPIPE's EPIPE, not a reader */
    r = wait_child(pid, err);
    if (r == 0 && n < 0)
        r = imp_error_sys(err, n, "cannot read from the unprivileged half");
    if (r == 0)
        r = privsep_decode((unsigned char *)bytes, n, ret, err);
    free(bytes);
    return r;
}

int privsep_ask(struct imp *imp, const struct command *command, struct kv **ret,
                struct imp_error *err)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return imp_error_sys(err, -errno, "pipe");
    pid = fork();
    if (pid < 0) {
        int r = imp_error_sys(err, -errno, "fork");
        close(fds[0]);
        close(fds[1]);
        return r;
    }
    if (pid == 0) {
        close(fds[0]);
        child(imp, command, fds[1]);
    }
    close(fds[1]);
    return receive(fds[0], pid, ret, err);
}
