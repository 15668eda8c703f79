// SPDX-License-Identifier: LGPL-3.0-only
/* Readers walk along the segments at their own pace: while they have credit, from memory or from
 * the KVS, one at a time. */
#include <endian.h>

#include <flux/v1/kvs.h>

#include "io.h"

void reader_free(struct reader *r)
{
    DL_DELETE(r->out->readers, r);
    flux_future_free(r->load);
    flux_bytes_unref(r->loaded);
    free(r);
}

static void finish(struct reader *r, int errnum, const char *text)
{
    struct output *out = r->out;
    struct flux_call *call = r->call;

    reader_free(r);
    if (errnum)
        flux_call_error(call, errnum, "%s", text);
    else
        flux_call_finish(call);
    output_release(out);
}

static void on_loaded(struct flux_future *f, void *arg)
{
    struct reader *r = arg;
    const flux_kvs_get_response *res;
    struct flux_error err;
    int rc = flux_kvs_get_result(f, &res, &err);

    if (rc == 0)
        r->loaded = flux_bytes_copy(res->value.data, res->value.len);
    flux_future_free(f);
    r->load = NULL;
    if (rc < 0)
        finish(r, -rc, err.text);
    else
        reader_push(r);
}

static void load(struct reader *r)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;

    in.key = r->at->key;
    r->load = flux_kvs_get_async(r->out->io->h, FLUX_ANY, &in);
    flux_future_then(r->load, on_loaded, r);
}

/* The bytes of the present segment, or NULL while they are being loaded. */
static const uint8_t *content(struct reader *r, size_t *len)
{
    if (r->loaded) {
        *len = r->loaded->len;
        return r->loaded->data;
    }
    if (r->at->data.data) {
        *len = r->at->data.len;
        return (uint8_t *)r->at->data.data;
    }
    *len = 0;
    if (!r->load)
        load(r);
    return NULL;
}

static void send_messages(struct reader *r, const uint8_t *data, size_t len)
{
    while (r->offset + 4 <= len && flux_call_credit(r->call) > 0) {
        flux_job_io_read_response *item;
        uint32_t n;
        memcpy(&n, data + r->offset, 4);
        n = be32toh(n);
        if (n > len - r->offset - 4)
            return;
        item = (void *)protobuf_c_message_unpack(&flux__v1__job_io_read_response__descriptor, NULL,
                                                 n, data + r->offset + 4);
        r->offset += 4 + n;
        if (!item)
            continue;
        flux_job_io_read_send(r->call, item);
        flux_job_io_read_response_free(item);
    }
}

static bool next_segment(struct reader *r)
{
    struct segment *next = r->at ? r->at->next : r->out->first;

    if (!next)
        return false;
    r->at = next;
    r->offset = 0;
    flux_bytes_unref(r->loaded);
    r->loaded = NULL;
    return true;
}

void reader_push(struct reader *r)
{
    const uint8_t *data;
    size_t len;

    if (r->load)
        return;
    if (!r->at)
        next_segment(r);
    while (r->at) {
        data = content(r, &len);
        if (!data)
            return;
        send_messages(r, data, len);
        if (r->offset < len) /* no credit left */
            return;
        if (!r->at->closed || !next_segment(r))
            break;
    }
    if (r->out->ended || r->nofollow)
        finish(r, 0, NULL);
}

static void on_credit(struct flux_call *call, void *arg)
{
    reader_push(arg);
}

static void on_cancel(struct flux_call *call, void *arg)
{
    struct reader *r = arg;
    struct output *out = r->out;

    reader_free(r);
    output_release(out);
}

static struct reader *add(struct output *out, struct flux_call *call, bool nofollow)
{
    struct reader *r = flux_alloc(sizeof(*r));

    r->call = call;
    r->out = out;
    r->nofollow = nofollow;
    DL_APPEND(out->readers, r);
    flux_call_on_cancel(call, on_cancel, r);
    flux_call_on_credit(call, on_credit, r);
    return r;
}

/* Skip whole segments before the last `tail` bytes. */
static void skip_to_tail(struct reader *r, uint64_t tail)
{
    uint64_t total = 0;

    for (struct segment *s = r->out->first; s; s = s->next)
        total += s->bytes;
    for (struct segment *s = r->out->first; s && total > tail + s->bytes; s = s->next) {
        total -= s->bytes;
        r->at = s;
        r->offset = s->bytes;
    }
    if (r->at && !next_segment(r))
        r->at = NULL;
}

struct loading {
    struct flux_call *call;
    const flux_job_io_read_request *in;
};

static void on_list(struct output *out, void *arg)
{
    struct loading *l = arg;
    struct io *io = flux_call_data(l->call);
    struct reader *r;

    if (!out)
        out = output_get(io, l->in->id);
    r = add(out, l->call, l->in->nofollow);
    if (l->in->tail)
        skip_to_tail(r, l->in->tail);
    free(l);
    reader_push(r);
}

static int begin(struct flux_call *call, const void *arg)
{
    const flux_job_io_read_request *in = arg;
    struct io *io = flux_call_data(call);
    struct output *out = output_find(io, in->id);
    struct loading *l = flux_alloc(sizeof(*l));

    l->call = call;
    l->in = in;
    if (out)
        on_list(out, l);
    else
        output_load(io, in->id, on_list, l);
    return FLUX_CALL_LATER;
}

int job_io_read(struct flux_call *call, const flux_job_io_read_request *in)
{
    return with_access(call, in->id, in, begin);
}
