// SPDX-License-Identifier: LGPL-3.0-only
/* The transaction log: what one group did, in order, so that doing it again on the last checkpoint
 * gives the same trees. Format 1, a sequence of:
 *
 *   'T' namespace nops { kind key payload }*    payload: put: 0 bytes | 1 length reference;
 *   'C' namespace owner reference                        append: bytes; symlink, copy: ns target
 *   'R' namespace
 */
#include "engine.h"

static void write_text(struct flux_buf *b, const char *s)
{
    kvs_write_bytes(b, s ? s : "", s ? strlen(s) : 0);
}

void kvs_record_begin(struct kvs *k, const char *ns, size_t nops)
{
    k->record.max = 256 << 20;
    flux_buf_putc(&k->record, 'T');
    write_text(&k->record, ns);
    kvs_write_number(&k->record, nops);
}

void kvs_record_op(struct kvs *k, const struct kvs_op *op, const struct kvs_object *blob)
{
    struct flux_buf *b = &k->record;

    flux_buf_putc(b, op->kind);
    write_text(b, op->key);
    if (op->kind == KVS_OP_PUT) {
        flux_buf_putc(b, blob ? 1 : 0);
        if (blob) {
            kvs_write_number(b, blob->size);
            kvs_write_ref(b, &blob->ref);
        } else
            kvs_write_bytes(b, op->value, op->len);
    } else if (op->kind == KVS_OP_APPEND)
        kvs_write_bytes(b, op->value, op->len);
    else if (op->kind == KVS_OP_SYMLINK || op->kind == KVS_OP_COPY) {
        write_text(b, op->target_ns);
        write_text(b, op->target);
    }
}

void kvs_record_create(struct kvs *k, const char *ns, uint32_t owner, const struct store_ref *root)
{
    k->record.max = 256 << 20;
    flux_buf_putc(&k->record, 'C');
    write_text(&k->record, ns);
    kvs_write_number(&k->record, owner);
    kvs_write_ref(&k->record, root);
}

void kvs_record_remove(struct kvs *k, const char *ns)
{
    k->record.max = 256 << 20;
    flux_buf_putc(&k->record, 'R');
    write_text(&k->record, ns);
}

/* A copy with a NUL, or NULL when the record ended. Caller frees. */
static char *read_text(struct kvs_reader *in)
{
    size_t len;
    const char *p = kvs_read_bytes(in, &len);

    return p ? flux_strndup(p, len) : NULL;
}

static int malformed(struct flux_error *err)
{
    return flux_error_set(err, -EPROTO, "malformed record");
}

static struct kvs_object *read_blob(struct kvs *k, struct kvs_reader *in)
{
    size_t len = kvs_read_number(in);
    struct store_ref ref;

    kvs_read_ref(in, &ref);
    if (ref.id == 0)
        in->failed = true;
    return in->failed ? NULL : kvs_object_stub(&k->heap, KVS_BLOB, &ref, len);
}

static int replay_op(struct kvs *k, struct kvs_namespace *n, struct kvs_reader *in,
                     struct flux_error *err)
{
    const char *kind = kvs_read_raw(in, 1);
    FLUX_AUTO_STR key = read_text(in);
    FLUX_AUTO_STR ns = NULL;
    FLUX_AUTO_STR target = NULL;
    struct kvs_op op = {.kind = kind ? *kind : 0, .key = key};
    struct kvs_object *stored = NULL, *blob;
    const char *how;
    int r;

    if (op.kind == KVS_OP_PUT) {
        how = kvs_read_raw(in, 1);
        if (how && *how == 1)
            stored = read_blob(k, in);
        else
            op.value = kvs_read_bytes(in, &op.len);
    } else if (op.kind == KVS_OP_APPEND)
        op.value = kvs_read_bytes(in, &op.len);
    else if (op.kind == KVS_OP_SYMLINK || op.kind == KVS_OP_COPY) {
        op.target_ns = ns = read_text(in);
        op.target = target = read_text(in);
    }
    r = in->failed ? malformed(err) : kvs_apply_op(k, n, &op, stored, &blob, err);
    kvs_object_unref(&k->heap, stored);
    return r;
}

/* All of them or none. */
static int replay_ops(struct kvs *k, struct kvs_namespace *n, uint64_t nops, struct kvs_reader *in,
                      struct flux_error *err)
{
    struct kvs_object *before = kvs_object_ref(n->head);
    int r = 0;

    for (uint64_t i = 0; i < nops && r == 0; i++)
        r = replay_op(k, n, in, err);
    kvs_object_unref(&k->heap, r < 0 ? n->head : before);
    if (r < 0)
        n->head = before;
    return r;
}

static int replay_transaction(struct kvs *k, struct kvs_reader *in, struct flux_error *err)
{
    FLUX_AUTO_STR name = read_text(in);
    uint64_t nops = kvs_read_number(in);
    struct kvs_reader again = *in;
    struct kvs_namespace *n;
    int r;

    if (in->failed)
        return malformed(err);
    n = kvs_find(k, name);
    if (!n)
        return flux_error_set(err, -ENOENT, "no namespace '%s'", name);
    kvs_touch(k, n);
    r = replay_ops(k, n, nops, in, err);
    if (r == -EUCLEAN && kvs_heal(k)) {
        *in = again;
        r = replay_ops(k, n, nops, in, err);
    }
    n->head_version++;
    return r;
}

static int replay_create(struct kvs *k, struct kvs_reader *in, struct flux_error *err)
{
    FLUX_AUTO_STR name = read_text(in);
    uint32_t owner = kvs_read_number(in);
    struct kvs_namespace *n;
    struct store_ref ref;

    kvs_read_ref(in, &ref);
    if (in->failed)
        return malformed(err);
    if (kvs_find(k, name))
        return flux_error_set(err, -EEXIST, "namespace '%s' exists already", name);
    n = kvs_namespace_add(k, name, owner);
    n->fresh = true;
    if (ref.id)
        n->head = kvs_object_stub(&k->heap, KVS_NODE, &ref, 0);
    kvs_touch(k, n);
    return 0;
}

static int replay_remove(struct kvs *k, struct kvs_reader *in, struct flux_error *err)
{
    FLUX_AUTO_STR name = read_text(in);
    struct kvs_namespace *n;

    if (in->failed)
        return malformed(err);
    n = kvs_find(k, name);
    if (!n)
        return flux_error_set(err, -ENOENT, "no namespace '%s'", name);
    /* At once: a namespace of the same name may follow in this record. */
    if (n->touched) {
        for (size_t i = 0; i < k->ntouched; i++) {
            if (k->touched[i] == n)
                k->touched[i--] = k->touched[--k->ntouched];
        }
    }
    kvs_namespace_del(k, n);
    return 0;
}

int kvs_record_replay(struct kvs *k, const void *data, size_t len, struct flux_error *err)
{
    struct kvs_reader in = {.p = data, .end = (const uint8_t *)data + len};
    int r = 0;

    while (in.p < in.end && r == 0) {
        const char *what = kvs_read_raw(&in, 1);

        if (*what == 'T')
            r = replay_transaction(k, &in, err);
        else if (*what == 'C')
            r = replay_create(k, &in, err);
        else if (*what == 'R')
            r = replay_remove(k, &in, err);
        else
            r = malformed(err);
    }
    return r;
}
