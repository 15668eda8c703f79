// SPDX-License-Identifier: LGPL-3.0-only
/* The connection to the broker, made when there is first something to say, and the frames on their
 * way to JobIo: queued, joined where neighbours fit, sent in one Write at a time. What is not yet
 * acknowledged is kept and sent again after a loss, under its old number. Over a bound the tasks'
 * pipes are left alone until the queue has shrunk: nothing is dropped. */
#include "shell.h"

#include <stdio.h>
#include <unistd.h>

#include <flux/v1/job_io.h>
#include <flux/v1/job_manager.h>

#define RECONNECT_SECONDS 600.
#define RETRY_MS 100
#define BATCH_BYTES (4u << 20)    /* of one Write */
#define JOINED_BYTES (256u << 10) /* of one frame */
#define QUEUE_HIGH (8u << 20)
#define QUEUE_LOW (4u << 20)
/* Kept in case the service is restarted and has lost them: at least that much, at most twice. */
#define HISTORY_BYTES (4u << 20)
#define HISTORY_FRAMES 4096u

struct frame {
    int stream;
    unsigned rank, level;
    char *component;
    bool eof;
    uint32_t seq; /* of the message that it went out in */
    double timestamp;
    char *data;
    size_t len, cap;
};

struct link {
    struct flux_shell *sh;
    struct flux *h;
    struct frame *queue; /* [0, sending) are in flight */
    size_t n, room, sending;
    size_t bytes;          /* of data in the queue */
    struct frame *history; /* the last acknowledged frames */
    size_t nhistory, history_room, history_bytes;
    uint64_t forgotten;     /* bytes that were acknowledged before those, */
    uint32_t forgotten_seq; /* in messages up to this one */
    uint32_t seq;
    uint64_t stored;
    bool used, finishing, done_sent, done, paused;
    bool again, again_done; /* the last message was lost; whether it had `done` */
    double first_failure;   /* of connecting; 0: none */
    bool told_refused;
    struct flux_future *write;
    struct flux_future *raise[2]; /* what ends the job, and what does not */
    uv_prepare_t prepare;
    uv_timer_t retry;
};

static void flush(struct link *l);

static void on_prepare(uv_prepare_t *prepare)
{
    struct link *l = prepare->data;

    uv_prepare_stop(prepare);
    flush(l);
}

static void on_retry(uv_timer_t *timer)
{
    flush(timer->data);
}

struct link *link_new(struct flux_shell *sh)
{
    struct link *l = flux_alloc(sizeof(*l));

    l->sh = sh;
    uv_prepare_init(&sh->loop, &l->prepare);
    l->prepare.data = l;
    uv_timer_init(&sh->loop, &l->retry);
    l->retry.data = l;
    return l;
}

static int connect_broker(struct link *l, struct flux_error *err)
{
    const char *uri = l->sh->start->local_uri;
    int r;

    if (l->h)
        return 0;
    if (!uri[0])
        return flux_error_set(err, -ENOENT, "there is no broker");
    r = flux_open_in(&l->sh->loop, uri, &l->h, err);
    if (r < 0)
        return r;
    flux_set_reconnect(l->h, RECONNECT_SECONDS);
    l->first_failure = 0;
    return 0;
}

static bool patient(struct link *l);

struct flux *link_handle(struct link *l)
{
    struct flux_error err;

    if (!l)
        return NULL;
    if (connect_broker(l, &err) < 0) {
        if (!l->first_failure) /* once for all attempts */
            fprintf(stderr, "flux-shell[%u]: %s\n", l->sh->rank, err.text);
        patient(l);
        return NULL;
    }
    return l->h;
}

/* --- the queue --- */

static struct frame *join(struct link *l, const struct link_frame *f)
{
    struct frame *last = l->n > l->sending ? &l->queue[l->n - 1] : NULL;

    if (!last || last->eof || last->stream != f->stream || last->rank != f->rank ||
        last->len + f->len > JOINED_BYTES || f->stream == FLUX_JOB_IO_STREAM_LOG ||
        f->stream == FLUX_JOB_IO_STREAM_REDIRECT || !last->component != !f->component)
        return NULL;
    return last;
}

static struct frame *append(struct link *l, const struct link_frame *f)
{
    struct frame *q;

    if (l->n == l->room) {
        l->room = l->room ? l->room * 2 : 16;
        l->queue = flux_realloc(l->queue, l->room, sizeof(*l->queue));
    }
    q = &l->queue[l->n++];
    *q = (struct frame){.stream = f->stream, .rank = f->rank, .level = f->level};
    q->timestamp = flux_walltime();
    q->component = flux_strdup(f->component);
    return q;
}

static void set_paused(struct link *l, bool paused)
{
    if (l->paused != paused)
        streams_pause(l->sh, paused);
    l->paused = paused;
}

