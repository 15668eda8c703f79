// SPDX-License-Identifier: LGPL-3.0-only
/* One script at a time, in a process group of its own, with a pipe for what it has to say. The end
 * of the script is what counts, not that of the pipe: a daemon that it leaves behind may hold that.
 */
#include "rc.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <flux/buf.h>

#include "program.h"

#define LINE_MAX_BYTES 4096 /* longer ones are cut into pieces */

struct rc {
    struct broker *b;
    char *name, *command;
    double began;
    struct subproc *process;
    uv_poll_t poll;
    int fd; /* the pipe's end that we read */
    struct flux_buf line;
    void (*done)(int status, void *arg);
    void *arg;
};

static void rc_free(struct rc *rc)
{
    flux_buf_done(&rc->line);
    free(rc->name);
    free(rc->command);
    free(rc);
}

static void log_line(struct rc *rc)
{
    if (rc->line.len > 0)
        broker_log(rc->b, LOG_INFO, "%s: %.*s", rc->name, (int)rc->line.len, rc->line.data);
    flux_buf_reset(&rc->line);
}

static void take(struct rc *rc, const char *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (data[i] == '\n' || rc->line.len == LINE_MAX_BYTES)
            log_line(rc);
        if (data[i] != '\n')
            flux_buf_putc(&rc->line, data[i]);
    }
}

/* All that is there now. */
static void drain(struct rc *rc)
{
    char data[4096];
    ssize_t n;

    while ((n = read(rc->fd, data, sizeof(data))) > 0)
        take(rc, data, n);
    if (n == 0)
        uv_poll_stop(&rc->poll);
}

static void on_output(uv_poll_t *poll, int status, int events)
{
    drain(poll->data);
}

static void on_closed(uv_handle_t *handle)
{
    rc_free(handle->data);
}

static void on_exit_of(int status, void *arg)
{
    struct rc *rc = arg;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

    drain(rc);
    log_line(rc);
    broker_log(rc->b, status ? LOG_ERR : LOG_INFO, "%s: /bin/sh -c %s %s (rc=%d) %.1fs", rc->name,
               rc->command, WIFEXITED(status) ? "Exited" : "Killed", code,
               flux_monotime() - rc->began);
    rc->done(status, rc->arg);
    uv_poll_stop(&rc->poll);
    close(rc->fd);
    uv_close((uv_handle_t *)&rc->poll, on_closed);
}

int rc_start(struct broker *b, const char *name, const char *command,
             void (*done)(int status, void *arg), void *arg, struct rc **ret,
             struct flux_error *err)
{
    char *argv[] = {"/bin/sh", "-c", (char *)command, NULL};
    struct rc *rc;
    int fds[2], r;

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return flux_error_sys(err, -errno, "%s: pipe", name);
    rc = flux_alloc(sizeof(*rc));
    *rc = (struct rc){.b = b,
                      .name = flux_strdup(name),
                      .command = flux_strdup(command),
                      .began = flux_monotime(),
                      .fd = fds[0],
                      .line = FLUX_BUF_INIT(LINE_MAX_BYTES),
                      .done = done,
                      .arg = arg};
    fcntl(fds[1], F_SETFL, 0); /* the script's end blocks, as scripts expect */
    r = program_start_script(b, argv, fds[1], on_exit_of, rc, &rc->process, err);
    close(fds[1]);
    if (r < 0) {
        close(fds[0]);
        rc_free(rc);
        return r;
    }
    uv_poll_init(&b->loop, &rc->poll, rc->fd);
    rc->poll.data = rc;
    uv_poll_start(&rc->poll, UV_READABLE, on_output);
    *ret = rc;
    return 0;
}

void rc_kill(struct rc *rc, int signum)
{
    subproc_kill(rc->process, signum);
}
