// SPDX-License-Identifier: LGPL-3.0-only
/* Segments go to the KVS as they are closed, under job.ID.outputs.N, so that they are part of
 * snapshots, of dumps, and of what a purge of the job removes; the list of them goes to
 * job.ID.output, in pieces that are appended. A piece is taken between two messages, and tells of
 * each shell the last message that is in it: list and numbers always fit. One piece is under way at
 * a time; what comes meanwhile is in the next.
 *
 * When the disk is full all of this is tried again until there is room, and the writers wait that
 * are to be told what is stored. After any other failure what remains is kept in memory, and
 * written with the whole list at the end. */
#include <stdio.h>
#include <syslog.h>

#include <flux/fluid.h>
#include <flux/v1/kvs.h>
#include <flux/v1/record.pb-c.h>

#include "io.h"

#define RETRY_MS 1000

static void advance(struct output *out);

/* Returns whether it is to be tried again. */
static bool wait_for_room(struct output *out, int r, const char *text)
{
    struct io *io = out->io;

    if (r != -ENOSPC)
        return false;
    if (!io->full)
        flux_log(io->h, LOG_ERR,
                 "output of jobs cannot be stored, which is tried until it works: %s", text);
    io->full = out->full = true;
    if (!uv_is_active((uv_handle_t *)io->retry))
        uv_timer_start(io->retry, output_retry, RETRY_MS, 0);
    return true;
}

static void note_room(struct io *io)
{
    if (io->full)
        flux_log(io->h, LOG_INFO, "output of jobs is stored again");
    io->full = false;
}

struct storing {
    struct output *out;
    struct segment *seg;
    char *key;
};

static void on_stored(struct flux_future *f, void *arg)
{
    struct storing *st = arg;
    struct output *out = st->out;
    struct flux_error err;
    bool in_use = false;
    int r = flux_kvs_commit_result(f, NULL, &err);

    st->seg->storing = false;
    for (struct reader *rd = out->readers; rd; rd = rd->next)
        in_use |= rd->at == st->seg;
    if (r == 0)
        note_room(out->io);
    if (r < 0 && !wait_for_room(out, r, err.text)) {
        out->broken = true;
        flux_log(out->io->h, LOG_ERR, "%s: output stays in memory: %s", flux_fluid_f58(out->id),
                 err.text);
    } else if (r == 0) {
        st->seg->key = FLUX_GIVE(st->key);
        if (!in_use)
            flux_buf_done(&st->seg->data);
    }
    flux_future_free(f);
    free(st->key);
    free(st);
    advance(out);
    out->busy--;
    output_release(out);
}

static void store_segment(struct output *out, struct segment *seg)
{
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    flux_kvs_op op = FLUX_KVS_OP_INIT, *ops[] = {&op};
    struct storing *st = flux_alloc(sizeof(*st));
    char key[FLUX_JOB_KEY_MAX], name[32];

    snprintf(name, sizeof(name), "outputs.%06zu", seg->number);
    st->out = out;
    st->seg = seg;
    st->key = flux_strdup(flux_job_key(key, out->id, name));
    seg->storing = true;
    out->busy++;
    op.kind = FLUX_KVS_OP_PUT;
    op.key = st->key;
    op.value.data = (uint8_t *)seg->data.data;
    op.value.len = seg->data.len;
    in.ops = ops;
    in.n_ops = 1;
    flux_future_then(flux_kvs_commit_async(out->io->h, FLUX_ANY, &in), on_stored, st);
}

void output_store_segment(struct output *out, struct segment *seg)
{
    seg->number = out->nclosed++;
    store_segment(out, seg);
}

/* --- one piece of the list --- */

static void pack(struct flux_buf *b, const Flux__V1__OutputRecord *rec)
{
    size_t n = protobuf_c_message_get_packed_size(&rec->base);
    char *room = flux_buf_reserve(b, n + 1);

    if (!room)
        return;
    protobuf_c_message_pack(&rec->base, (uint8_t *)room);
    b->len += n;
}

