// SPDX-License-Identifier: LGPL-3.0-only
/* Watches on other ranks: one stream upward for all equal local watches. A late one first reads
 * what is there, then takes part; what it has seen already is left out by offset (logs) or version.
 */
#include "follower.h"

struct local {
    TAILQ_ENTRY(local) next;
    struct kvs_stream *stream;
    struct flux_call *call;
    const flux_kvs_watch_request *in;
    struct flux_future *catching_up; /* the read of a late one */
    uint64_t pos;                    /* log: next byte wanted */
    uint64_t version;                /* newest seen by the read */
};
TAILQ_HEAD(locals, local);

struct kvs_stream {
    uint8_t *id; /* encoded request without its offset */
    struct kvs_follower *follower;
    struct flux_future *future;
    struct locals locals;
    UT_hash_handle hh;
};

static void stream_free(struct kvs_stream *s)
{
    HASH_DEL(s->follower->streams, s);
    flux_future_free(s->future);
    free(s->id);
    free(s);
}

static void leave(struct local *lo)
{
    struct kvs_stream *s = lo->stream;

    TAILQ_REMOVE(&s->locals, lo, next);
    flux_future_free(lo->catching_up);
    s->follower->watches--;
    if (TAILQ_EMPTY(&s->locals))
        stream_free(s);
}

static void on_cancel(struct flux_call *call, void *arg)
{
    leave(arg);
}

/* The part of a log item that this one has not seen. */
static void send_log_item(struct local *lo, const flux_kvs_watch_response *item)
{
    flux_kvs_watch_response part = *item;
    uint64_t end = item->offset + item->value.len;
    uint64_t skip = lo->pos > item->offset ? lo->pos - item->offset : 0;

    if (item->value.len && skip >= item->value.len)
        return;
    part.offset += skip;
    part.value.data += skip;
    part.value.len -= skip;
    lo->pos = end;
    flux_kvs_watch_send(lo->call, &part);
}

static void send_item(struct local *lo, const flux_kvs_watch_response *item)
{
    if (lo->catching_up)
        return;
    if (item->absent)
        lo->pos = 0;
    else if (item->type == FLUX_KVS_TYPE_LOG && !lo->in->full && !lo->in->recursive) {
        send_log_item(lo, item);
        return;
    } else if (item->version <= lo->version)
        return;
    flux_kvs_watch_send(lo->call, item);
}

static void end_stream(struct kvs_stream *s, int r, const char *text)
{
    struct local *lo;
    bool last = false;

    while (!last) {
        lo = TAILQ_FIRST(&s->locals);
        last = !TAILQ_NEXT(lo, next);
        struct flux_call *call = lo->call;
        leave(lo); /* the last one takes the stream with it */
        if (r == -ENODATA)
            flux_call_finish(call);
        else
            flux_call_error(call, -r, "%s", text);
    }
}

static void on_item(struct flux_future *future, void *arg)
{
    struct kvs_stream *s = arg;
    const flux_kvs_watch_response *item;
    struct flux_error err = {0};
    struct local *lo;
    int r = flux_kvs_watch_result(future, &item, &err);

    if (r < 0) {
        end_stream(s, r, err.text);
        return;
    }
    TAILQ_FOREACH (lo, &s->locals, next)
        send_item(lo, item);
}

static void read_on(struct local *lo);

static void on_read(struct flux_future *future, void *arg)
{
    struct local *lo = arg;
    flux_kvs_watch_response item = FLUX_KVS_WATCH_RESPONSE_INIT;
    const flux_kvs_get_response *out;
    struct flux_error err = {0};
    bool more = false;
    int r = flux_kvs_get_result(future, &out, &err);

    if (r == 0) {
        item.type = out->type;
        item.value = out->value;
        item.version = out->version;
        item.entries = out->entries;
        item.n_entries = out->n_entries;
        item.offset = lo->pos;
        lo->version = out->version;
        lo->pos += out->value.len;
        more = out->value.len > 0 && lo->pos < out->size;
    } else
        item.absent = true;
    if (r == 0 || (r == -ENOENT && lo->in->waitcreate))
        flux_kvs_watch_send(lo->call, &item);
    lo->catching_up = NULL;
    flux_future_free(future);
    if (more)
        read_on(lo);
    else if (r < 0 && !(r == -ENOENT && lo->in->waitcreate)) {
        struct flux_call *call = lo->call;

        leave(lo);
        flux_call_error(call, -r, "%s", err.text);
    }
}

static void read_on(struct local *lo)
{
    flux_kvs_get_request get = FLUX_KVS_GET_REQUEST_INIT;

    get.namespace_ = lo->in->namespace_;
    get.key = lo->in->key;
    get.offset = lo->pos;
    get.list = true;
    get.on_behalf = kvs_follower_behalf(lo->call, lo->in->on_behalf);
    lo->catching_up = flux_kvs_get_async(lo->stream->follower->h, FLUX_UPSTREAM, &get);
    flux_future_then(lo->catching_up, on_read, lo);
}

static struct kvs_stream *stream_new(struct kvs_follower *f, const flux_kvs_watch_request *up,
                                     uint8_t *id, size_t len)
{
    struct kvs_stream *s = flux_alloc(sizeof(*s));

    s->follower = f;
    s->id = id;
    TAILQ_INIT(&s->locals);
    HASH_ADD_KEYPTR(hh, f->streams, s->id, len, s);
    s->future = flux_kvs_watch_stream(f->h, FLUX_UPSTREAM, up);
    flux_future_then(s->future, on_item, s);
    return s;
}

/* Whole values and listings can be caught up with one read; changes below a directory cannot, so
 * recursive watches are told apart by their call and share nothing. */
static struct kvs_stream *find(struct kvs_follower *f, struct flux_call *call,
                               const flux_kvs_watch_request *in, bool *late)
{
    flux_kvs_watch_request up = *in;
    size_t len, packed;
    struct kvs_stream *s = NULL;
    uint8_t *id;

    up.on_behalf = kvs_follower_behalf(call, in->on_behalf);
    up.offset = 0;
    packed = protobuf_c_message_get_packed_size(&up.base);
    len = packed + (in->recursive ? sizeof(call) : 0);
    id = flux_alloc(len + 1);
    protobuf_c_message_pack(&up.base, id);
    if (in->recursive)
        memcpy(id + packed, &call, sizeof(call));
    HASH_FIND(hh, f->streams, id, len, s);
    *late = s != NULL;
    if (s) {
        free(id);
        return s;
    }
    up.offset = in->offset;
    return stream_new(f, &up, id, len);
}

int kvs_follower_watch(struct flux_call *call, const flux_kvs_watch_request *in)
{
    struct kvs_follower *f = flux_call_data(call);
    struct local *lo = flux_call_alloc(call, sizeof(*lo));
    bool late;

    *lo = (struct local){.call = call, .in = in, .pos = in->full ? 0 : in->offset};
    lo->stream = find(f, call, in, &late);
    TAILQ_INSERT_TAIL(&lo->stream->locals, lo, next);
    f->watches++;
    flux_call_on_cancel(call, on_cancel, lo);
    if (late)
        read_on(lo);
    return FLUX_CALL_LATER;
}

void kvs_streams_free(struct kvs_follower *f)
{
    struct kvs_stream *s, *tmp;

    HASH_ITER (hh, f->streams, s, tmp) {
        struct local *lo;

        TAILQ_FOREACH (lo, &s->locals, next) {
            flux_call_on_cancel(lo->call, NULL, NULL);
            flux_future_free(lo->catching_up);
        }
        stream_free(s);
    }
}