void link_frame(struct link *l, const struct link_frame *f)
{
    struct frame *q = join(l, f);

    if (!q)
        q = append(l, f);
    if (q->len + f->len > q->cap) {
        q->cap = q->cap ? q->cap * 2 : f->len;
        q->cap = q->cap < q->len + f->len ? q->len + f->len : q->cap;
        q->data = flux_realloc(q->data, q->cap, 1);
    }
    if (f->len)
        memcpy(q->data + q->len, f->data, f->len);
    q->len += f->len;
    q->eof = f->eof;
    l->bytes += f->len;
    if (l->bytes > QUEUE_HIGH)
        set_paused(l, true);
    if (!l->write)
        uv_prepare_start(&l->prepare, on_prepare);
}

static void frame_done(struct frame *f)
{
    free(f->data);
    free(f->component);
}

static void forget(struct link *l, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        l->history_bytes -= l->history[i].len;
        l->forgotten += l->history[i].len;
        l->forgotten_seq = l->history[i].seq;
        frame_done(&l->history[i]);
    }
    l->nhistory -= count;
    if (count)
        memmove(l->history, l->history + count, l->nhistory * sizeof(*l->history));
}

/* Take a frame over that is stored, as far as we know. The oldest ones go, many at a time. */
static void remember(struct link *l, const struct frame *f)
{
    size_t count = 0, bytes;

    if (l->nhistory == l->history_room) {
        l->history_room = l->history_room ? l->history_room * 2 : 16;
        l->history = flux_realloc(l->history, l->history_room, sizeof(*l->history));
    }
    l->history[l->nhistory++] = *f;
    l->history_bytes += f->len;
    if (l->history_bytes <= 2 * HISTORY_BYTES && l->nhistory <= 2 * HISTORY_FRAMES)
        return;
    for (bytes = l->history_bytes; bytes > HISTORY_BYTES || l->nhistory - count > HISTORY_FRAMES;)
        bytes -= l->history[count++].len;
    forget(l, count);
}

static void drop_sent(struct link *l)
{
    for (size_t i = 0; i < l->sending; i++) {
        l->bytes -= l->queue[i].len;
        remember(l, &l->queue[i]);
    }
    l->n -= l->sending;
    if (l->n)
        memmove(l->queue, l->queue + l->sending, l->n * sizeof(*l->queue));
    l->sending = 0;
    if (l->bytes < QUEUE_LOW)
        set_paused(l, false);
}

static void tell_lost(struct link *l, uint32_t have)
{
    if (have == 0)
        flux_shell_log(l->sh, FLUX_SHELL_WARN, "output",
                       "the instance was restarted: %llu bytes of earlier output are lost",
                       (unsigned long long)l->forgotten);
    else
        flux_shell_log(l->sh, FLUX_SHELL_WARN, "output",
                       "the instance was restarted: some of the earlier output is lost");
    l->forgotten = l->forgotten_seq = 0;
}

/* The service has lost what it had acknowledged after message `have`: that once more. */
static void begin_again(struct link *l, uint32_t have)
{
    size_t kept = 0, again, n;
    struct frame *queue;

    while (kept < l->nhistory && l->history[kept].seq <= have)
        kept++;
    again = l->nhistory - kept;
    n = again + l->n;
    queue = flux_alloc((n + 1) * sizeof(*queue));
    for (size_t i = 0; i < again; i++) {
        queue[i] = l->history[kept + i];
        l->bytes += queue[i].len;
        l->history_bytes -= queue[i].len;
    }
    if (l->n)
        memcpy(queue + again, l->queue, l->n * sizeof(*queue));
    free(l->queue);
    l->queue = queue;
    l->n = n;
    l->room = n + 1;
    l->nhistory = kept;
    l->sending = 0;
    l->seq = have;
    l->done = l->done_sent = false;
    if (l->forgotten && l->forgotten_seq > have)
        tell_lost(l, have);
}

/* --- sending --- */

/* Whether to go on trying after one more failure. */
static bool patient(struct link *l)
{
    double now = flux_monotime();

    if (!l->first_failure)
        l->first_failure = now;
    return now - l->first_failure < RECONNECT_SECONDS;
}

static bool may_pass(int r)
{
    return r == -EHOSTUNREACH || r == -ENOSYS || r == -ETIMEDOUT || r == -EAGAIN;
}

/* Sent again it would be refused again. The job goes on, and who runs it is told. */
static void refused(struct link *l, const char *text)
{
    FLUX_AUTO_STR note = flux_printf("output of %s is lost: %s", l->sh->hostname, text);

    fprintf(stderr, "flux-shell[%u]: %s\n", l->sh->rank, note);
    l->done = l->done_sent;
    drop_sent(l);
    if (!l->told_refused)
        link_raise(l, "output", 1, note);
    l->told_refused = true;
}

