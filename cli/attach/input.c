// SPDX-License-Identifier: LGPL-3.0-only
/* Our standard input to the job's tasks, one chunk under way at a time, and our signals: ^C twice
 * in two seconds cancels the job, ^C ^Z detaches, the others are passed on. */
#include "attach.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <flux/fluid.h>
#include <flux/v1/job_io.h>
#include <flux/v1/job_manager.h>

enum { CHUNK = 64 << 10 };
static const double interrupt_window = 2; /* seconds between two ^C */

static const int watched[] = {SIGINT, SIGTSTP, SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGUSR2};

struct attach_input {
    struct attach_job *job;
    uv_poll_t poll;
    bool pollable, polling, ended;
    uv_signal_t signals[FLUX_ARRAY_SIZE(watched)];
    double last_interrupt;
    struct flux_future *under_way;
    bool raw; /* our terminal's mode was changed */
    struct termios saved;
    uint8_t chunk[CHUNK];
};

static void read_more(struct attach_input *x);

static void on_written(struct flux_future *f, void *arg)
{
    struct attach_input *x = arg;
    struct flux_error err = {""};
    int r = flux_job_io_write_input_result(f, NULL, &err);

    flux_future_free(f);
    x->under_way = NULL;
    /* A job that has ended takes no input; its own end is reported elsewhere. */
    if (r < 0)
        x->ended = true;
    if (!x->ended)
        read_more(x);
}

static void send_chunk(struct attach_input *x, size_t n, bool eof)
{
    flux_job_io_write_input_request in = FLUX_JOB_IO_WRITE_INPUT_REQUEST_INIT;
    const char *tasks = x->job->attach->options.input_tasks;

    in.id = x->job->id;
    in.tasks = tasks && strcmp(tasks, "all") != 0 ? (char *)tasks : (char *)"";
    in.data.data = x->chunk;
    in.data.len = n;
    in.eof = eof;
    x->ended = eof;
    x->under_way = flux_job_io_write_input_async(x->job->attach->h, FLUX_ANY, &in);
    flux_future_then(x->under_way, on_written, x);
}

/* What is there now; in `polling` mode the loop says when there is more. */
static void read_now(struct attach_input *x)
{
    ssize_t n = read(STDIN_FILENO, x->chunk, sizeof(x->chunk));

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        read_more(x);
        return;
    }
    if (x->polling) {
        uv_poll_stop(&x->poll);
        x->polling = false;
    }
    send_chunk(x, n > 0 ? (size_t)n : 0, n <= 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct attach_input *x = poll->data;

    if (!x->under_way && !x->ended)
        read_now(x);
}

static void read_more(struct attach_input *x)
{
    if (!x->pollable) {
        read_now(x);
    } else if (!x->polling) {
        x->polling = true;
        uv_poll_start(&x->poll, UV_READABLE, on_readable);
    }
}

static void start_reading(struct attach_input *x)
{
    struct stat st;

    /* The shell does not wait for input where there surely is none. */
    if (fstat(STDIN_FILENO, &st) < 0 || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
        return;
    /* In the background of a terminal: reading would stop us. */
    if (isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) != getpgrp())
        return;
    /* Files, and devices like /dev/null that cannot be polled, are always readable. */
    x->pollable = !S_ISREG(st.st_mode) &&
                  uv_poll_init(flux_loop(x->job->attach->h), &x->poll, STDIN_FILENO) == 0;
    x->poll.data = x;
    read_more(x);
}

static void on_raised(struct flux_future *f, void *arg)
{
    struct flux_error err = {""};
    struct attach *a = arg;

    if (flux_job_manager_raise_result(f, NULL, &err) < 0)
        cli_warn(a->cli, "%s", err.text);
    flux_future_free(f);
}

static void cancel_job(struct attach_input *x)
{
    flux_job_manager_raise_request in = FLUX_JOB_MANAGER_RAISE_REQUEST_INIT;

    in.id = x->job->id;
    in.type = (char *)"cancel";
    in.note = (char *)"interrupted by ctrl-C";
    flux_future_then(flux_job_manager_raise_async(x->job->attach->h, FLUX_ANY, &in), on_raised,
                     x->job->attach);
}

static void on_interrupt(struct attach_input *x)
{
    struct attach *a = x->job->attach;
    double now = flux_monotime();

    attach_status_clear(a);
    if (x->last_interrupt > 0 && now - x->last_interrupt <= interrupt_window) {
        fprintf(stderr, "%s: canceling job %s\n", a->cli->tool, flux_fluid_f58(x->job->id));
        cancel_job(x);
        x->last_interrupt = 0;
        return;
    }
    fprintf(stderr, "%s: one more ctrl-C within 2s to cancel or ctrl-Z to detach\n", a->cli->tool);
    x->last_interrupt = now;
}

static void on_stop(struct attach_input *x)
{
    struct attach *a = x->job->attach;

    if (x->last_interrupt > 0 && flux_monotime() - x->last_interrupt <= interrupt_window) {
        attach_status_clear(a);
        fprintf(stderr, "%s: detaching...\n", a->cli->tool);
        attach_leave(a, 0);
        return;
    }
    raise(SIGSTOP);
}

static void on_killed(struct flux_future *f, void *arg)
{
    (void)flux_job_manager_kill_result(f, NULL, NULL); /* a job that is not running needs none */
    flux_future_free(f);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct attach_input *x = handle->data;
    flux_job_manager_kill_request in = FLUX_JOB_MANAGER_KILL_REQUEST_INIT;

    if (signum == SIGINT) {
        on_interrupt(x);
        return;
    }
    if (signum == SIGTSTP) {
        on_stop(x);
        return;
    }
    in.id = x->job->id;
    in.signum = (uint32_t)signum;
    flux_future_then(flux_job_manager_kill_async(x->job->attach->h, FLUX_ANY, &in), on_killed, x);
}

/* Keys go to the job's terminal, which gives them their meaning. */
static void enter_raw(struct attach_input *x)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &x->saved) < 0)
        return;
    raw = x->saved;
    cfmakeraw(&raw);
    x->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void attach_input_start(struct attach_job *job)
{
    struct attach_input *x = flux_alloc(sizeof(*x));

    x->job = job;
    job->attach->input = x;
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(watched); i++) {
        uv_signal_init(flux_loop(job->attach->h), &x->signals[i]);
        x->signals[i].data = x;
        uv_signal_start(&x->signals[i], on_signal, watched[i]);
    }
    if (job->attach->options.terminal)
        enter_raw(x);
    if (job->attach->options.input)
        start_reading(x);
}

void attach_input_stop(struct attach *a)
{
    struct attach_input *x = a->input;

    if (!x)
        return;
    if (x->raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &x->saved);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(watched); i++)
        uv_close((uv_handle_t *)&x->signals[i], NULL);
    if (x->pollable)
        uv_close((uv_handle_t *)&x->poll, NULL);
    flux_future_free(x->under_way);
    x->under_way = NULL;
    x->ended = true;
    uv_run(flux_loop(a->h), UV_RUN_NOWAIT); /* the loop lets go of the handles */
    free(x);
    a->input = NULL;
}
