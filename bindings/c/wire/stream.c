// SPDX-License-Identifier: LGPL-3.0-only
/* A framed message stream on one file descriptor. Small messages are gathered in one buffer; large
 * bodies are written from where they are. Callbacks may close the stream: every step after one
 * checks for that. */
#include "stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_CHUNK (128 * 1024)
#define INLINE_BODY 4096
#define MAX_IOV 64

struct chunk {
    struct chunk *next;
    struct flux_bytes *bytes; /* keeps `body`, which goes out after the buffered bytes */
    const uint8_t *body;
    size_t body_len;
    struct flux_buf buf;
};

struct flux_stream {
    uv_poll_t poll;
    /* Flushes what a loop turn has sent. An idle handle and not a prepare one: one that is started
     * while prepare handles run would not run before the loop sleeps. */
    uv_idle_t idle;
    int fd;
    const struct flux_stream_ops *ops;
    void *arg;
    struct flux_frame_reader frames;
    struct chunk *head, *tail;
    size_t sent; /* of head, buffered bytes and body together */
    size_t backlog;
    unsigned busy;    /* our callbacks on the stack */
    unsigned handles; /* libuv handles not yet closed */
    bool closed, dead, paused, alive, flushing;
    int events;
};

static void set_events(struct flux_stream *s);

static void free_chunk(struct chunk *c)
{
    flux_bytes_unref(c->bytes);
    flux_buf_done(&c->buf);
    free(c);
}

static void release(struct flux_stream *s)
{
    if (s->busy || s->handles)
        return;
    flux_frame_done(&s->frames);
    while (s->head) {
        struct chunk *c = s->head;
        s->head = c->next;
        free_chunk(c);
    }
    free(s);
}

static void on_closed(uv_handle_t *handle)
{
    struct flux_stream *s = handle->data;

    s->handles--;
    release(s);
}

void flux_stream_close(struct flux_stream *s)
{
    if (!s || s->closed)
        return;
    s->closed = true;
    uv_close((uv_handle_t *)&s->poll, on_closed);
    uv_close((uv_handle_t *)&s->idle, on_closed);
    close(s->fd);
    s->fd = -1;
}

static void fail(struct flux_stream *s, int r)
{
    if (s->closed || s->dead)
        return;
    s->dead = true;
    set_events(s);
    s->ops->on_eof(r, s->arg);
}

/* --- writing --- */

static int fill_iov(struct flux_stream *s, struct iovec *iov)
{
    size_t skip = s->sent;
    int n = 0;

    for (struct chunk *c = s->head; c && n + 2 <= MAX_IOV; c = c->next) {
        if (skip < c->buf.len)
            iov[n++] = (struct iovec){c->buf.data + skip, c->buf.len - skip};
        skip = skip > c->buf.len ? skip - c->buf.len : 0;
        if (c->body_len > skip)
            iov[n++] = (struct iovec){(void *)(c->body + skip), c->body_len - skip};
        skip = 0;
    }
    return n;
}

static void advance(struct flux_stream *s, size_t n)
{
    s->backlog -= n;
    s->sent += n;
    while (s->head && s->sent >= s->head->buf.len + s->head->body_len) {
        struct chunk *c = s->head;
        s->sent -= c->buf.len + c->body_len;
        s->head = c->next;
        if (!s->head)
            s->tail = NULL;
        free_chunk(c);
    }
}

