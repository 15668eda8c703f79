// SPDX-License-Identifier: LGPL-3.0-only
/* The list of a job's output back from the KVS: for readers of a job that has ended, and, after a
 * restart, for the shells of one that goes on. */
#include <flux/v1/kvs.h>
#include <flux/v1/record.pb-c.h>

#include "io.h"

struct old_job {
    uint64_t id;
    UT_hash_handle hh;
};

/* Only those can have a list that we did not write ourselves. */
void old_jobs_find(struct io *io)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;

    in.key = FLUX_JOBS_KEY_ACTIVE;
    in.list = true;
    if (flux_kvs_get(io->h, FLUX_ANY, &in, &out, NULL) < 0)
        return; /* there are none */
    for (size_t i = 0; i < out->n_entries; i++) {
        struct old_job *old = flux_alloc(sizeof(*old));
        old->id = strtoull(out->entries[i]->name, NULL, 16);
        HASH_ADD(hh, io->old, id, sizeof(old->id), old);
    }
}

bool old_job(struct io *io, uint64_t id)
{
    struct old_job *old;

    HASH_FIND(hh, io->old, &id, sizeof(id), old);
    return old;
}

void old_job_forget(struct io *io, uint64_t id)
{
    struct old_job *old;

    HASH_FIND(hh, io->old, &id, sizeof(id), old);
    if (!old)
        return;
    HASH_DEL(io->old, old);
    free(old);
}

void old_jobs_free(struct io *io)
{
    struct old_job *old, *next;

    HASH_ITER (hh, io->old, old, next) {
        HASH_DEL(io->old, old);
        free(old);
    }
}

struct loading {
    struct io *io;
    uint64_t id;
    void (*done)(struct output *out, void *arg);
    void *arg;
};

static struct segment *add_segment(struct output *out)
{
    struct segment *s = flux_alloc(sizeof(*s));

    s->closed = true;
    if (out->last)
        out->last->next = s;
    else
        out->first = s;
    out->last = s;
    return s;
}

/* Where the shells were. */
static void take_writers(struct output *out, const Flux__V1__OutputRecord *rec)
{
    for (size_t i = 0; i + 1 < rec->n_seqs; i += 2) {
        struct writer *w = rec->seqs[i] < rec->shells ? output_writer(out, rec->seqs[i]) : NULL;
        if (w)
            w->seq = w->listed = rec->seqs[i + 1];
    }
    for (size_t i = 0; i < rec->n_done; i++) {
        struct writer *w = rec->done[i] < rec->shells ? output_writer(out, rec->done[i]) : NULL;
        if (!w || w->done)
            continue;
        w->done = w->done_listed = true;
        out->done++;
    }
}

static struct output *from_record(struct io *io, uint64_t id, const Flux__V1__OutputRecord *rec)
{
    const ProtobufCBinaryData *tail = rec->n_inline_ ? &rec->inline_[rec->n_inline_ - 1] : NULL;
    struct output *out = flux_alloc(sizeof(*out));

    out->io = io;
    out->id = id;
    out->bytes = out->weight = rec->bytes;
    out->ended = out->saved = rec->complete;
    out->shells = rec->shells;
    for (size_t i = 0; i < rec->n_segments; i++) {
        struct segment *s = add_segment(out);
        s->key = flux_strdup(rec->segments[i]);
        s->bytes = SEGMENT_BYTES;
    }
    out->listed = out->last;
    out->nclosed = rec->n_segments;
    if (tail && tail->len) {
        struct segment *s = add_segment(out);
        s->data.max = SEGMENT_MAX;
        flux_buf_add(&s->data, tail->data, tail->len);
        s->bytes = tail->len;
        s->closed = rec->complete; /* else it goes on */
    }
    take_writers(out, rec);
    HASH_ADD(hh, io->outputs, id, sizeof(out->id), out);
    if (!out->ended || old_job(io, id))
        output_follow(out);
    return out;
}

static void on_record(struct flux_future *f, void *arg)
{
    struct loading *l = arg;
    const flux_kvs_get_response *res;
    Flux__V1__OutputRecord *rec = NULL;
    struct output *out = output_find(l->io, l->id);

    if (flux_kvs_get_result(f, &res, NULL) == 0)
        rec = (void *)protobuf_c_message_unpack(&flux__v1__output_record__descriptor, NULL,
                                                res->value.len, res->value.data);
    if (!out && rec)
        out = from_record(l->io, l->id, rec);
    if (rec)
        protobuf_c_message_free_unpacked(&rec->base, NULL);
    flux_future_free(f);
    l->done(out, l->arg);
    free(l);
}

void output_load(struct io *io, uint64_t id, void (*done)(struct output *out, void *arg), void *arg)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    struct loading *l = flux_alloc(sizeof(*l));
    char key[FLUX_JOB_KEY_MAX];

    l->io = io;
    l->id = id;
    l->done = done;
    l->arg = arg;
    in.key = flux_job_key(key, id, "output");
    flux_future_then(flux_kvs_get_async(io->h, FLUX_ANY, &in), on_record, l);
}
