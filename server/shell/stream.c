// SPDX-License-Identifier: LGPL-3.0-only
/* Output of the tasks: big reads from their pipes, cut at the last newline where lines must stay
 * whole. An unfinished line is held back until it is finished, too long, or the stream ends. */
#include "shell.h"

#include <fcntl.h>
#include <unistd.h>

#define READ_SIZE (512u << 10)
#define LINE_HELD_MAX (64u << 10)
#define PIPE_SIZE_BUSY (512 << 10) /* of a pipe that was found full; bounded by the system */
#define PIPE_SIZE_FULL (64 << 10)

/* One buffer for all: what is read is given on, or copied to `held`, before the next read. */
static char buffer[LINE_HELD_MAX + READ_SIZE];

int streams_prepare(struct flux_shell *sh, struct flux_shell_task *t, struct flux_error *err)
{
    for (int i = 0; i < STREAMS; i++) {
        int fd[2];

        if (t->stdio[1 + i] >= 0)
            continue; /* a plugin has made it */
        if (pipe2(fd, O_CLOEXEC) < 0)
            return flux_error_sys(err, -errno, "pipe");
        fcntl(fd[0], F_SETFL, O_NONBLOCK);
        t->streams[i].fd = fd[0];
        t->stdio[1 + i] = fd[1];
    }
    return 0;
}

static void stream_close(struct stream *s)
{
    struct flux_shell *sh = s->task->sh;

    uv_poll_stop(&s->poll);
    uv_close((uv_handle_t *)&s->poll, NULL);
    s->open = false;
    close(s->fd);
    s->fd = -1;
    free(s->held);
    s->held = NULL;
    s->held_len = 0;
    sh->open_streams--;
}

/* Keep the bytes from `from` on for the next time. */
static void hold(struct stream *s, const char *from, size_t len)
{
    if (len && !s->held)
        s->held = flux_alloc(LINE_HELD_MAX);
    if (len)
        memcpy(s->held, from, len);
    s->held_len = len;
}

static void give_on(struct stream *s, size_t len, bool eof)
{
    size_t ready = len;

    if (!eof && sink_wants_lines(s->task->sh, s->which)) {
        const char *nl = memrchr(buffer, '\n', len);

        ready = nl ? (size_t)(nl + 1 - buffer) : 0;
        if (len - ready >= LINE_HELD_MAX)
            ready = len;
    }
    hold(s, buffer + ready, len - ready);
    if (ready || eof)
        sink_write(s->task, s->which, buffer, ready, eof);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct stream *s = poll->data;
    struct flux_shell *sh = s->task->sh;
    ssize_t n;

    if (s->held_len)
        memcpy(buffer, s->held, s->held_len);
    n = read(s->fd, buffer + s->held_len, READ_SIZE);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) { /* a terminal ends with EIO */
        give_on(s, s->held_len, true);
        stream_close(s);
        tasks_maybe_finished(sh);
        return;
    }
    if (n == PIPE_SIZE_FULL)
        fcntl(s->fd, F_SETPIPE_SZ, PIPE_SIZE_BUSY);
    give_on(s, s->held_len + n, false);
}

int streams_watch(struct flux_shell *sh, struct flux_shell_task *t, struct flux_error *err)
{
    for (int i = 0; i < STREAMS; i++) {
        struct stream *s = &t->streams[i];
        int r;

        if (s->fd < 0)
            continue;
        r = uv_poll_init(&sh->loop, &s->poll, s->fd);
        if (r < 0)
            return flux_error_sys(err, r, "task %u: output", t->rank);
        s->poll.data = s;
        s->open = true;
        sh->open_streams++;
        uv_poll_start(&s->poll, UV_READABLE, on_readable);
    }
    return 0;
}

void streams_pause(struct flux_shell *sh, bool pause)
{
    for (unsigned i = 0; i < sh->nlocal; i++) {
        for (int k = 0; k < STREAMS; k++) {
            struct stream *s = &sh->tasks[i].streams[k];

            if (!s->open || s->paused == pause)
                continue;
            s->paused = pause;
            if (pause)
                uv_poll_stop(&s->poll);
            else
                uv_poll_start(&s->poll, UV_READABLE, on_readable);
        }
    }
}

void streams_done(struct flux_shell_task *t)
{
    for (int i = 0; i < STREAMS; i++) {
        struct stream *s = &t->streams[i];

        if (s->open && t->sh->sinks[i])
            sink_write(t, i, s->held, s->held_len, true);
        if (s->open)
            stream_close(s);
        else if (t->streams[i].fd >= 0)
            close(t->streams[i].fd);
        t->streams[i].fd = -1;
    }
}
