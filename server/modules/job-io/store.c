// SPDX-License-Identifier: LGPL-3.0-only
/* Segments go to the KVS as they are closed, under job.ID.outputs.N, so that they are part of
 * snapshots, of dumps, and of what a purge of the job removes; at the end the list of them is
 * stored under job.ID.output. */
#include <stdio.h>
#include <syslog.h>

#include <flux/fluid.h>
#include <flux/v1/kvs.h>
#include <flux/v1/record.pb-c.h>

#include "io.h"

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

    out->busy--;
    st->seg->storing = false;
    for (struct reader *rd = out->readers; rd; rd = rd->next)
        in_use |= rd->at == st->seg;
    if (r < 0)
        flux_log(out->io->h, LOG_ERR, "%s: output stays in memory: %s", flux_fluid_f58(out->id),
                 err.text);
    else {
        st->seg->key = FLUX_GIVE(st->key);
        if (!in_use)
            flux_buf_done(&st->seg->data);
    }
    flux_future_free(f);
    free(st->key);
    free(st);
    if (out->ended)
        output_save(out);
    output_release(out);
}

/* Its number among those of this output. */
static unsigned number_of(const struct output *out, const struct segment *seg)
{
    unsigned n = 0;

    for (const struct segment *s = out->first; s && s != seg; s = s->next)
        n++;
    return n;
}

void output_store_segment(struct output *out, struct segment *seg)
{
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    flux_kvs_op op = FLUX_KVS_OP_INIT, *ops[] = {&op};
    struct storing *st = flux_alloc(sizeof(*st));
    char key[FLUX_JOB_KEY_MAX], name[32];

    snprintf(name, sizeof(name), "outputs.%06u", number_of(out, seg));
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
    FLUX_AUTO_MEM(const char *) keys = NULL;
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
    keys = flux_alloc(n * sizeof(*keys));
    for (struct segment *s = out->first; s; s = s->next) {
        if (s->key)
            keys[rec.n_segments++] = s->key;
        else {
            rec.inline_.data = (uint8_t *)s->data.data;
            rec.inline_.len = s->data.len;
        }
    }
    rec.segments = keys;
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
    for (size_t i = 0; i < rec->n_segments; i++) {
        struct segment *s = add_segment(out);
        s->key = flux_strdup(rec->segments[i]);
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
