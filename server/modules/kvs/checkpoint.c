// SPDX-License-Identifier: LGPL-3.0-only
/* Checkpoints: hash and write the dirty part of a snapshot of all namespaces, in slices that ride
 * on group commits; the last slice has the record that makes the log before it unneeded. Commits go
 * on meanwhile: the snapshot's nodes are shared and so never change. */
#include "engine.h"

#define SLICE_OBJECTS 150

static void snapshot(struct kvs *k, struct kvs_checkpoint *c)
{
    struct kvs_namespace *n, *tmp;

    c->snaps = flux_realloc(NULL, HASH_COUNT(k->namespaces), sizeof(*c->snaps));
    c->nsnaps = 0;
    HASH_ITER (hh, k->namespaces, n, tmp) {
        if (!n->fresh)
            c->snaps[c->nsnaps++] = (struct kvs_snapshot){
                .name = flux_strdup(n->name),
                .owner = n->owner,
                .version = n->version,
                .root = kvs_object_ref(n->root),
            };
    }
}

static void begin(struct kvs *k)
{
    struct kvs_checkpoint *c = &k->checkpoint;

    c->active = true;
    c->again = c->last = false;
    c->started++;
    c->at = c->depth = 0;
    c->log_seq = k->seq;
    c->log_bytes = k->log_bytes;
    c->log_records = k->log_records;
    c->first_id = k->values.count ? k->first_id : store_next_id(k->store);
    snapshot(k, c);
}

uint64_t kvs_checkpoint_start(struct kvs *k)
{
    struct kvs_checkpoint *c = &k->checkpoint;

    k->pause_until = 0;
    if (c->active) {
        c->again = true;
        return c->started + 1;
    }
    begin(k);
    return c->started;
}

uint64_t kvs_checkpoint_last(const struct kvs *k, int *failed)
{
    *failed = k->checkpoint.failed;
    return k->checkpoint.ended;
}

static void push(struct kvs_checkpoint *c, struct kvs_object *o)
{
    if (!o || o->type != KVS_NODE || o->state != KVS_DIRTY)
        return;
    if (c->depth == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->stack = flux_realloc(c->stack, c->cap, sizeof(*c->stack));
    }
    c->stack[c->depth++] = (struct kvs_frame){kvs_object_ref(o), 0};
}

static void write_object(struct kvs *k, struct store_batch *b, struct kvs_object *o)
{
    struct store_ref ref;
    void *data = o->data;
    size_t len = o->size;

    if (o->type == KVS_NODE) {
        kvs_object_resized(&k->heap, o, kvs_body_size(o->data));
        kvs_body_encode(o->data, &data, &len);
    }
    ref.id = store_new_id(k->store);
    store_hash(data, len, ref.hash);
    kvs_object_writing(o, &ref);
    kvs_hold(&k->nodes, o);
    store_batch_blob(b, &ref, o->type == KVS_NODE ? STORE_NODE : STORE_VALUE, data, len,
                     o->type == KVS_NODE);
}

/* Write what hangs on an entry, or push it to be walked first. Returns true if it was pushed. */
static bool visit(struct kvs *k, struct store_batch *b, const struct kvs_entry *e)
{
    struct kvs_checkpoint *c = &k->checkpoint;
    struct kvs_object *o = e->p;
    size_t depth = c->depth;

    if (!o || e->kind == KVS_INLINE || e->kind == KVS_SYMLINK)
        return false;
    if (e->kind == KVS_LOG) {
        struct kvs_log *log = e->p;

        kvs_log_settle(&k->heap, log);
        if (log->stored && log->stored->state == KVS_DIRTY)
            write_object(k, b, log->stored);
        push(c, log->chunks);
    } else if (o->type == KVS_NODE)
        push(c, o);
    else if (o->state == KVS_DIRTY)
        write_object(k, b, o);
    return c->depth > depth;
}

/* A dirty log tail can be pinned by the transaction that is staged now; it is rewritten only in
 * form, never in content, so walking a shared log is safe. */
static void walk(struct kvs *k, struct store_batch *b)
{
    struct kvs_checkpoint *c = &k->checkpoint;

    while (c->depth && k->nodes.count < SLICE_OBJECTS) {
        struct kvs_frame *f = &c->stack[c->depth - 1];
        struct kvs_body *body = f->node->data;
        struct kvs_object *node = f->node;

        if (f->next < body->count) {
            visit(k, b, &body->entries[f->next++]);
            continue;
        }
        if (node->state == KVS_DIRTY)
            write_object(k, b, node);
        kvs_object_unref(&k->heap, node);
        c->depth--;
    }
}

void kvs_checkpoint_encode(const struct kvs_snapshot *snaps, size_t n, void **data, size_t *len)
{
    struct flux_buf out = FLUX_BUF_INIT(256 << 20);

    flux_buf_putc(&out, 'K');
    flux_buf_putc(&out, 1);
    kvs_write_number(&out, n);
    for (size_t i = 0; i < n; i++) {
        kvs_write_bytes(&out, snaps[i].name, strlen(snaps[i].name));
        kvs_write_number(&out, snaps[i].owner);
        kvs_write_number(&out, snaps[i].version);
        kvs_write_ref(&out, snaps[i].root ? &snaps[i].root->ref : NULL);
    }
    *len = out.len;
    *data = flux_buf_take(&out);
}

