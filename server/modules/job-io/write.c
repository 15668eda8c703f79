// SPDX-License-Identifier: LGPL-3.0-only
/* What shells write. Their messages are numbered, so that none is taken twice and a gap, after a
 * restart of ours, is noticed. In an instance that survives a crash, a shell's last message is
 * answered when it is stored: the shell may end then, and nobody else has what it wrote. */
#include "io.h"

static void on_gone(struct flux_call *call, void *arg)
{
    held_free(arg);
}

void held_free(struct held *h)
{
    struct output *out = h->out;
    struct held *one;

    flux_call_on_cancel(h->call, NULL, NULL);
    DL_SEARCH_SCALAR(out->held, one, call, h->call);
    if (one)
        DL_DELETE(out->held, h);
    else
        DL_DELETE(out->held_listing, h);
    free(h);
}

static int hold(struct output *out, struct flux_call *call)
{
    struct held *h = flux_alloc(sizeof(*h));

    h->out = out;
    h->call = call;
    DL_APPEND(out->held, h);
    flux_call_on_cancel(call, on_gone, h);
    return FLUX_CALL_LATER;
}

/* A frame without data takes room, too. */
static size_t weigh(const flux_job_io_frame *f)
{
    return f->data.len + strlen(f->component) + strlen(f->tasks) + sizeof(*f);
}

static void append(struct output *out, const flux_job_io_write_request *in)
{
    flux_job_io_read_response item = FLUX_JOB_IO_READ_RESPONSE_INIT;
    size_t bytes = 0;

    item.frames = in->frames;
    item.n_frames = in->n_frames;
    for (size_t i = 0; i < in->n_frames; i++) {
        bytes += in->frames[i]->data.len;
        out->weight += weigh(in->frames[i]);
    }
    out->bytes += bytes;
    out->loose += bytes;
    if (in->n_frames)
        output_append(out, &item);
}

static int answer(struct flux_call *call, const struct output *out)
{
    flux_job_io_write_response reply = FLUX_JOB_IO_WRITE_RESPONSE_INIT;

    reply.stored = out->bytes;
    flux_job_io_write_reply(call, &reply);
    return FLUX_CALL_LATER;
}

static int take_new(struct flux_call *call, struct output *out, const flux_job_io_write_request *in,
                    struct writer *w)
{
    bool survives = out->io->survives, last, wait;
    size_t closed = out->nclosed;

    w->seq = in->seq;
    append(out, in);
    if (in->done && !w->done) {
        w->done = true;
        out->done++;
    }
    last = out->done == out->shells;
    wait = survives && (in->done || out->loose > LOOSE_MAX);
    if (wait)
        hold(out, call);
    else
        answer(call, out);
    if (last)
        output_end(out); /* it may be gone now */
    else if (wait || (survives && out->nclosed > closed))
        output_list(out);
    return FLUX_CALL_LATER;
}

static int take_write(struct flux_call *call, const void *arg)
{
    const flux_job_io_write_request *in = arg;
    flux_job_io_write_response reply = FLUX_JOB_IO_WRITE_RESPONSE_INIT;
    struct io *io = flux_call_data(call);
    struct output *out;
    struct writer *w;

    /* A node has one shell of a job; what we keep is by rank. */
    if (!in->shells || in->shell_rank >= in->shells || in->shells > flux_size(io->h))
        return flux_call_fail(call, EINVAL, "no such shell rank");
    out = output_get(io, in->id);
    if (!flux_call_is_owner(call) && out->weight > OUTPUT_MAX)
        return flux_call_fail(call, EFBIG, "the output of a job is limited to %d MiB",
                              (int)(OUTPUT_MAX >> 20));
    out->shells = in->shells;
    w = output_writer(out, in->shell_rank);
    if (in->seq > w->seq + 1 && !out->ended) {
        reply.restarted = true;
        reply.have = w->seq;
        flux_job_io_write_reply(call, &reply);
        return FLUX_CALL_LATER;
    }
    if (in->seq > w->seq && !out->ended)
        return take_new(call, out, in, w);
    if (out->io->survives && in->done && !w->done_listed && !out->saved)
        return hold(out, call);
    return answer(call, out); /* sent again after a reconnect */
}

struct waiting {
    struct flux_call *call;
    const void *in;
};

static void on_loaded(struct output *out, void *arg)
{
    struct waiting *w = arg;
    const flux_job_io_write_request *in = w->in;
    int r;

    old_job_forget(flux_call_data(w->call), in->id);
    r = take_write(w->call, w->in);

    if (r < 0)
        flux_call_error(w->call, -r, NULL);
    free(w);
}

/* After a restart the first message of a job waits for the list of what it wrote before. */
static int begin(struct flux_call *call, const void *arg)
{
    const flux_job_io_write_request *in = arg;
    struct io *io = flux_call_data(call);
    struct waiting *w;

    if (output_find(io, in->id) || !old_job(io, in->id))
        return take_write(call, arg);
    w = flux_alloc(sizeof(*w));
    w->call = call;
    w->in = arg;
    output_load(io, in->id, on_loaded, w);
    return FLUX_CALL_LATER;
}

int job_io_write(struct flux_call *call, const flux_job_io_write_request *in,
                 flux_job_io_write_response *out)
{
    return with_access_to_active(call, in->id, in, begin);
}
