// SPDX-License-Identifier: LGPL-3.0-only
/* A job is followed by two streams, its eventlog and its output. It has ended when its finish (or
 * whatever event was asked for) was seen, or its log is complete, and its output has ended too. */
#include "attach.h"
#include "format/format.h"
#include "handle.h"

#include <sys/wait.h>
#include <unistd.h>

#include <flux/fluid.h>
#include <flux/v1/job_info.h>
#include <flux/v1/job_io.h>

enum { OUTPUT_WINDOW = 4 << 20 };

struct attach *attach_new(struct cli *cli, const struct attach_options *options)
{
    struct attach *a = flux_alloc(sizeof(*a));

    a->cli = cli;
    a->options = *options;
    a->output.out = options->out ? options->out : stdout;
    a->output.err = options->err ? options->err : stderr;
    a->output.label = options->label;
    a->started = flux_monotime();
    return a;
}

void attach_status_clear(struct attach *a)
{
    if (a->status_shown)
        fputs("\r\033[K", stderr);
    a->status_shown = false;
}

static void on_timer(uv_timer_t *timer)
{
    struct attach *a = timer->data;
    long seconds = (long)(flux_monotime() - a->started);

    if (!a->jobs || a->jobs->started)
        return;
    fprintf(stderr, "\rflux-job: %s waiting for resources   %02ld:%02ld:%02ld",
            flux_fluid_f58(a->jobs->id), seconds / 3600, seconds / 60 % 60, seconds % 60);
    a->status_shown = true;
}

static void start_status_line(struct attach *a)
{
    if (a->timer_used || !isatty(STDERR_FILENO) || getenv("FLUX_ATTACH_NONINTERACTIVE"))
        return;
    uv_timer_init(flux_loop(a->h), &a->timer);
    a->timer.data = a;
    a->timer_used = true;
    uv_timer_start(&a->timer, on_timer, 2000, 1000);
}

static int exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void report_end(const struct attach_job *job)
{
    FILE *err = job->attach->output.err;

    if (job->attach->options.quiet || !job->has_status || job->status == 0)
        return;
    if (WIFSIGNALED(job->status))
        fprintf(err, "flux-job: task(s) %s\n", strsignal(WTERMSIG(job->status)));
    else
        fprintf(err, "flux-job: task(s) exited with exit code %d\n", WEXITSTATUS(job->status));
}

static void job_end(struct attach_job *job)
{
    struct attach *a = job->attach;

    flux_future_free(FLUX_GIVE(job->events));
    flux_future_free(FLUX_GIVE(job->exec_events));
    flux_future_free(FLUX_GIVE(job->output));
    if (job->has_status)
        job->code = exit_code(job->status);
    else if (job->canceled_by_exception)
        job->code = a->options.exception_code ? a->options.exception_code : 1;
    attach_status_clear(a);
    report_end(job);
    if (job->code > a->code)
        a->code = job->code;
    if (a->options.on_done)
        a->options.on_done(job->id, job->code, a->options.arg);
    if (--a->open == 0)
        flux_stop(a->h);
}

static void check_end(struct attach_job *job)
{
    if (job->events_done && job->output_done && job->events)
        job_end(job);
}

/* 0.033s: job.exception type=exec severity=0 note */
static void show_exception(struct attach_job *job, double offset, const json_t *context)
{
    struct attach *a = job->attach;
    FLUX_AUTO_STR type = flux_strdup(json_string_value(json_object_get(context, "type")));
    FLUX_AUTO_STR note = flux_strdup(json_string_value(json_object_get(context, "note")));
    long long severity = json_integer_value(json_object_get(context, "severity"));

    if (severity == 0)
        job->canceled_by_exception = true;
    if (a->options.quiet || a->options.show_events)
        return;
    if (type)
        format_clean(type);
    if (note)
        format_clean(note);
    attach_output_flush(&a->output);
    attach_status_clear(a);
    fprintf(a->output.err, "%.3fs: job.exception %s type=%s severity=%lld %s\n", offset,
            flux_fluid_f58(job->id), type ? type : "?", severity, note ? note : "");
}

static void show_event(struct attach_job *job, const char *log, double offset,
                       const struct flux_eventlog_entry *e)
{
    FLUX_AUTO_STR context = e->context ? json_dumps(e->context, JSON_COMPACT) : NULL;

    attach_output_flush(&job->attach->output);
    attach_status_clear(job->attach);
    fprintf(job->attach->output.err, "%.3fs: %s.%s%s%s\n", offset, log, e->name, context ? " " : "",
            context ? context : "");
}