/* The last segment, while it is so small that it is stored with the list. */
static struct segment *small_tail(const struct output *out)
{
    return out->last && !out->last->closed ? out->last : NULL;
}

/* All of the piece but the segments, as it is now. */
static void take_tail(struct output *out)
{
    Flux__V1__OutputRecord rec = FLUX__V1__OUTPUT_RECORD__INIT;
    FLUX_AUTO_MEM(uint32_t) seqs = flux_alloc((2 * (size_t)out->nwriters + 1) * sizeof(*seqs));
    FLUX_AUTO_MEM(uint32_t) done = flux_alloc(((size_t)out->nwriters + 1) * sizeof(*done));
    struct segment *tail = small_tail(out);
    ProtobufCBinaryData data = {0};

    for (uint32_t i = 0; i < out->nwriters; i++) {
        struct writer *w = &out->writers[i];
        if (w->seq != w->listed) {
            seqs[rec.n_seqs++] = i;
            seqs[rec.n_seqs++] = w->seq;
        }
        if (w->done && !w->done_listed)
            done[rec.n_done++] = i;
        w->listing = w->seq;
        w->done_listing = w->done;
    }
    rec.seqs = seqs;
    rec.done = done;
    rec.bytes = out->bytes;
    rec.shells = out->shells;
    rec.complete = out->ended;
    if (tail)
        data = (ProtobufCBinaryData){.data = (uint8_t *)tail->data.data, .len = tail->data.len};
    rec.inline_ = &data; /* an empty one ends the one before */
    rec.n_inline_ = 1;
    flux_buf_reset(&out->list_tail);
    pack(&out->list_tail, &rec);
}

static struct segment *first_unlisted(const struct output *out)
{
    return out->listed ? out->listed->next : out->first;
}

static void answer_held(struct output *out, struct held **list)
{
    flux_job_io_write_response reply = FLUX_JOB_IO_WRITE_RESPONSE_INIT;

    reply.stored = out->bytes;
    while (*list) {
        struct flux_call *call = (*list)->call;
        struct held *h = *list;
        DL_DELETE(*list, h);
        flux_call_on_cancel(call, NULL, NULL);
        free(h);
        flux_job_io_write_reply(call, &reply);
    }
}

static void listed(struct output *out)
{
    if (out->list_end)
        out->listed = out->list_end;
    out->loose -= out->loose_listing;
    for (uint32_t i = 0; i < out->nwriters; i++) {
        out->writers[i].listed = out->writers[i].listing;
        out->writers[i].done_listed = out->writers[i].done_listing;
    }
}

static void on_committed(struct flux_future *f, void *arg)
{
    struct output *out = arg;
    struct flux_error err;
    int r = flux_kvs_commit_result(f, NULL, &err);
    bool whole = out->ended && !out->list_again;

    flux_future_free(f);
    if (wait_for_room(out, r, err.text)) {
        out->committing = false;
        out->busy--;
        return;
    }
    if (r < 0)
        flux_log(out->io->h, LOG_ERR, "%s: the list of its output was not stored: %s",
                 flux_fluid_f58(out->id), err.text);
    else {
        note_room(out->io);
        listed(out);
    }
    out->broken |= r < 0;
    out->listing = out->committing = false;
    answer_held(out, &out->held_listing);
    if (whole)
        answer_held(out, &out->held);
    out->saved = whole;
    if (!whole && (out->list_again || out->held))
        output_list(out);
    out->busy--;
    output_release(out);
}

static void commit(struct output *out, flux_kvs_op_kind kind, struct flux_buf *value)
{
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    flux_kvs_op op = FLUX_KVS_OP_INIT, *ops[] = {&op};
    char key[FLUX_JOB_KEY_MAX];

    op.kind = kind;
    op.key = flux_job_key(key, out->id, "output");
    op.value.len = value->len;
    op.value.data = (uint8_t *)value->data;
    in.ops = ops;
    in.n_ops = 1;
    out->busy++;
    out->committing = true;
    flux_future_then(flux_kvs_commit_async(out->io->h, FLUX_ANY, &in), on_committed, out);
}

