// SPDX-License-Identifier: LGPL-3.0-only
/* Transactions: all operations of one or none. What is staged lives in the heads of the namespaces
 * and in the record; keeping or undoing a group is a swap of root references. */
#include "engine.h"

void kvs_touch(struct kvs *k, struct kvs_namespace *n)
{
    if (n->touched)
        return;
    n->touched = true;
    k->touched = flux_realloc(k->touched, k->ntouched + 1, sizeof(*k->touched));
    k->touched[k->ntouched++] = n;
}

static void drop_values(struct kvs *k, size_t keep)
{
    while (k->values.count > keep)
        kvs_object_unref(&k->heap, k->values.list[--k->values.count]);
}

static void begin(struct kvs *k)
{
    if (k->staged == 0 && k->values.count == 0)
        k->first_id = store_next_id(k->store);
}

static int apply(struct kvs *k, struct kvs_namespace *n, const struct kvs_op *ops, size_t nops,
                 struct flux_error *err)
{
    struct kvs_object *blob;
    int r;

    kvs_record_begin(k, n->name, nops);
    for (size_t i = 0; i < nops; i++) {
        r = kvs_apply_op(k, n, &ops[i], NULL, &blob, err);
        if (r < 0)
            return r;
        kvs_record_op(k, &ops[i], blob);
    }
    if (k->record.failed)
        return flux_error_set(err, -EFBIG, "kvs: too much in one transaction");
    return 0;
}

int kvs_stage_once(struct kvs *k, struct kvs_namespace *n, const struct kvs_op *ops, size_t nops,
                   uint64_t *version, struct flux_error *err)
{
    size_t mark = k->record.len, values = k->values.count;
    struct kvs_object *before;
    int r;

    begin(k);
    before = kvs_object_ref(n->head);
    r = apply(k, n, ops, nops, err);
    if (r < 0) {
        kvs_object_unref(&k->heap, n->head);
        n->head = before;
        k->record.len = mark;
        k->record.failed = 0;
        drop_values(k, values);
        return r;
    }
    kvs_object_unref(&k->heap, before);
    *version = ++n->head_version;
    kvs_touch(k, n);
    k->staged++;
    return 0;
}

/* A damaged node in the way is taken out of the tree, so that writing goes on beside it. */
int kvs_stage(struct kvs *k, const char *ns, const struct kvs_op *ops, size_t nops,
              uint64_t *version, struct flux_error *err)
{
    struct kvs_namespace *n = kvs_find(k, ns);
    int r;

    if (!n || n->removed)
        return flux_error_set(err, -ENOENT, "kvs: no namespace '%s'", ns);
    r = kvs_stage_once(k, n, ops, nops, version, err);
    if (r == -EUCLEAN && kvs_heal(k))
        r = kvs_stage_once(k, n, ops, nops, version, err);
    return r;
}

int kvs_stage_create(struct kvs *k, const char *ns, uint32_t owner, const char *rootref,
                     struct flux_error *err)
{
    struct kvs_object *root = NULL;
    struct kvs_namespace *n;
    int r;

    r = kvs_namespace_check(ns, err);
    if (r < 0)
        return r;
    n = kvs_find(k, ns);
    if (n)
        return flux_error_set(err, -EEXIST, "kvs: there is a namespace '%s' already", ns);
    if (rootref && *rootref) {
        r = kvs_root_open(k, rootref, &root, err);
        if (r < 0)
            return r;
        kvs_gc_abort(k, -ECANCELED);
    }
    begin(k);
    n = kvs_namespace_add(k, ns, owner);
    n->fresh = true;
    n->head = root;
    kvs_touch(k, n);
    kvs_record_create(k, ns, owner, root ? &root->ref : NULL);
    k->staged++;
    return 0;
}

int kvs_stage_remove(struct kvs *k, const char *ns, struct flux_error *err)
{
    struct kvs_namespace *n = kvs_find(k, ns);

    if (!n || n->removed)
        return flux_error_set(err, -ENOENT, "kvs: no namespace '%s'", ns);
    if (strcmp(n->name, KVS_PRIMARY) == 0)
        return flux_error_set(err, -EINVAL, "kvs: the primary namespace cannot be removed");
    begin(k);
    n->removed = true;
    kvs_touch(k, n);
    kvs_record_remove(k, ns);
    k->staged++;
    return 0;
}

void kvs_stage_content(struct kvs *k, const void *data, size_t len, uint8_t hash[STORE_HASH_SIZE])
{
    struct kvs_object *o;
    struct store_ref ref;

    store_hash(data, len, hash);
    if (store_has_client(k->store, hash))
        return;
    begin(k);
    o = kvs_object_blob(&k->heap, data, len);
    o->client = k->client = true;
    ref.id = store_new_id(k->store);
    memcpy(ref.hash, hash, STORE_HASH_SIZE);
    kvs_object_writing(o, &ref);
    kvs_hold(&k->values, o);
    kvs_object_unref(&k->heap, o);
}

bool kvs_is_staged(const struct kvs *k)
{
    return k->staged > 0;
}

size_t kvs_staged_bytes(const struct kvs *k)
{
    size_t bytes = k->record.len;

    for (size_t i = 0; i < k->values.count; i++)
        bytes += k->values.list[i]->size;
    return bytes;
}

static void clear(struct kvs *k)
{
    for (size_t i = 0; i < k->ntouched; i++)
        k->touched[i]->touched = false;
    k->ntouched = 0;
    k->staged = 0;
    flux_buf_done(&k->record);
}

/* The large values have been written, or the batch that should has failed. */
static void end_values(struct kvs *k, bool written)
{
    for (size_t i = 0; i < k->values.count; i++)
        kvs_object_written(&k->heap, k->values.list[i], written);
    drop_values(k, 0);
    k->client = false;
}

void kvs_stage_keep(struct kvs *k, bool written)
{
    size_t n = k->ntouched;

    if (written)
        end_values(k, true);
    for (size_t i = 0; i < n; i++) {
        struct kvs_namespace *t = k->touched[i];

        kvs_object_unref(&k->heap, t->root);
        t->root = kvs_object_ref(t->head);
        t->version = t->head_version;
        t->fresh = false;
        if (t->removed) {
            kvs_namespace_del(k, t);
            k->touched[i--] = k->touched[--n];
        }
    }
    k->ntouched = n;
    clear(k);
}

void kvs_stage_undo(struct kvs *k)
{
    size_t n = k->ntouched;

    for (size_t i = 0; i < n; i++) {
        struct kvs_namespace *t = k->touched[i];

        kvs_object_unref(&k->heap, t->head);
        t->head = kvs_object_ref(t->root);
        t->head_version = t->version;
        t->removed = false;
        if (t->fresh) {
            kvs_namespace_del(k, t);
            k->touched[i--] = k->touched[--n];
        }
    }
    k->ntouched = n;
    end_values(k, false);
    clear(k);
}