static void on_written(struct flux_future *f, void *arg)
{
    struct link *l = arg;
    const flux_job_io_write_response *out;
    struct flux_error err;
    int r = flux_job_io_write_result(f, &out, &err);

    if (r == 0 && out->restarted) {
        begin_again(l, out->have);
    } else if (r == 0) {
        l->first_failure = 0;
        l->stored = out->stored;
        l->done = l->done_sent;
        drop_sent(l);
    } else if (r != -ECONNRESET && !(may_pass(r) && patient(l))) {
        refused(l, err.text);
    } else {
        l->again = true;
        l->again_done = l->done_sent;
        l->seq--; /* the same frames go out once more under the same number */
    }
    flux_future_free(f);
    l->write = NULL;
    if (l->again && may_pass(r))
        uv_timer_start(&l->retry, on_retry, RETRY_MS, 0);
    else
        flush(l);
    tasks_maybe_finished(l->sh);
}

static void fill(const struct frame *q, flux_job_io_frame *f)
{
    *f = (flux_job_io_frame)FLUX_JOB_IO_FRAME_INIT;
    f->stream = q->stream;
    f->rank = q->rank;
    f->level = q->level;
    f->eof = q->eof;
    f->timestamp = q->timestamp;
    f->data.data = (uint8_t *)q->data;
    f->data.len = q->len;
    if (q->component)
        f->component = q->component;
}

/* After a loss l->sending says how many frames the lost message had: the same again. */
static size_t choose(struct link *l)
{
    size_t bytes = 0, n = 0;

    if (l->again)
        return l->sending;
    while (n < l->n && (n == 0 || bytes + l->queue[n].len <= BATCH_BYTES))
        bytes += l->queue[n++].len;
    return n;
}

static void send_write(struct link *l)
{
    flux_job_io_write_request in = FLUX_JOB_IO_WRITE_REQUEST_INIT;
    size_t n = choose(l);
    FLUX_AUTO_MEM(flux_job_io_frame) frames = flux_alloc((n + 1) * sizeof(*frames));
    FLUX_AUTO_MEM(flux_job_io_frame *) list = flux_alloc((n + 1) * sizeof(*list));

    for (size_t i = 0; i < n; i++) {
        fill(&l->queue[i], &frames[i]);
        list[i] = &frames[i];
    }
    l->sending = n;
    l->done_sent = l->again ? l->again_done : l->finishing && n == l->n;
    l->again = false;
    in.id = l->sh->start->job_id;
    in.shell_rank = l->sh->rank;
    in.shells = l->sh->size;
    in.n_frames = n;
    in.frames = list;
    in.seq = ++l->seq;
    for (size_t i = 0; i < n; i++)
        l->queue[i].seq = l->seq;
    in.done = l->done_sent;
    l->used = true;
    l->write = flux_job_io_write_async(l->h, FLUX_ANY, &in);
    flux_future_then(l->write, on_written, l);
}

/* The broker does not answer: wait for it, for as long as for a lost one. */
static void not_connected(struct link *l, const struct flux_error *err)
{
    if (patient(l)) {
        uv_timer_start(&l->retry, on_retry, RETRY_MS, 0);
        return;
    }
    fprintf(stderr, "flux-shell[%u]: output is lost: %s\n", l->sh->rank, err->text);
    l->sending = l->n;
    drop_sent(l);
    l->done = true;
    tasks_maybe_finished(l->sh);
}

static void flush(struct link *l)
{
    struct flux_error err;

    if (l->write || l->done || (!l->n && !(l->finishing && l->used)))
        return;
    if (connect_broker(l, &err) < 0)
        not_connected(l, &err);
    else
        send_write(l);
}

void link_finish(struct link *l)
{
    if (!l || l->finishing)
        return;
    l->finishing = true;
    flush(l);
}

bool link_idle(const struct link *l)
{
    return !l || (!l->write && !l->raise[0] && !l->raise[1] && (l->done || (!l->n && !l->used)));
}

uint64_t link_stored(const struct link *l)
{
    return l ? l->stored : 0;
}

/* --- exceptions --- */

static void on_raised(struct flux_future *f, void *arg)
{
    struct link *l = arg;
    struct flux_error err;

    if (flux_job_manager_raise_result(f, NULL, &err) < 0)
        fprintf(stderr, "flux-shell[%u]: exception not raised: %s\n", l->sh->rank, err.text);
    l->raise[f != l->raise[0]] = NULL;
    flux_future_free(f);
    tasks_maybe_finished(l->sh);
}

void link_raise(struct link *l, const char *type, unsigned severity, const char *note)
{
    flux_job_manager_raise_request in = FLUX_JOB_MANAGER_RAISE_REQUEST_INIT;
    struct flux_future **f = &l->raise[severity > 0];

    if (*f || !link_handle(l))
        return;
    in.id = l->sh->start->job_id;
    in.type = (char *)type;
    in.severity = severity;
    in.note = (char *)note;
    *f = flux_job_manager_raise_async(l->h, FLUX_ANY, &in);
    flux_future_then(*f, on_raised, l);
}

void link_free(struct link *l)
{
    if (!l)
        return;
    l->sending = l->n;
    drop_sent(l);
    forget(l, l->nhistory);
    free(l->history);
    free(l->queue);
    flux_future_free(l->write);
    flux_future_free(l->raise[0]);
    flux_future_free(l->raise[1]);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->retry, NULL);
    if (l->h)
        flux_close(l->h);
}