/* After a failure the list is written once more, as a whole, at the end; what is not in the store
 * by then goes into it as it is. */
static void commit_whole(struct output *out)
{
    Flux__V1__OutputRecord rec = FLUX__V1__OUTPUT_RECORD__INIT;
    FLUX_AUTO_BUF rest = FLUX_BUF_INIT(64u << 20);
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);
    FLUX_AUTO_MEM(const char *) keys = NULL;
    ProtobufCBinaryData data;
    size_t n = 0;

    for (struct segment *s = out->first; s; s = s->next)
        n++;
    keys = flux_alloc((n + 1) * sizeof(*keys));
    for (struct segment *s = out->first; s; s = s->next) {
        if (s->key)
            keys[rec.n_segments++] = s->key;
        else
            flux_buf_add(&rest, s->data.data, s->data.len);
    }
    rec.segments = keys;
    rec.bytes = out->bytes;
    rec.complete = true;
    data = (ProtobufCBinaryData){.data = (uint8_t *)rest.data, .len = rest.len};
    rec.inline_ = &data;
    rec.n_inline_ = 1;
    pack(&b, &rec);
    commit(out, FLUX_KVS_OP_PUT, &b);
}

static void commit_piece(struct output *out)
{
    Flux__V1__OutputRecord rec = FLUX__V1__OUTPUT_RECORD__INIT;
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);
    FLUX_AUTO_MEM(const char *) keys = NULL;
    size_t n = 0;

    for (struct segment *s = first_unlisted(out); s && s->closed; s = s->next)
        n++;
    keys = flux_alloc((n + 1) * sizeof(*keys));
    for (struct segment *s = first_unlisted(out); n > 0 && out->list_end; s = s->next) {
        keys[rec.n_segments++] = s->key;
        if (s == out->list_end)
            break;
    }
    rec.segments = keys;
    pack(&b, &rec);
    flux_buf_add(&b, out->list_tail.data, out->list_tail.len);
    commit(out, FLUX_KVS_OP_APPEND, &b);
}

static bool all_stored(const struct output *out)
{
    for (struct segment *s = first_unlisted(out); s && s->closed; s = s->next) {
        if (s->storing || (!s->key && !out->broken))
            return false;
        if (s == out->list_end)
            break;
    }
    return true;
}

/* Go on with the piece that was taken, if all of its segments are stored. */
static void advance(struct output *out)
{
    if (!out->listing || out->committing || !all_stored(out))
        return;
    if (!out->broken) {
        commit_piece(out);
    } else if (out->ended) {
        commit_whole(out);
    } else {
        out->listing = false;
        answer_held(out, &out->held_listing);
    }
}

void output_list(struct output *out)
{
    struct segment *tail = small_tail(out), *end = NULL;

    if (out->listing) {
        out->list_again = true;
        return;
    }
    if (!out->first && !out->held) {
        out->saved = out->ended; /* no output: nothing to store */
        return;
    }
    if (tail && tail->bytes > INLINE_BYTES)
        output_close_segment(out, tail);
    for (struct segment *s = first_unlisted(out); s && s->closed; s = s->next)
        end = s;
    out->list_end = end;
    out->list_again = false;
    out->loose_listing = out->loose;
    out->held_listing = FLUX_GIVE(out->held);
    out->listing = true;
    take_tail(out);
    advance(out);
}

void output_retry(uv_timer_t *timer)
{
    struct io *io = timer->data;
    struct output *out, *next;

    HASH_ITER (hh, io->outputs, out, next) {
        if (!out->full)
            continue;
        out->full = false;
        for (struct segment *s = first_unlisted(out); s && s->closed; s = s->next)
            if (!s->key && !s->storing)
                store_segment(out, s);
        advance(out);
    }
}
