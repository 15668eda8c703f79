// SPDX-License-Identifier: LGPL-3.0-only
/* Segments go to the content store as they are closed; at the end the list of them is stored with
 * the job, under job.ID.output. */
#include <syslog.h>

#include <flux/fluid.h>
#include <flux/v1/content.h>
#include <flux/v1/kvs.h>
#include <flux/v1/record.pb-c.h>

#include "io.h"

struct storing {
    struct output *out;
    struct segment *seg;
};

static void on_stored(struct flux_future *f, void *arg)
{
    struct storing *st = arg;
    struct output *out = st->out;
    const flux_content_store_response *res;
    struct flux_error err;
    bool in_use = false;
    int r = flux_content_store_result(f, &res, &err);

    out->busy--;
    st->seg->storing = false;
    for (struct reader *rd = out->readers; rd; rd = rd->next)
        in_use |= rd->at == st->seg;
    if (r < 0)
        flux_log(out->io->h, LOG_ERR, "%s: output stays in memory: %s", flux_fluid_f58(out->id),
                 err.text);
    else {
        st->seg->ref = flux_strdup(res->ref);
        if (!in_use)
            flux_buf_done(&st->seg->data);
    }
    flux_future_free(f);
    free(st);
    if (out->ended)
        output_save(out);
    output_release(out);
}

void output_store_segment(struct output *out, struct segment *seg)
{
    flux_content_store_request in = FLUX_CONTENT_STORE_REQUEST_INIT;
    struct storing *st = flux_alloc(sizeof(*st));

    st->out = out;
    st->seg = seg;
    seg->storing = true;
    out->busy++;
    in.data.data = (uint8_t *)seg->data.data;
    in.data.len = seg->data.len;
    flux_future_then(flux_content_store_async(out->io->h, FLUX_ANY, &in), on_stored, st);
}

/* --- the list --- */

static void on_saved(struct flux_future *f, void *arg)
{
    struct output *out = arg;
    struct flux_error err;

    if (flux_kvs_commit_result(f, NULL, &err) < 0)
        flux_log(out->io->h, LOG_ERR, "%s: the list of its output was not stored: %s",
                 flux_fluid_f58(out->id), err.text);
    flux_future_free(f);
    out->busy--;
    out->saved = true;
    output_release(out);
}

static void commit(struct output *out, const Flux__V1__OutputRecord *rec)
{
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    flux_kvs_op op = FLUX_KVS_OP_INIT, *ops[] = {&op};
    char key[FLUX_JOB_KEY_MAX];
    FLUX_AUTO_MEM(uint8_t) packed = NULL;

    op.kind = FLUX_KVS_OP_PUT;
    op.key = flux_job_key(key, out->id, "output");
    op.value.len = protobuf_c_message_get_packed_size(&rec->base);
    op.value.data = packed = flux_alloc(op.value.len);
    protobuf_c_message_pack(&rec->base, packed);
    in.ops = ops;
    in.n_ops = 1;
    out->busy++;
    flux_future_then(flux_kvs_commit_async(out->io->h, FLUX_ANY, &in), on_saved, out);
}

void output_save(struct output *out)
{
    Flux__V1__OutputRecord rec = FLUX__V1__OUTPUT_RECORD__INIT;
    FLUX_AUTO_MEM(const char *) refs = NULL;
    size_t n = 0;

    if (out->saved)
        return;
    for (struct segment *s = out->first; s; s = s->next, n++)
        if (s->storing)
            return; /* comes back when it is stored */
    if (!n) {
        out->saved = true; /* no output: nothing to store */
        return;
    }
    refs = flux_alloc(n * sizeof(*refs));
    for (struct segment *s = out->first; s; s = s->next) {
        if (s->ref)
            refs[rec.n_blobs++] = s->ref;
        else {
            rec.inline_.data = (uint8_t *)s->data.data;
            rec.inline_.len = s->data.len;
        }
    }
    rec.blobs = refs;
    rec.bytes = out->bytes;
    commit(out, &rec);
}

/* --- reading it back --- */

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

static struct output *from_record(struct io *io, uint64_t id, const Flux__V1__OutputRecord *rec)
{
    struct output *out = flux_alloc(sizeof(*out));

    out->io = io;
    out->id = id;
    out->bytes = rec->bytes;
    out->ended = out->saved = true;
    for (size_t i = 0; i < rec->n_blobs; i++) {
        struct segment *s = add_segment(out);
        s->ref = flux_strdup(rec->blobs[i]);
        s->bytes = SEGMENT_BYTES;
    }
    if (rec->inline_.len) {
        struct segment *s = add_segment(out);
        flux_buf_add(&s->data, rec->inline_.data, rec->inline_.len);
        s->bytes = rec->inline_.len;
    }
    HASH_ADD(hh, io->outputs, id, sizeof(out->id), out);
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
