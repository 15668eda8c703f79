// SPDX-License-Identifier: LGPL-3.0-only
/* The stored form of a node. Format 1:
 *
 *   'N' 1 level count { namelen name kind payload }*
 *
 * Payloads: child, dir: reference (0 = empty dir); value: length reference; inline, symlink:
 * counted bytes; log: sealed, reference of the chunks (or 0), tail length, then a byte 0 and the
 * tail, or a byte 1 and its reference. Numbers are LEB128. */
#include "log.h"
#include "node.h"
#include "varint.h"

#define NODE_BYTES_MAX (64 * 1024)

static void write_object(struct flux_buf *out, const struct kvs_object *o)
{
    kvs_write_ref(out, o ? &o->ref : NULL);
}

static void write_log(struct flux_buf *out, const struct kvs_log *log)
{
    kvs_write_number(out, log->sealed);
    write_object(out, log->chunks);
    kvs_write_number(out, log->tail_len);
    flux_buf_putc(out, log->stored ? 1 : 0);
    if (log->stored)
        write_object(out, log->stored);
    else
        flux_buf_add(out, log->tail ? log->tail->data : "", log->tail_len);
}

static void write_payload(struct flux_buf *out, const struct kvs_entry *e)
{
    const struct kvs_bytes *bytes = e->p;
    const struct kvs_object *o = e->p;

    switch (e->kind) {
    case KVS_INLINE:
    case KVS_SYMLINK:
        kvs_write_bytes(out, bytes->data, bytes->len);
        break;
    case KVS_VALUE:
        kvs_write_number(out, o->size);
        write_object(out, o);
        break;
    case KVS_LOG:
        write_log(out, e->p);
        break;
    default:
        write_object(out, o);
    }
}

void kvs_body_encode(const struct kvs_body *b, void **data, size_t *len)
{
    struct flux_buf out = FLUX_BUF_INIT(NODE_BYTES_MAX);

    flux_buf_putc(&out, 'N');
    flux_buf_putc(&out, 1);
    flux_buf_putc(&out, b->level);
    kvs_write_number(&out, b->count);
    for (int i = 0; i < b->count; i++) {
        const struct kvs_entry *e = &b->entries[i];

        kvs_write_bytes(&out, kvs_entry_name(b, e), e->namelen);
        flux_buf_putc(&out, e->kind);
        write_payload(&out, e);
    }
    *len = out.len;
    *data = flux_buf_take(&out);
}

static struct kvs_object *read_object(struct kvs_heap *heap, struct kvs_reader *in,
                                      enum kvs_object_type type, size_t size)
{
    struct store_ref ref;

    kvs_read_ref(in, &ref);
    return ref.id && !in->failed ? kvs_object_stub(heap, type, &ref, size) : NULL;
}

static struct kvs_log *read_log(struct kvs_heap *heap, struct kvs_reader *in)
{
    struct kvs_log *log;
    const char *how, *tail = "";
    uint64_t sealed = kvs_read_number(in);
    struct kvs_object *chunks = read_object(heap, in, KVS_NODE, 0);
    struct kvs_object *stored = NULL;
    size_t len = kvs_read_number(in);

    how = kvs_read_raw(in, 1);
    if (len > KVS_LOG_CHUNK || (how && *how > 1) || (sealed > 0) != (chunks != NULL))
        in->failed = true;
    if (how && *how == 1) {
        stored = read_object(heap, in, KVS_BLOB, len);
        in->failed |= !stored;
    } else
        tail = kvs_read_raw(in, len);
    log = kvs_log_new(heap, tail, in->failed || stored ? 0 : len);
    log->sealed = sealed;
    log->chunks = chunks;
    log->stored = stored;
    log->tail_len = len;
    return log;
}

static void *read_payload(struct kvs_heap *heap, struct kvs_reader *in, int kind, int level)
{
    const char *p;
    size_t len;

    if ((level > 0) != (kind == KVS_CHILD)) {
        in->failed = true;
        return NULL;
    }
    switch (kind) {
    case KVS_INLINE:
    case KVS_SYMLINK:
        p = kvs_read_bytes(in, &len);
        return kvs_bytes_new(p, len);
    case KVS_VALUE:
        len = kvs_read_number(in);
        return read_object(heap, in, KVS_BLOB, len);
    case KVS_LOG:
        return read_log(heap, in);
    case KVS_CHILD:
    case KVS_DIR:
        return read_object(heap, in, KVS_NODE, 0);
    default:
        in->failed = true;
        return NULL;
    }
}

/* One entry to the end of `b`; names must ascend. */
static void read_entry(struct kvs_heap *heap, struct kvs_reader *in, struct kvs_body *b)
{
    const char *name, *kind;
    size_t len;
    void *p;

    name = kvs_read_bytes(in, &len);
    kind = kvs_read_raw(in, 1);
    if (in->failed || len > KVS_NAME_MAX) {
        in->failed = true;
        return;
    }
    if (b->count) {
        const struct kvs_entry *last = &b->entries[b->count - 1];

        if (kvs_name_cmp(kvs_entry_name(b, last), last->namelen, name, len) >= 0) {
            in->failed = true;
            return;
        }
    }
    p = read_payload(heap, in, *kind, b->level);
    kvs_body_insert(b, b->count, name, len, *kind, p);
    if (!p && *kind != KVS_DIR)
        in->failed = true;
}

int kvs_body_decode(struct kvs_heap *heap, const void *data, size_t len, struct kvs_body **ret,
                    struct flux_error *err)
{
    struct kvs_reader in = {.p = data, .end = (const uint8_t *)data + len};
    const char *head = kvs_read_raw(&in, 3);
    uint64_t count = kvs_read_number(&in);
    struct kvs_body *b;

    if (in.failed || head[0] != 'N' || head[1] != 1 || head[2] < 0 || head[2] > KVS_LEVEL_MAX ||
        count > KVS_NODE_MAX || count == 0)
        return flux_error_set(err, -EUCLEAN, "kvs: this blob is not a tree node");
    b = kvs_body_new(head[2]);
    for (uint64_t i = 0; i < count && !in.failed; i++)
        read_entry(heap, &in, b);
    if (in.failed || in.p != in.end) {
        kvs_body_free(heap, b);
        return flux_error_set(err, -EUCLEAN, "kvs: malformed tree node");
    }
    *ret = b;
    return 0;
}