struct saved {
    const char *name; /* not terminated */
    size_t len;
    uint32_t owner;
    uint64_t version;
    struct store_ref ref;
};

static void read_saved(struct kvs_reader *in, struct saved *sv)
{
    sv->name = kvs_read_bytes(in, &sv->len);
    sv->owner = kvs_read_number(in);
    sv->version = kvs_read_number(in);
    kvs_read_ref(in, &sv->ref);
}

static uint64_t read_head(struct kvs_reader *in)
{
    const char *head = kvs_read_raw(in, 2);
    uint64_t n = kvs_read_number(in);

    if (!in->failed && (head[0] != 'K' || head[1] != 1))
        in->failed = true;
    return n;
}

static void read_namespace(struct kvs *k, struct kvs_reader *in)
{
    struct kvs_namespace *n;
    struct saved sv;

    read_saved(in, &sv);
    FLUX_AUTO_STR name = in->failed ? NULL : flux_strndup(sv.name, sv.len);
    if (in->failed || kvs_find(k, name)) {
        in->failed = true;
        return;
    }
    n = kvs_namespace_add(k, name, sv.owner);
    n->version = n->head_version = sv.version;
    if (sv.ref.id)
        n->root = kvs_object_stub(&k->heap, KVS_NODE, &sv.ref, 0);
    n->head = kvs_object_ref(n->root);
}

int kvs_checkpoint_decode(struct kvs *k, const void *data, size_t len, struct flux_error *err)
{
    struct kvs_reader in = {.p = data, .end = (const uint8_t *)data + len};
    uint64_t n = read_head(&in);

    if (in.failed)
        return flux_error_set(err, -EPROTO, "kvs: the checkpoint is of a format unknown here");
    for (uint64_t i = 0; i < n && !in.failed; i++)
        read_namespace(k, &in);
    if (in.failed || in.p != in.end)
        return flux_error_set(err, -EPROTO, "kvs: malformed checkpoint");
    return 0;
}

int kvs_checkpoint_info(const void *data, size_t len, uint64_t *version,
                        char text[STORE_REF_TEXT_SIZE])
{
    struct kvs_reader in = {.p = data, .end = (const uint8_t *)data + len};
    uint64_t n = read_head(&in);
    struct saved sv;

    for (uint64_t i = 0; i < n && !in.failed; i++) {
        read_saved(&in, &sv);
        if (in.failed || sv.len != strlen(KVS_PRIMARY) || memcmp(sv.name, KVS_PRIMARY, sv.len) != 0)
            continue;
        if (!sv.ref.id)
            store_hash("", 0, sv.ref.hash);
        *version = sv.version;
        store_ref_format(sv.ref.hash, text);
        return 0;
    }
    return -ENOENT;
}

void kvs_checkpoint_step(struct kvs *k, struct store_batch *b)
{
    struct kvs_checkpoint *c = &k->checkpoint;
    void *data;
    size_t len;

    if (!c->active)
        return;
    walk(k, b);
    while (c->depth == 0 && c->at < c->nsnaps && k->nodes.count < SLICE_OBJECTS) {
        push(c, c->snaps[c->at++].root);
        walk(k, b);
    }
    if (c->depth > 0 || c->at < c->nsnaps)
        return;
    kvs_checkpoint_encode(c->snaps, c->nsnaps, &data, &len);
    store_batch_checkpoint(b, c->log_seq, data, len);
    c->last = true;
}

static void finish(struct kvs *k)
{
    struct kvs_checkpoint *c = &k->checkpoint;

    kvs_snapshots_free(k, k->last, k->nlast);
    k->last = c->snaps;
    k->nlast = c->nsnaps;
    c->last_first_id = c->first_id;
    k->log_bytes -= c->log_bytes;
    k->log_records -= c->log_records;
    k->stats.checkpoints++;
}

void kvs_checkpoint_ended(struct kvs *k, int r)
{
    struct kvs_checkpoint *c = &k->checkpoint;
    bool again = c->again;

    if (!c->active || (r == 0 && !c->last))
        return;
    while (c->depth)
        kvs_object_unref(&k->heap, c->stack[--c->depth].node);
    if (r == 0)
        finish(k);
    else
        kvs_snapshots_free(k, c->snaps, c->nsnaps);
    c->snaps = NULL;
    c->nsnaps = 0;
    c->active = false;
    c->ended = c->started;
    c->failed = r;
    if (r < 0 && r != -ECANCELED)
        kvs_report(k, "checkpoint failed: %s; the log goes on growing", strerror(-r));
    if (again && r == 0)
        begin(k);
    else if (again)
        c->ended = ++c->started;
}
