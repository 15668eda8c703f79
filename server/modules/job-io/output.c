// SPDX-License-Identifier: LGPL-3.0-only
/* The output of a job while it is written and read. */
#include <flux/fluid.h>
#include <flux/v1/job_list.h>

#include "io.h"

struct output *output_find(struct io *io, uint64_t id)
{
    struct output *out;

    HASH_FIND(hh, io->outputs, &id, sizeof(id), out);
    return out;
}

static void on_job_ended(struct flux_future *f, void *arg)
{
    struct output *out = arg;
    int r = flux_job_list_wait_state_result(f, NULL, NULL);

    flux_future_free(f);
    out->wait = NULL;
    if (out->ended)
        output_release(out);
    else if (r == 0 || r == -ENOENT) /* else: job-list is being unloaded; its shells will say so */
        output_end(out);
}

/* A job's shells may end without a word: its end is the end of its output, too. */
void output_follow(struct output *out)
{
    flux_job_list_wait_state_request in = FLUX_JOB_LIST_WAIT_STATE_REQUEST_INIT;

    in.id = out->id;
    in.states = FLUX_JOB_INACTIVE;
    out->wait = flux_job_list_wait_state_async(out->io->h, FLUX_ANY, &in);
    flux_future_then(out->wait, on_job_ended, out);
}

struct output *output_get(struct io *io, uint64_t id)
{
    struct output *out = output_find(io, id);

    if (out)
        return out;
    out = flux_alloc(sizeof(*out));
    out->io = io;
    out->id = id;
    HASH_ADD(hh, io->outputs, id, sizeof(out->id), out);
    output_follow(out);
    return out;
}

static void free_segment(struct segment *s)
{
    flux_buf_done(&s->data);
    free(s->key);
    free(s);
}

static void free_held(struct held *list)
{
    struct held *h, *next;

    DL_FOREACH_SAFE(list, h, next)
    {
        flux_call_on_cancel(h->call, NULL, NULL);
        free(h);
    }
}

static void destroy(struct output *out)
{
    HASH_DEL(out->io->outputs, out);
    flux_future_free(out->wait);
    while (out->first) {
        struct segment *s = out->first;
        out->first = s->next;
        free_segment(s);
    }
    flux_buf_done(&out->list_tail);
    free_held(out->held);
    free_held(out->held_listing);
    free(out->writers);
    free(out);
}

/* Not before the job has ended: a shell that was not told that we have its last message sends it
 * once more. */
void output_release(struct output *out)
{
    if (out->ended && out->saved && !out->wait && !out->readers && !out->busy && !out->held)
        destroy(out);
}

void output_free_all(struct io *io)
{
    struct output *out, *next;

    HASH_ITER (hh, io->outputs, out, next) {
        struct reader *r, *more;
        DL_FOREACH_SAFE(out->readers, r, more)
        {
            DL_DELETE(out->readers, r);
            flux_future_free(r->load);
            flux_bytes_unref(r->loaded);
            free(r);
        }
        destroy(out);
    }
}

static struct segment *open_segment(struct output *out)
{
    struct segment *s = out->last;

    if (s && !s->closed)
        return s;
    s = flux_alloc(sizeof(*s));
    s->data.max = SEGMENT_MAX;
    if (out->last)
        out->last->next = s;
    else
        out->first = s;
    out->last = s;
    return s;
}

struct writer *output_writer(struct output *out, uint32_t shell)
{
    if (shell >= out->nwriters) {
        out->writers = flux_realloc(out->writers, shell + 1, sizeof(*out->writers));
        memset(out->writers + out->nwriters, 0,
               (shell + 1 - out->nwriters) * sizeof(*out->writers));
        out->nwriters = shell + 1;
    }
    return &out->writers[shell];
}

void output_close_segment(struct output *out, struct segment *s)
{
    s->closed = true;
    output_store_segment(out, s);
}

/* A message of many frames is taken apart, so that no segment outgrows what a value may hold. */
static void append_frames(struct output *out, const flux_job_io_read_response *item)
{
    for (size_t i = 0; i < item->n_frames; i++) {
        flux_job_io_read_response one = FLUX_JOB_IO_READ_RESPONSE_INIT;

        one.frames = item->frames + i;
        one.n_frames = 1;
        output_append(out, &one);
    }
}

void output_append(struct output *out, const flux_job_io_read_response *item)
{
    size_t n = protobuf_c_message_get_packed_size(&item->base);
    struct segment *s;
    uint32_t prefix = htobe32(n);
    struct reader *r, *next;
    char *room;

    if (n > SEGMENT_BYTES && item->n_frames > 1) {
        append_frames(out, item);
        return;
    }
    s = open_segment(out);
    flux_buf_add(&s->data, &prefix, sizeof(prefix));
    room = flux_buf_reserve(&s->data, n);
    protobuf_c_message_pack(&item->base, (uint8_t *)room);
    s->data.len += n;
    s->bytes = s->data.len;
    DL_FOREACH_SAFE(out->readers, r, next)
    reader_push(r);
    if (s->bytes >= SEGMENT_BYTES)
        output_close_segment(out, s);
}

void output_end(struct output *out)
{
    struct reader *r, *next;

    if (out->ended)
        return;
    out->ended = true;
    out->busy++; /* the last reader to finish would release it under our hands */
    output_list(out);
    DL_FOREACH_SAFE(out->readers, r, next)
    reader_push(r);
    out->busy--;
    output_release(out);
}
