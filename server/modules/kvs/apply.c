// SPDX-License-Identifier: LGPL-3.0-only
/* One operation of a transaction on the head of a namespace. Directories on the way are made, and a
 * value in the way gives place to a directory, as in `mkdir -p` with `--force`. */
#include "engine.h"

/* Go on from a link met while writing: only within the namespace. */
static int redirect(const struct kvs_bytes *link, struct kvs_path *path, int at,
                    struct flux_error *err)
{
    char ns[KVS_NAMESPACE_MAX + 1];
    const char *target = kvs_link_split(link, ns);
    struct kvs_path next;
    int r;

    if (*ns)
        return flux_error_set(err, -EXDEV,
                              "kvs: '%s' leads through a link into namespace '%s'; write there "
                              "directly",
                              path->text, ns);
    r = kvs_path_join(target, path, at + 1, &next, err);
    *path = next;
    return r;
}

/* The writable entry of `path`, made with all above it. 1: *path was changed by a link, start
 * again. */
static int edit_once(struct kvs *k, struct kvs_object **root, struct kvs_path *path,
                     struct kvs_entry **ret, struct flux_error *err)
{
    struct kvs_entry *e;
    int r;

    for (int i = 0;; i++) {
        r = kvs_tree_edit(&k->heap, root, kvs_path_part(path, i), path->part[i].len, true, &e, err);
        if (r < 0)
            return r;
        *ret = e;
        if (i == path->count - 1)
            return 0;
        if (e->kind == KVS_SYMLINK) {
            r = redirect(e->p, path, i, err);
            return r < 0 ? r : 1;
        }
        if (e->kind != KVS_DIR) {
            kvs_payload_unref(&k->heap, e->kind, e->p);
            e->kind = KVS_DIR;
            e->p = NULL;
        }
        root = (struct kvs_object **)&e->p;
    }
}

static int edit_path(struct kvs *k, struct kvs_object **root, struct kvs_path *path,
                     struct kvs_entry **ret, struct flux_error *err)
{
    int r = 1;

    for (int links = 0; r == 1 && links <= KVS_LINKS_MAX; links++) {
        if (path->count == 0)
            return flux_error_set(err, -EINVAL, "kvs: the root directory cannot be written to");
        r = edit_once(k, root, path, ret, err);
    }
    return r == 1 ? flux_error_set(err, -ELOOP, "kvs: too many symbolic links at '%s'", path->text)
                  : r;
}

static void set_entry(struct kvs *k, struct kvs_entry *e, int kind, void *p)
{
    kvs_payload_unref(&k->heap, e->kind, e->p);
    e->kind = kind;
    e->p = p;
}

/* A large value gets its place in the store now: the record has its reference, not its bytes. */
static struct kvs_object *store_value(struct kvs *k, const void *data, size_t len)
{
    struct kvs_object *o = kvs_object_blob(&k->heap, data, len);
    struct store_ref ref = {.id = store_new_id(k->store)};

    store_hash(data, len, ref.hash);
    kvs_object_writing(o, &ref);
    kvs_hold(&k->values, o);
    return o;
}

static int put(struct kvs *k, struct kvs_namespace *n, const struct kvs_op *op,
               struct kvs_path *path, struct kvs_object *stored, struct kvs_object **blob,
               struct flux_error *err)
{
    struct kvs_entry *e;
    int r = edit_path(k, &n->head, path, &e, err);

    if (r < 0)
        return r;
    if (stored)
        set_entry(k, e, KVS_VALUE, kvs_object_ref(stored));
    else if (op->len > KVS_INLINE_MAX) {
        *blob = store_value(k, op->value, op->len);
        set_entry(k, e, KVS_VALUE, *blob);
    } else
        set_entry(k, e, KVS_INLINE, kvs_bytes_new(op->value, op->len));
    return 0;
}

/* What was put as a value becomes a log that begins with it. */
static int make_log(struct kvs *k, struct kvs_entry *e, struct flux_error *err)
{
    struct kvs_bytes *bytes = e->p;
    struct kvs_object *blob = e->p;
    struct kvs_log *log;
    int r;

    if (e->kind == KVS_DIR)
        return flux_error_set(err, -EISDIR, "kvs: cannot append to a directory");
    if (e->kind == KVS_SYMLINK)
        return flux_error_set(err, -EOPNOTSUPP, "kvs: cannot append to a symbolic link");
    if (e->kind == KVS_INLINE)
        log = kvs_log_new(&k->heap, bytes->data, bytes->len);
    else if (e->kind == KVS_VALUE) {
        r = kvs_object_load(&k->heap, blob, err);
        if (r < 0)
            return r;
        log = kvs_log_new(&k->heap, blob->data, blob->size);
    } else
        log = kvs_log_new(&k->heap, "", 0);
    set_entry(k, e, KVS_LOG, log);
    return 0;
}

static int append(struct kvs *k, struct kvs_namespace *n, const struct kvs_op *op,
                  struct kvs_path *path, struct flux_error *err)
{
    struct kvs_entry *e;
    int r = edit_path(k, &n->head, path, &e, err);

    if (r == 0 && e->kind != KVS_LOG)
        r = make_log(k, e, err);
    return r < 0 ? r : kvs_log_append(&k->heap, (struct kvs_log **)&e->p, op->value, op->len, err);
}

