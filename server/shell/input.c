// SPDX-License-Identifier: LGPL-3.0-only
/* Standard input of the tasks: a file, what clients send through the output service, or nothing.
 * Memory for it is bounded by the credit given to the service: it is given back as tasks read. */
#include "shell.h"

#include <fcntl.h>
#include <unistd.h>

#include <flux/v1/job_io.h>

#define CREDIT (256u << 10)
#define BEHIND_MAX (64u << 10) /* a task with more unread holds up further input */

struct feed {
    struct flux_shell_task *task;
    uv_poll_t poll;
    bool polling, made, eof;
    struct flux_buf queue;
};

struct input {
    struct feed *feeds; /* by local task */
    struct flux_future *future;
    struct flux_idset *wanted; /* task ranks that get input; NULL: all */
    uint32_t owed;             /* credit not yet given back */
};

static bool from_service(struct flux_shell *sh)
{
    return sh->start->stdin_service && !sh->standalone &&
           strcmp(flux_shell_option_text(sh, "input.stdin.type", "service"), "file");
}

int input_open(struct flux_shell *sh, struct flux_error *err)
{
    const char *ranks = flux_shell_option_text(sh, "input.stdin.ranks", "all");
    struct input *in = sh->input = flux_alloc(sizeof(*in));

    in->feeds = flux_alloc(sizeof(*in->feeds) * (sh->nlocal + 1));
    if (!strcmp(ranks, "all"))
        return 0;
    return flux_idset_decode(ranks, &in->wanted, err);
}

static int open_file(struct flux_shell *sh, struct flux_shell_task *t, struct flux_error *err)
{
    const char *template = flux_shell_option_text(sh, "input.stdin.path", NULL);
    FLUX_AUTO_STR path = NULL;

    if (!template)
        return flux_error_set(err, -EINVAL, "input.stdin: a file without a path");
    path = mustache_render(sh, t, template);
    t->stdio[0] = open(path, O_RDONLY | O_CLOEXEC);
    return t->stdio[0] < 0 ? flux_error_sys(err, -errno, "error opening stdin file %.160s", path)
                           : 0;
}

static int open_pipe(struct flux_shell_task *t, struct flux_error *err)
{
    int fd[2];

    if (pipe2(fd, O_CLOEXEC) < 0)
        return flux_error_sys(err, -errno, "pipe");
    fcntl(fd[1], F_SETFL, O_NONBLOCK);
    t->stdio[0] = fd[0];
    t->stdin_fd = fd[1];
    return 0;
}

int input_prepare(struct flux_shell *sh, struct flux_shell_task *t, struct flux_error *err)
{
    const char *type = flux_shell_option_text(sh, "input.stdin.type", "service");
    bool wanted = !sh->input->wanted || flux_idset_contains(sh->input->wanted, t->rank);

    sh->input->feeds[t->index] =
        (struct feed){.task = t, .queue = FLUX_BUF_INIT((size_t)CREDIT * 4)};
    if (t->stdio[0] >= 0)
        return 0; /* a plugin has made it */
    if (!strcmp(type, "file"))
        return open_file(sh, t, err);
    if (sh->standalone && sh->start->stdin_service)
        return 0; /* our own */
    if (from_service(sh) && wanted)
        return open_pipe(t, err);
    t->stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return t->stdio[0] < 0 ? flux_error_sys(err, -errno, "/dev/null") : 0;
}

static void feed_close(struct feed *f)
{
    if (f->polling) {
        uv_poll_stop(&f->poll);
        f->polling = false;
    }
    if (f->made) {
        uv_close((uv_handle_t *)&f->poll, NULL);
        f->made = false;
    }
    if (f->task->stdin_fd >= 0 && f->task->stdin_fd != f->task->pty)
        close(f->task->stdin_fd);
    f->task->stdin_fd = -1;
    flux_buf_done(&f->queue);
}

/* Give credit back unless a task is far behind. */
static void give_credit(struct flux_shell *sh)
{
    struct input *in = sh->input;

    if (!in->owed || !in->future)
        return;
    for (unsigned i = 0; i < sh->nlocal; i++)
        if (in->feeds[i].queue.len > BEHIND_MAX)
            return;
    flux_future_credit(in->future, in->owed);
    in->owed = 0;
}

static void feed_drain(struct feed *f);

static void on_writable(uv_poll_t *poll, int status, int events)
{
    struct feed *f = poll->data;

    feed_drain(f);
    give_credit(f->task->sh);
}

