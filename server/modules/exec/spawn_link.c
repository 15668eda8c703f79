// SPDX-License-Identifier: LGPL-3.0-only
/* The socket to the spawn helper. A lost connection is first tried again by the socket's path: only
 * when nobody answers there is the helper dead. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <flux/environ.h>

#include "spawn_client_internal.h"

#define READ_SIZE 65536
#define ATTEMPTS_MAX 3

static int connect_path(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd;

    if (!path || strlen(path) >= sizeof(sa.sun_path))
        return -ENOENT;
    strcpy(sa.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

/* posix_spawn with an end of a socket pair as its descriptor 3; 0 is /dev/null, 1 and 2 are ours.
 */
static int start_helper(struct spawn_client *c, pid_t *pid)
{
    FLUX_AUTO_STR sock = flux_printf("--socket=%s", c->socket_path ? c->socket_path : "");
    FLUX_AUTO_STR grace = flux_printf("--orphan-grace=%g", c->orphan_grace);
    char *argv[5] = {c->helper, grace};
    FLUX_AUTO_MEM(char *) env = flux_environ_inner(NULL);
    posix_spawn_file_actions_t fa;
    int pair[2], r;
    size_t n = 2;

    if (c->socket_path)
        argv[n++] = sock;
    if (c->linger)
        argv[n++] = "--linger";
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    if (pair[1] == 3) { /* dup2 of 3 to 3 would leave it CLOEXEC */
        pair[1] = fcntl(3, F_DUPFD_CLOEXEC, 4);
        close(3);
    }
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&fa, pair[1], 3);
    r = -posix_spawn(pid, c->helper, &fa, NULL, argv, env);
    posix_spawn_file_actions_destroy(&fa);
    close(pair[1]);
    if (r < 0) {
        close(pair[0]);
        return r;
    }
    return pair[0];
}

static void free_out(struct spawn_out *o)
{
    for (unsigned i = 0; i < o->nfds; i++)
        close(o->fds[i]);
    free(o);
}

static void poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static void link_drop(struct spawn_client *c)
{
    struct spawn_out *o;

    if (c->fd < 0)
        return;
    uv_close((uv_handle_t *)c->poll, poll_closed);
    c->poll = NULL;
    close(c->fd);
    c->fd = -1;
    flux_buf_reset(&c->in);
    while ((o = STAILQ_FIRST(&c->out))) {
        STAILQ_REMOVE_HEAD(&c->out, link);
        free_out(o);
    }
}

/* One record, or the rest of one. Returns 0 when all of it is out, or a negative errno. */
static int send_out(int fd, struct spawn_out *o)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE((SPAWN_FDS_MAX + 1) * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = o->data + o->sent, .iov_len = o->len - o->sent};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    if (o->nfds > 0 && o->sent == 0) {
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(o->nfds * sizeof(int));
        struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
        cm->cmsg_level = SOL_SOCKET;
        cm->cmsg_type = SCM_RIGHTS;
        cm->cmsg_len = CMSG_LEN(o->nfds * sizeof(int));
        memcpy(CMSG_DATA(cm), o->fds, o->nfds * sizeof(int));
    }
    n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    o->sent += n;
    return o->sent == o->len ? 0 : -EAGAIN;
}

/* Returns 0 when nothing is left to send. */
static int link_flush(struct spawn_client *c)
{
    struct spawn_out *o;

    while ((o = STAILQ_FIRST(&c->out))) {
        int r = send_out(c->fd, o);
        if (r < 0)
            return r; /* a broken connection is noticed by reading */
        STAILQ_REMOVE_HEAD(&c->out, link);
        free_out(o);
    }
    return 0;
}

static void link_lost(struct spawn_client *c);

