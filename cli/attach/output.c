// SPDX-License-Identifier: LGPL-3.0-only
/* Job output to our own: frames go through one large buffer and out in few writes; nothing looks at
 * lines unless they are to be labelled. Standard output and error keep their order. */
#include "attach.h"

#include <poll.h>
#include <syslog.h>
#include <unistd.h>

#include <flux/idset.h>
#include <flux/v1/job_io.h>

enum { FLUSH_AT = 256 << 10, DIRECT_AT = 64 << 10, CREDIT_STEP = 1 << 20 };

/* All of it, whatever the descriptor's mode. A closed reader ends the program by SIGPIPE, or here.
 */
static void write_all(FILE *fp, const char *data, size_t n)
{
    int fd = fileno(fp);

    while (n > 0) {
        ssize_t k = write(fd, data, n);

        if (k < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};

            (void)poll(&p, 1, -1);
        } else if (k < 0 && errno != EINTR) {
            exit(1);
        }
        if (k > 0) {
            data += k;
            n -= (size_t)k;
        }
    }
}

void attach_output_flush(struct attach_output *o)
{
    if (o->pending.len > 0)
        write_all(o->out, o->pending.data, o->pending.len);
    flux_buf_reset(&o->pending);
}

static void emit(struct attach_output *o, bool error, const char *data, size_t n)
{
    if (n == 0)
        return;
    if (error) {
        attach_output_flush(o);
        write_all(o->err, data, n);
        return;
    }
    if (n >= DIRECT_AT || o->pending.len + n > FLUSH_AT)
        attach_output_flush(o);
    if (n >= DIRECT_AT)
        write_all(o->out, data, n);
    else
        flux_buf_add(&o->pending, data, n);
}

/* "3: line". A line that another task's text interrupts is ended first. */
static void emit_labelled(struct attach_output *o, bool error, uint32_t task, const char *data,
                          size_t n)
{
    char label[16];
    int len = snprintf(label, sizeof(label), "%u: ", task);

    if (o->line_open[error] && o->last_task != task) {
        emit(o, error, "\n", 1);
        o->line_open[error] = false;
    }
    o->last_task = task;
    while (n > 0) {
        const char *nl = memchr(data, '\n', n);
        size_t k = nl ? (size_t)(nl - data) + 1 : n;

        if (!o->line_open[error])
            emit(o, error, label, (size_t)len);
        emit(o, error, data, k);
        o->line_open[error] = !nl;
        data += k;
        n -= k;
    }
}

static void emit_task(struct attach_output *o, bool error, uint32_t task,
                      const flux_job_io_frame *frame)
{
    if (o->label)
        emit_labelled(o, error, task, (const char *)frame->data.data, frame->data.len);
    else
        emit(o, error, (const char *)frame->data.data, frame->data.len);
}

static void emit_data(struct attach_output *o, const flux_job_io_frame *frame)
{
    bool error = frame->stream == FLUX_JOB_IO_STREAM_STDERR;
    FLUX_AUTO(idset) tasks = NULL;

    if (!frame->tasks || !*frame->tasks || flux_idset_decode(frame->tasks, &tasks, NULL) < 0) {
        emit_task(o, error, frame->rank, frame);
        return;
    }
    FLUX_IDSET_FOREACH(tasks, task)
    emit_task(o, error, task, frame);
}

static const char *level_text(uint32_t level)
{
    return level <= LOG_CRIT      ? "FATAL: "
           : level == LOG_ERR     ? "ERROR: "
           : level == LOG_WARNING ? " WARN: "
           : level == LOG_DEBUG   ? "DEBUG: "
                                  : "";
}

/* 0.085s: flux-shell[0]: ERROR: text; the words of levels are as wide as the widest */
static void emit_log(struct attach_job *job, const flux_job_io_frame *frame)
{
    struct attach_output *o = &job->attach->output;
    double offset = job->t_submit > 0 ? frame->timestamp - job->t_submit : 0;
    const char *component = frame->component;
    size_t n = frame->data.len;

    if (n > 0 && frame->data.data[n - 1] == '\n')
        n--;
    attach_output_flush(o);
    attach_status_clear(job->attach);
    fprintf(o->err, "%.3fs: flux-shell[%u]: %s%s%s%.*s\n", offset < 0 ? 0 : offset, frame->rank,
            level_text(frame->level), component ? component : "",
            component && *component ? ": " : "", (int)n, (const char *)frame->data.data);
}

static void emit_redirect(struct attach_job *job, const flux_job_io_frame *frame)
{
    struct attach_output *o = &job->attach->output;

    if (job->attach->options.quiet)
        return;
    attach_output_flush(o);
    fprintf(o->err, "%u: %s redirected to %.*s\n", frame->rank,
            frame->component && *frame->component ? frame->component : "stdout",
            (int)frame->data.len, (const char *)frame->data.data);
}

static void print_frames(struct attach_job *job, const flux_job_io_read_response *in)
{
    for (size_t i = 0; i < in->n_frames; i++) {
        const flux_job_io_frame *frame = in->frames[i];

        switch (frame->stream) {
        case FLUX_JOB_IO_STREAM_STDOUT:
        case FLUX_JOB_IO_STREAM_STDERR:
            if (!frame->component || strcmp(frame->component, "file") != 0)
                emit_data(&job->attach->output, frame);
            break; /* "file": on its way to a file that the first shell writes */
        case FLUX_JOB_IO_STREAM_LOG:
            emit_log(job, frame);
            break;
        case FLUX_JOB_IO_STREAM_REDIRECT:
            emit_redirect(job, frame);
            break;
        default:
            break;
        }
    }
    attach_output_flush(&job->attach->output);
}

/* One item of the stream, or its end: then job->output_done is set. */
void attach_output_frames(struct attach_job *job, struct flux_future *f)
{
    const flux_job_io_read_response *in;
    struct flux_error err = {""};
    int r = flux_job_io_read_result(f, &in, &err);

    if (r < 0) {
        if (r != -ENODATA && r != -ENOENT)
            cli_warn(job->attach->cli, "output: %s", err.text);
        job->output_done = true;
        return;
    }
    if (in->n_frames > 0)
        attach_status_clear(job->attach);
    print_frames(job, in);
    job->unreturned += (uint32_t)flux_future_size(f);
    if (job->unreturned >= CREDIT_STEP) {
        flux_future_credit(f, job->unreturned);
        job->unreturned = 0;
    }
}