static void on_event(struct attach_job *job, const struct flux_eventlog_entry *e)
{
    struct attach *a = job->attach;
    const struct attach_options *how = &a->options;
    double offset;

    if (job->t_submit == 0)
        job->t_submit = e->timestamp;
    offset = e->timestamp - job->t_submit;
    if (how->show_events)
        show_event(job, "job", offset, e);
    if (strcmp(e->name, "start") == 0) {
        job->started = true;
        attach_status_clear(a);
    } else if (strcmp(e->name, "exception") == 0) {
        show_exception(job, offset, e->context);
    } else if (strcmp(e->name, "finish") == 0) {
        job->status = (int)json_integer_value(json_object_get(e->context, "status"));
        job->has_status = true;
    }
    if (strcmp(e->name, how->wait_event ? how->wait_event : "finish") == 0 &&
        (!how->wait_key || json_object_get(e->context, how->wait_key)))
        job->events_done = true;
}

static void on_exec_events(struct flux_future *f, void *arg)
{
    struct attach_job *job = arg;
    const flux_job_info_watch_response *in;
    struct flux_eventlog_cursor c;
    struct flux_eventlog_entry e;

    if (flux_job_info_watch_result(f, &in, NULL) < 0)
        return;
    c = (struct flux_eventlog_cursor){in->events, in->events + strlen(in->events), 0};
    while (flux_eventlog_next(&c, &e, NULL) == 1) {
        show_event(job, "exec", e.timestamp - job->t_submit, &e);
        flux_eventlog_entry_done(&e);
    }
}

/* A job that never started has no output to wait for. */
static void events_ended(struct attach_job *job)
{
    job->events_done = true;
    if (!job->started)
        job->output_done = true;
}

static void on_events(struct flux_future *f, void *arg)
{
    struct attach_job *job = arg;
    const flux_job_info_watch_response *in;
    struct flux_error err = {""};
    struct flux_eventlog_cursor c;
    struct flux_eventlog_entry e;
    int r = flux_job_info_watch_result(f, &in, &err);

    if (r < 0) {
        if (r != -ENODATA) {
            cli_warn(job->attach->cli, "%s", err.text);
            job->code = 1;
            job->output_done = true;
        }
        events_ended(job);
        check_end(job);
        return;
    }
    c = (struct flux_eventlog_cursor){in->events, in->events + strlen(in->events), 0};
    while (!job->events_done && flux_eventlog_next(&c, &e, &err) == 1) {
        on_event(job, &e);
        flux_eventlog_entry_done(&e);
    }
    if (job->attach->options.wait_event && job->events_done)
        job->output_done = true;
    check_end(job);
}

static void on_output(struct flux_future *f, void *arg)
{
    struct attach_job *job = arg;

    attach_output_frames(job, f);
    check_end(job);
}

static struct flux_future *watch_log(struct attach_job *job, const char *path, bool wait,
                                     flux_then_f cb)
{
    flux_job_info_watch_request in = FLUX_JOB_INFO_WATCH_REQUEST_INIT;
    struct flux_future *f;

    in.id = job->id;
    in.path = (char *)path;
    in.waitcreate = wait;
    f = flux_job_info_watch_stream(job->attach->h, FLUX_ANY, &in);
    flux_future_then(f, cb, job);
    return f;
}

static void read_output(struct attach_job *job)
{
    flux_job_io_read_request in = FLUX_JOB_IO_READ_REQUEST_INIT;
    struct flux_to to = FLUX_ANY;

    in.id = job->id;
    in.tail = job->attach->options.tail;
    to.credit = OUTPUT_WINDOW;
    job->output = flux_job_io_read_stream(job->attach->h, to, &in);
    flux_future_then(job->output, on_output, job);
}

void attach_add(struct attach *a, uint64_t id)
{
    struct attach_job *job = flux_alloc(sizeof(*job));

    a->h = cli_handle(a->cli);
    job->attach = a;
    job->id = id;
    job->next = a->jobs;
    a->jobs = job;
    a->open++;
    job->events = watch_log(job, "eventlog", true, on_events);
    if (a->options.show_exec_events)
        job->exec_events = watch_log(job, "guest.exec.eventlog", true, on_exec_events);
    if (a->options.output)
        read_output(job);
    else
        job->output_done = true;
    if (a->options.input || a->options.signals)
        attach_input_start(job);
    if (a->options.status_line)
        start_status_line(a);
}

void attach_leave(struct attach *a, int code)
{
    a->code = code;
    flux_stop(a->h);
}

int attach_run(struct attach *a)
{
    if (a->open > 0)
        flux_run(a->h);
    attach_output_flush(&a->output);
    return a->code;
}

void attach_free(struct attach *a)
{
    struct attach_job *job, *next;

    for (job = a->jobs; job; job = job->next) {
        flux_future_free(FLUX_GIVE(job->events));
        flux_future_free(FLUX_GIVE(job->exec_events));
        flux_future_free(FLUX_GIVE(job->output));
    }
    attach_input_stop(a);
    if (a->timer_used) {
        uv_close((uv_handle_t *)&a->timer, NULL);
        uv_run(flux_loop(a->h), UV_RUN_NOWAIT);
    }
    for (job = a->jobs; job; job = next) {
        next = job->next;
        free(job);
    }
    flux_buf_done(&a->output.pending);
    free(a);
}