/* Every whole record in the buffer. A callback may not close the client (it says so). */
static int link_records(struct spawn_client *c)
{
    size_t at = 0;

    while (c->in.len - at >= 4) {
        const uint8_t *p = (const uint8_t *)c->in.data + at;
        size_t n = (size_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
        if (n > SPAWN_FRAME_MAX)
            return -EPROTO;
        if (c->in.len - at - 4 < n)
            break;
        Flux__V1__SpawnReply *in = flux__v1__spawn_reply__unpack(NULL, n, p + 4);
        if (!in)
            return -EPROTO;
        spawn_client_record(c, in);
        flux__v1__spawn_reply__free_unpacked(in, NULL);
        at += 4 + n;
    }
    flux_buf_consume(&c->in, at);
    return 0;
}

static int link_read(struct spawn_client *c)
{
    for (;;) {
        char *room = flux_buf_reserve(&c->in, READ_SIZE);
        if (!room)
            return -EMSGSIZE;
        ssize_t n = recv(c->fd, room, READ_SIZE, MSG_DONTWAIT);
        if (n == 0)
            return -ECONNRESET;
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        c->in.len += n;
        int r = link_records(c);
        if (r < 0 || (size_t)n < READ_SIZE)
            return r;
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct spawn_client *c = poll->data;

    if (status < 0 || link_read(c) < 0) {
        link_lost(c);
        return;
    }
    if ((events & UV_WRITABLE) && link_flush(c) == 0)
        uv_poll_start(c->poll, UV_READABLE, on_poll);
}

void spawn_link_send(struct spawn_client *c, const Flux__V1__SpawnRequest *req, const int *fds,
                     unsigned nfds)
{
    size_t n = flux__v1__spawn_request__get_packed_size(req);
    struct spawn_out *o = flux_alloc(sizeof(*o) + n + 4);
    bool idle = STAILQ_EMPTY(&c->out);

    o->len = n + 4;
    o->data[0] = n >> 24;
    o->data[1] = n >> 16;
    o->data[2] = n >> 8;
    o->data[3] = n;
    flux__v1__spawn_request__pack(req, o->data + 4);
    o->nfds = nfds;
    if (nfds > 0)
        memcpy(o->fds, fds, nfds * sizeof(*fds));
    if (c->fd < 0) {
        free_out(o);
        return;
    }
    STAILQ_INSERT_TAIL(&c->out, o, link);
    if (idle && link_flush(c) < 0)
        uv_poll_start(c->poll, UV_READABLE | UV_WRITABLE, on_poll);
}

void spawn_link_hello(struct spawn_client *c)
{
    Flux__V1__SpawnRequest req = FLUX__V1__SPAWN_REQUEST__INIT;
    Flux__V1__SpawnHello hello = FLUX__V1__SPAWN_HELLO__INIT;

    hello.version = 1;
    hello.orphan_grace = c->orphan_grace;
    req.what_case = FLUX__V1__SPAWN_REQUEST__WHAT_HELLO;
    req.hello = &hello;
    spawn_link_send(c, &req, NULL, 0);
}

static void link_use(struct spawn_client *c, int fd)
{
    c->fd = fd;
    c->welcomed = false;
    c->poll = flux_alloc(sizeof(*c->poll));
    c->poll->data = c;
    uv_poll_init(c->loop, c->poll, fd);
    uv_poll_start(c->poll, UV_READABLE, on_poll);
    spawn_link_hello(c);
}

int spawn_link_open(struct spawn_client *c, struct flux_error *err)
{
    int fd = connect_path(c->socket_path);

    c->ours = fd < 0;
    if (fd < 0) {
        if (fd == -ECONNREFUSED)
            unlink(c->socket_path); /* of a helper that was killed */
        fd = start_helper(c, &c->child);
        c->proved = false;
    }
    if (fd < 0)
        return flux_error_sys(err, fd, "cannot start the spawn helper %s", c->helper);
    link_use(c, fd);
    return 0;
}

/* How our child ended. It has closed its socket, so it is exiting; if not, it is of no use. */
static char *cause(struct spawn_client *c)
{
    pid_t pid = c->child;
    int status;

    c->child = 0;
    if (pid <= 0)
        return flux_strdup("the spawn helper is gone");
    if (waitpid(pid, &status, WNOHANG) != pid) {
        kill(pid, SIGKILL);
        if (waitpid(pid, &status, 0) != pid)
            return flux_printf("the spawn helper (pid %d) is gone", pid);
    }
    if (WIFSIGNALED(status))
        return flux_printf("the spawn helper (pid %d) was killed by signal %d", pid,
                           WTERMSIG(status));
    return flux_printf("the spawn helper (pid %d) ended with exit code %d", pid,
                       WEXITSTATUS(status));
}

static void link_lost(struct spawn_client *c)
{
    int fd = -1;

    link_drop(c);
    if (c->attempts++ < ATTEMPTS_MAX)
        fd = connect_path(c->socket_path);
    if (fd >= 0) {
        link_use(c, fd);
        return;
    }
    FLUX_AUTO_STR why = cause(c);
    c->attempts = 0;
    spawn_client_lost(c, why);
}

void spawn_link_drain(struct spawn_client *c)
{
    struct pollfd pfd = {.fd = c->fd, .events = POLLOUT};

    while (c->fd >= 0 && link_flush(c) == -EAGAIN) {
        if (poll(&pfd, 1, 1000) <= 0)
            return;
    }
}

void spawn_link_close(struct spawn_client *c, double seconds)
{
    pid_t pid = c->child > 0 ? c->child : c->pid;
    FLUX_AUTO_FD int fd = seconds > 0 && pid > 0 ? syscall(SYS_pidfd_open, pid, 0) : -1;
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    link_drop(c);
    flux_buf_done(&c->in);
    if (fd >= 0)
        poll(&pfd, 1, seconds * 1000);
    if (c->child > 0)
        waitpid(c->child, NULL, WNOHANG);
}
