// SPDX-License-Identifier: LGPL-3.0-only
/* A client's connection: records in, records out, descriptors received. Nothing blocks; a client
 * that does not read its replies is not read from; a malformed one loses its connection alone. */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawnd.h"

#define READ_SIZE 65536
#define FDS_PER_READ 253 /* SCM_MAX_FD */

struct conn *conn_new(struct spawnd *d, int fd)
{
    struct conn *c = flux_alloc(sizeof(*c));
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &c->watch};

    c->watch.kind = WATCH_CONN;
    c->fd = fd;
    c->events = EPOLLIN;
    c->in.max = SPAWND_FRAME_MAX + READ_SIZE + 4;
    c->out.max = 2 * SPAWND_FRAME_MAX;
    TAILQ_INSERT_TAIL(&d->conns, c, link);
    if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
        c->dead = true;
    return c;
}

static void conn_fail(struct spawnd *d, struct conn *c, const char *why)
{
    if (why && !c->dead)
        fprintf(stderr, "flux-spawnd: connection closed: %s\n", why);
    c->dead = true;
    if (d->client == c)
        d->client = NULL;
}

static void conn_free(struct spawnd *d, struct conn *c)
{
    TAILQ_REMOVE(&d->conns, c, link);
    spawnd_unwatch(d, c->fd);
    for (unsigned i = 0; i < c->nfds; i++)
        close(c->fds[i]);
    flux_buf_done(&c->in);
    flux_buf_done(&c->out);
    free(c);
}

void conn_close_dead(struct spawnd *d)
{
    struct conn *c, *next;

    for (c = TAILQ_FIRST(&d->conns); c; c = next) {
        next = TAILQ_NEXT(c, link);
        if (c->dead)
            conn_free(d, c);
    }
    /* One that asks nothing counts, too: a broker that waits for its parent keeps it. */
    if (TAILQ_EMPTY(&d->conns))
        spawnd_orphaned(d);
}

void conn_close_all(struct spawnd *d)
{
    while (!TAILQ_EMPTY(&d->conns))
        conn_free(d, TAILQ_FIRST(&d->conns));
}

/* Wait for what can be acted on: room for replies, and requests while replies are being read. */
static void conn_interest(struct spawnd *d, struct conn *c)
{
    uint32_t want = (c->out.len > 0 ? EPOLLOUT : 0) | (c->out.len < SPAWND_OUT_MAX ? EPOLLIN : 0);
    struct epoll_event ev = {.events = want, .data.ptr = &c->watch};

    if (want == c->events || c->dead)
        return;
    if (epoll_ctl(d->epoll, EPOLL_CTL_MOD, c->fd, &ev) < 0)
        conn_fail(d, c, "epoll_ctl failed");
    c->events = want;
}

static void conn_flush(struct spawnd *d, struct conn *c)
{
    while (!c->dead && c->out.len > 0) {
        ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            flux_buf_consume(&c->out, n);
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            conn_fail(d, c, NULL);
        }
    }
    conn_interest(d, c);
}

void conn_reply(struct spawnd *d, struct conn *c, Flux__V1__SpawnReply *reply)
{
    size_t n = flux__v1__spawn_reply__get_packed_size(reply);
    uint8_t *room;

    if (!c || c->dead)
        return;
    room = (uint8_t *)flux_buf_reserve(&c->out, n + 4);
    if (!room || n > SPAWND_FRAME_MAX) {
        conn_fail(d, c, "too many replies unread");
        return;
    }
    room[0] = n >> 24;
    room[1] = n >> 16;
    room[2] = n >> 8;
    room[3] = n;
    flux__v1__spawn_reply__pack(reply, room + 4);
    c->out.len += n + 4;
    conn_flush(d, c);
}

int conn_take_fd(struct conn *c)
{
    int fd;

    if (c->nfds == 0)
        return -1;
    fd = c->fds[0];
    c->nfds--;
    memmove(c->fds, c->fds + 1, c->nfds * sizeof(c->fds[0]));
    return fd;
}

/* Returns 0, or a negative errno when descriptors were lost: the records' claims no longer fit. */
static int conn_keep_fds(struct conn *c, struct msghdr *msg)
{
    int r = msg->msg_flags & MSG_CTRUNC ? -EMFILE : 0;

    for (struct cmsghdr *cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
        if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
            continue;
        unsigned n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (unsigned i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(fd));
            if (c->nfds < SPAWND_FDS_QUEUED) {
                c->fds[c->nfds++] = fd;
            } else {
                close(fd);
                r = -EMFILE;
            }
        }
    }
    return r;
}

/* Returns bytes read, 0 at the end, or a negative errno (-EAGAIN: nothing there). */
static ssize_t conn_read(struct conn *c)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(FDS_PER_READ * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = flux_buf_reserve(&c->in, READ_SIZE), .iov_len = READ_SIZE};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    ssize_t n;

    if (!iov.iov_base)
        return -EMSGSIZE;
    n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return -errno;
    c->in.len += n;
    int r = conn_keep_fds(c, &msg);
    return r < 0 ? r : n;
}

/* Take every whole record off the front of the input. */
static void conn_records(struct spawnd *d, struct conn *c)
{
    size_t at = 0;

    while (!c->dead && c->in.len - at >= 4) {
        const uint8_t *p = (const uint8_t *)c->in.data + at;
        size_t n = (size_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
        if (n > SPAWND_FRAME_MAX) {
            conn_fail(d, c, "a record is longer than 16 MiB");
            return;
        }
        if (c->in.len - at - 4 < n)
            break;
        Flux__V1__SpawnRequest *in = flux__v1__spawn_request__unpack(NULL, n, p + 4);
        if (!in) {
            conn_fail(d, c, "malformed record");
            return;
        }
        spawnd_request(d, c, in);
        flux__v1__spawn_request__free_unpacked(in, NULL);
        at += 4 + n;
    }
    flux_buf_consume(&c->in, at);
}

void conn_ready(struct spawnd *d, struct conn *c, uint32_t events)
{
    if (c->dead)
        return;
    if (events & EPOLLOUT)
        conn_flush(d, c);
    while (!c->dead && c->out.len < SPAWND_OUT_MAX && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        ssize_t n = conn_read(c);
        if (n == -EAGAIN)
            break;
        if (n == -EINTR)
            continue;
        if (n <= 0) {
            conn_fail(d, c, n == -EMFILE ? "descriptors were lost (too many open files)" : NULL);
            break;
        }
        conn_records(d, c);
        if (n < READ_SIZE)
            break; /* that was all, or there are descriptors in between: epoll tells again */
    }
    conn_interest(d, c);
}
