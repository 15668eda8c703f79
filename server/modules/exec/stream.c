// SPDX-License-Identifier: LGPL-3.0-only
/* Our end of a process's standard stream. Reading is paused by the owner; writing tells its caller
 * late once more than a pipe's worth is queued: so nothing here grows without bound. */
#include "stream.h"

#define CHUNK 65536
#define WRITE_AHEAD 65536 /* queued bytes up to which a write counts as done at once */

struct stream {
    uv_pipe_t pipe;
    stream_data_f cb;
    void *owner;
    bool reading;
    bool ended;
    size_t queued;
    uv_shutdown_t shutdown;
};

struct write {
    uv_write_t req;
    struct stream *stream;
    stream_done_f done;
    void *arg;
    size_t len;
    uint8_t data[];
};

struct stream *stream_open(uv_loop_t *loop, int fd, stream_data_f cb, void *owner)
{
    struct stream *s = flux_alloc(sizeof(*s));

    s->cb = cb;
    s->owner = owner;
    uv_pipe_init(loop, &s->pipe, 0);
    s->pipe.data = s;
    uv_pipe_open(&s->pipe, fd);
    return s;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    *buf = uv_buf_init(flux_realloc(NULL, CHUNK, 1), CHUNK);
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
    struct stream *s = handle->data;

    if (n == 0) {
        free(buf->base);
    } else if (n > 0) {
        s->cb(s->owner, flux_realloc(buf->base, n, 1), n);
    } else {
        free(buf->base);
        uv_read_stop(handle);
        s->ended = true;
        s->cb(s->owner, NULL, 0);
    }
}

void stream_read(struct stream *s, bool on)
{
    if (!s || s->ended || s->reading == on)
        return;
    s->reading = on;
    if (on)
        uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read);
    else
        uv_read_stop((uv_stream_t *)&s->pipe);
}

static void on_written(uv_write_t *req, int status)
{
    struct write *w = FLUX_CONTAINER_OF(req, struct write, req);

    w->stream->queued -= w->len;
    if (w->done)
        w->done(w->arg);
    free(w);
}

void stream_write(struct stream *s, const void *data, size_t len, stream_done_f done, void *arg)
{
    struct write *w = flux_alloc(sizeof(*w) + len);
    uv_buf_t buf = uv_buf_init((char *)w->data, len);

    memcpy(w->data, data, len);
    w->len = len;
    w->stream = s;
    s->queued += len;
    if (s->queued > WRITE_AHEAD) {
        w->done = done;
        w->arg = arg;
    }
    bool early = !w->done && done;
    if (uv_write(&w->req, (uv_stream_t *)&s->pipe, &buf, 1, on_written) < 0) {
        s->queued -= len;
        early = done;
        free(w);
    }
    if (early)
        done(arg);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void stream_close(struct stream *s)
{
    if (s && !uv_is_closing((uv_handle_t *)&s->pipe))
        uv_close((uv_handle_t *)&s->pipe, on_closed);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    stream_close(req->handle->data);
}

void stream_finish(struct stream *s)
{
    if (uv_shutdown(&s->shutdown, (uv_stream_t *)&s->pipe, on_shutdown) < 0)
        stream_close(s);
}