static void feed_wait(struct feed *f)
{
    if (f->polling)
        return;
    if (!f->made) {
        if (uv_poll_init(&f->task->sh->loop, &f->poll, f->task->stdin_fd) < 0) {
            feed_close(f);
            return;
        }
        f->poll.data = f;
        f->made = true;
    }
    f->polling = true;
    uv_poll_start(&f->poll, UV_WRITABLE, on_writable);
}

static void feed_drain(struct feed *f)
{
    while (f->queue.len && f->task->stdin_fd >= 0) {
        ssize_t n = write(f->task->stdin_fd, f->queue.data, f->queue.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            feed_wait(f);
            return;
        }
        if (n < 0) { /* it does not read any more */
            feed_close(f);
            return;
        }
        flux_buf_consume(&f->queue, n);
    }
    if (f->polling) {
        uv_poll_stop(&f->poll);
        f->polling = false;
    }
    if (f->eof && f->task->stdin_fd >= 0)
        feed_close(f);
}

/* A terminal has no end of file of its own: the end is the character for it. */
static void feed_put(struct feed *f, const flux_job_io_read_input_response *item)
{
    if (f->task->stdin_fd < 0 || f->eof)
        return;
    if (flux_buf_add(&f->queue, item->data.data, item->data.len) < 0)
        flux_shell_log(f->task->sh, FLUX_SHELL_ERROR, "input", "task %u: input is lost",
                       f->task->rank);
    if (item->eof && f->task->pty >= 0)
        flux_buf_putc(&f->queue, 4);
    else if (item->eof)
        f->eof = true;
    feed_drain(f);
}

static void take_item(struct flux_shell *sh, const flux_job_io_read_input_response *item)
{
    FLUX_AUTO(idset) tasks = NULL;

    if (item->tasks[0] && strcmp(item->tasks, "all") &&
        flux_idset_decode(item->tasks, &tasks, NULL) < 0)
        return;
    for (unsigned i = 0; i < sh->nlocal; i++)
        if (!tasks || flux_idset_contains(tasks, sh->tasks[i].rank))
            feed_put(&sh->input->feeds[i], item);
}

static void stop_reading(struct input *in)
{
    flux_future_free(in->future);
    in->future = NULL;
}

static void on_item(struct flux_future *f, void *arg)
{
    struct flux_shell *sh = arg;
    const flux_job_io_read_input_response *item;
    struct flux_error err;
    int r = flux_job_io_read_input_result(f, &item, &err);

    if (r < 0) {
        if (r != -ENODATA)
            flux_shell_log(sh, FLUX_SHELL_WARN, "input", "standard input ended: %s", err.text);
        stop_reading(sh->input);
        for (unsigned i = 0; i < sh->nlocal; i++) {
            sh->input->feeds[i].eof = true;
            feed_drain(&sh->input->feeds[i]);
        }
        return;
    }
    sh->input->owed += flux_future_size(f);
    take_item(sh, item);
    give_credit(sh);
}

int input_start(struct flux_shell *sh, struct flux_error *err)
{
    flux_job_io_read_input_request in = FLUX_JOB_IO_READ_INPUT_REQUEST_INIT;
    FLUX_AUTO(idset) tasks = flux_idset_new();
    FLUX_AUTO_STR text = NULL;
    struct flux_to to = FLUX_ANY;
    struct flux *h;

    for (unsigned i = 0; i < sh->nlocal; i++)
        if (sh->tasks[i].stdin_fd >= 0)
            flux_idset_add(tasks, sh->tasks[i].rank);
    if (sh->standalone || flux_idset_empty(tasks))
        return 0;
    h = flux_shell_handle(sh);
    if (!h)
        return flux_error_set(err, -ENOTCONN, "input: no connection to the broker");
    text = flux_idset_encode(tasks, FLUX_IDSET_RANGE);
    in.id = sh->start->job_id;
    in.tasks = text;
    to.credit = CREDIT;
    sh->input->future = flux_job_io_read_input_stream(h, to, &in);
    flux_future_then(sh->input->future, on_item, sh);
    return 0;
}

void input_task_exit(struct flux_shell *sh, struct flux_shell_task *t)
{
    feed_close(&sh->input->feeds[t->index]);
    if (sh->input->future && !sh->running)
        stop_reading(sh->input);
    else
        give_credit(sh);
}

void input_close(struct flux_shell *sh)
{
    struct input *in = sh->input;

    if (!in)
        return;
    stop_reading(in);
    for (unsigned i = 0; i < sh->nlocal; i++)
        if (in->feeds[i].task)
            feed_close(&in->feeds[i]);
    flux_idset_free(in->wanted);
    free(in->feeds);
    free(in);
    sh->input = NULL;
}