/* Look first: removing what is not there changes nothing. */
static int unlink_key(struct kvs *k, struct kvs_namespace *n, struct kvs_path *path,
                      struct flux_error *err)
{
    struct kvs_object **root = &n->head;
    struct kvs_entry *e;
    int at;
    int r = 1;

    for (int links = 0; r == 1 && links <= KVS_LINKS_MAX; links++) {
        if (path->count == 0)
            return flux_error_set(err, -EINVAL, "kvs: the root directory cannot be removed");
        r = kvs_walk(k, n->head, path, true, &e, &at, err);
        if (r == 1 && (r = redirect(e->p, path, at, err)) == 0)
            r = 1;
    }
    if (r == -ENOENT)
        return 0;
    if (r != 0)
        return r < 0 ? r : flux_error_set(err, -ELOOP, "kvs: too many links at '%s'", path->text);
    for (int i = 0; i < path->count - 1; i++) {
        r = kvs_tree_edit(&k->heap, root, kvs_path_part(path, i), path->part[i].len, false, &e,
                          err);
        if (r < 0)
            return r;
        root = (struct kvs_object **)&e->p;
    }
    return kvs_tree_remove(&k->heap, root, kvs_path_part(path, path->count - 1),
                           path->part[path->count - 1].len, err);
}

static int make_dir(struct kvs *k, struct kvs_namespace *n, struct kvs_path *path,
                    struct flux_error *err)
{
    struct kvs_entry *e;
    int r;

    if (path->count == 0)
        return 0;
    r = edit_path(k, &n->head, path, &e, err);
    if (r == 0 && e->kind != KVS_DIR)
        set_entry(k, e, KVS_DIR, NULL);
    return r;
}

static int make_link(struct kvs *k, struct kvs_namespace *n, const struct kvs_op *op,
                     struct kvs_path *path, struct flux_error *err)
{
    bool other = op->target_ns && *op->target_ns;
    struct kvs_path target;
    struct kvs_entry *e;
    int r;

    if (!op->target)
        return flux_error_set(err, -EINVAL, "kvs: a link needs a target");
    r = kvs_path_parse(op->target, &target, err);
    if (r == 0 && other)
        r = kvs_namespace_check(op->target_ns, err);
    if (r == 0)
        r = edit_path(k, &n->head, path, &e, err);
    if (r < 0)
        return r;
    FLUX_AUTO_STR text =
        other ? flux_printf("%s::%s", op->target_ns, target.text) : flux_strdup(target.text);
    set_entry(k, e, KVS_SYMLINK, kvs_bytes_new(text, strlen(text)));
    return 0;
}

static int copy(struct kvs *k, struct kvs_namespace *n, const struct kvs_op *op,
                struct kvs_path *path, struct flux_error *err)
{
    struct kvs_namespace *from = op->target_ns && *op->target_ns ? kvs_find(k, op->target_ns) : n;
    struct kvs_path source;
    struct kvs_entry *e;
    void *payload;
    int kind;
    int at;
    int r;

    if (!from || from->removed)
        return flux_error_set(err, -ENOENT, "kvs: no namespace '%s'", op->target_ns);
    if (!op->target)
        return flux_error_set(err, -EINVAL, "kvs: a copy needs a source");
    r = kvs_path_parse(op->target, &source, err);
    if (r == 0)
        r = kvs_walk(k, from->head, &source, true, &e, &at, err);
    if (r == 1)
        return flux_error_set(err, -EXDEV, "kvs: the source of a copy may not lead through a link");
    if (r < 0)
        return r == -ENOENT ? flux_error_set(err, r, "kvs: no key '%s'", source.text) : r;
    kind = e ? e->kind : KVS_DIR;
    payload = kvs_payload_ref(kind, e ? e->p : from->head);
    r = edit_path(k, &n->head, path, &e, err);
    if (r < 0)
        kvs_payload_unref(&k->heap, kind, payload);
    else
        set_entry(k, e, kind, payload);
    return r;
}

int kvs_apply_op(struct kvs *k, struct kvs_namespace *n, const struct kvs_op *op,
                 struct kvs_object *stored, struct kvs_object **blob, struct flux_error *err)
{
    struct kvs_path path;
    int r;

    *blob = NULL;
    r = kvs_path_parse(op->key ? op->key : "", &path, err);
    if (r < 0)
        return r;
    if (op->len > KVS_VALUE_MAX)
        return flux_error_set(err, -EFBIG, "kvs: '%s': a value has at most %d bytes", path.text,
                              KVS_VALUE_MAX);
    switch (op->kind) {
    case KVS_OP_PUT:
        return put(k, n, op, &path, stored, blob, err);
    case KVS_OP_APPEND:
        return append(k, n, op, &path, err);
    case KVS_OP_UNLINK:
        return unlink_key(k, n, &path, err);
    case KVS_OP_MKDIR:
        return make_dir(k, n, &path, err);
    case KVS_OP_SYMLINK:
        return make_link(k, n, op, &path, err);
    case KVS_OP_COPY:
        return copy(k, n, op, &path, err);
    }
    return flux_error_set(err, -EINVAL, "kvs: unknown operation %d on '%s'", op->kind, path.text);
}