/* 0 = all is written or the socket is full; negative = it is broken. */
static int flush(struct flux_stream *s)
{
    struct iovec iov[MAX_IOV];

    while (s->head) {
        struct msghdr mh = {.msg_iov = iov, .msg_iovlen = fill_iov(s, iov)};
        ssize_t n = sendmsg(s->fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        advance(s, n);
    }
    return 0;
}

static void read_some(struct flux_stream *s);

static void on_idle(uv_idle_t *idle)
{
    struct flux_stream *s = idle->data;
    int r;

    uv_idle_stop(idle);
    s->flushing = false;
    if (s->closed || s->dead)
        return;
    r = flush(s);
    if (r == 0) {
        set_events(s);
        return;
    }
    s->busy++;
    read_some(s); /* the peer's last words, which say why it left */
    fail(s, r);
    s->busy--;
    if (s->closed)
        release(s);
}

static struct chunk *room_for(struct flux_stream *s, size_t n)
{
    struct chunk *c = s->tail;

    if (c && !c->body_len && c->buf.len + n <= READ_CHUNK)
        return c;
    c = flux_alloc(sizeof(*c));
    if (s->tail)
        s->tail->next = c;
    else
        s->head = c;
    s->tail = c;
    return c;
}

static void append(struct flux_stream *s, struct flux_msg *m)
{
    bool in_buffer = m->body_len <= INLINE_BODY;
    struct chunk *c = room_for(s, 4 + flux_msg_head_size(m) + (in_buffer ? m->body_len : 0));
    size_t at = c->buf.len, len;

    flux_buf_add(&c->buf, "\0\0\0\0", 4);
    flux_msg_encode_head(m, &c->buf);
    len = c->buf.len - at - 4 + m->body_len;
    for (int i = 0; i < 4; i++)
        c->buf.data[at + i] = (char)(len >> (24 - 8 * i));
    s->backlog += len + 4;
    if (in_buffer) {
        flux_buf_add(&c->buf, m->body, m->body_len);
        return;
    }
    c->bytes = flux_bytes_ref(m->bytes);
    c->body = m->body;
    c->body_len = m->body_len;
}

void flux_stream_send(struct flux_stream *s, struct flux_msg *m)
{
    if (!s->closed && !s->dead) {
        append(s, m);
        if (!s->flushing && !(s->events & UV_WRITABLE)) {
            s->flushing = true;
            uv_idle_start(&s->idle, on_idle);
        }
    }
    flux_msg_free(m);
}

size_t flux_stream_backlog(const struct flux_stream *s)
{
    return s->backlog;
}

int flux_stream_drain(struct flux_stream *s, double seconds)
{
    double deadline = flux_monotime() + seconds;
    int r = 0;

    while (!s->closed && !s->dead && (r = flush(s)) == 0 && s->head) {
        struct pollfd pfd = {.fd = s->fd, .events = POLLOUT};
        double left = deadline - flux_monotime();
        if (left <= 0)
            return -ETIMEDOUT;
        poll(&pfd, 1, (int)(left * 1000) + 1);
    }
    return r;
}

/* --- reading --- */

static void report_bad(struct flux_stream *s, const struct flux_error *err, int r)
{
    if (!s->ops->on_bad(err, r, s->arg))
        fail(s, -EPROTO);
}

static int on_frame(struct flux_bytes *frame, void *arg)
{
    struct flux_stream *s = arg;
    struct flux_error err;
    struct flux_msg *m;
    int r = flux_msg_decode(frame, 0, frame->len, &m, &err);

    flux_bytes_unref(frame);
    if (r == 0)
        s->ops->on_msg(m, s->arg);
    else
        report_bad(s, &err, r);
    return s->closed || s->dead ? -ECANCELED : 0;
}

static int on_oversize(size_t len, void *arg)
{
    struct flux_stream *s = arg;
    struct flux_error err;

    flux_error_set(&err, 0, "message of %zu bytes is over the limit of %zu", len,
                   s->frames.max ? s->frames.max : (size_t)FLUX_MESSAGE_MAX);
    report_bad(s, &err, -EMSGSIZE);
    return s->closed || s->dead ? -ECANCELED : 0;
}

static void read_some(struct flux_stream *s)
{
    uint8_t chunk[READ_CHUNK]; /* thread-local, every thread of every process would zero it */

    for (int i = 0; i < 8 && !s->closed && !s->dead && !s->paused; i++) {
        ssize_t n = recv(s->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            fail(s, n < 0 ? -errno : 0);
            return;
        }
        flux_frame_feed(&s->frames, chunk, n, on_frame, on_oversize, s);
        if (s->frames.bytes && s->ops->on_partial && !s->closed && !s->dead)
            s->ops->on_partial(s->frames.have, s->arg);
        if ((size_t)n < sizeof(chunk))
            return;
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct flux_stream *s = poll->data;
    int r = 0;

    s->busy++;
    if (status < 0)
        s->events = 0; /* the poll has ended, but there may be more to read than we do now */
    if (events & UV_WRITABLE)
        r = flush(s);
    if (events & UV_READABLE || status < 0)
        read_some(s);
    if (r < 0)
        fail(s, r);
    if (!s->closed && !s->dead)
        set_events(s);
    s->busy--;
    if (s->closed)
        release(s);
}

static void set_events(struct flux_stream *s)
{
    int want = s->dead ? 0 : (s->paused ? 0 : UV_READABLE) | (s->head ? UV_WRITABLE : 0);

    if (want == s->events)
        return;
    s->events = want;
    if (want)
        uv_poll_start(&s->poll, want, on_poll);
    else
        uv_poll_stop(&s->poll);
}

struct flux_stream *flux_stream_new(uv_loop_t *loop, int fd, const struct flux_stream_ops *ops,
                                    void *arg)
{
    struct flux_stream *s = flux_alloc(sizeof(*s));

    s->fd = fd;
    s->ops = ops;
    s->arg = arg;
    s->handles = 2;
    uv_poll_init(loop, &s->poll, fd);
    uv_idle_init(loop, &s->idle);
    uv_unref((uv_handle_t *)&s->idle);
    s->poll.data = s->idle.data = s;
    s->alive = true;
    set_events(s);
    return s;
}

void flux_stream_keep_alive(struct flux_stream *s, bool on)
{
    if (on == s->alive || s->closed)
        return;
    s->alive = on;
    if (on)
        uv_ref((uv_handle_t *)&s->poll);
    else
        uv_unref((uv_handle_t *)&s->poll);
}

void flux_stream_pause(struct flux_stream *s, bool on)
{
    s->paused = on;
    if (!s->closed)
        set_events(s);
}

int flux_stream_fd(const struct flux_stream *s)
{
    return s->fd;
}
