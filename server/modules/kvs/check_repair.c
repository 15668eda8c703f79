// SPDX-License-Identifier: LGPL-3.0-only
/* Taking out of the trees what cannot be read. Each thing taken out leaves an entry below
 * lost+found: what can still be read of a log, else a note of what it was. The damaged blobs
 * themselves are in the store's quarantine. */
#include "check_private.h"

#include <jansson.h>

#define NOTES "lost+found"

struct note {
    char *key, *value;
    size_t len;
    struct note *next;
};

struct repair {
    struct checker *x;
    struct note *notes;
};

static void add_note(struct repair *rp, const char *name, const char *what, char *data, size_t len)
{
    const char *path = rp->x->path.len ? rp->x->path.data : "";
    struct note *n = flux_alloc(sizeof(*n));
    json_t *o;

    n->key = flux_printf(NOTES "%s%s%s%s", *path ? "." : "", path, *name ? "." : "", name);
    n->value = data;
    n->len = len;
    if (!data) {
        o = json_pack("{s:s, s:s, s:f}", "lost", what, "key", n->key + strlen(NOTES), "time",
                      flux_walltime());
        n->value = json_dumps(o, JSON_COMPACT);
        n->len = n->value ? strlen(n->value) : 0;
        json_decref(o);
    }
    n->next = rp->notes;
    rp->notes = n;
    rp->x->c->repaired++;
}

/* What of a log can be read: its chunks up to the first bad one, the rest after it. */
static char *read_log(struct repair *rp, struct kvs_log *log, size_t *len)
{
    struct flux_buf out = FLUX_BUF_INIT(KVS_VALUE_MAX);
    uint64_t size = kvs_log_size(log);

    for (uint64_t at = 0; at < size; at += KVS_LOG_CHUNK) {
        if (kvs_log_read(&rp->x->k->heap, log, at, KVS_LOG_CHUNK, &out, NULL) == -EMSGSIZE)
            break;
    }
    *len = out.len;
    return flux_buf_take(&out);
}

static bool value_is_bad(const struct repair *rp, const struct kvs_entry *e)
{
    const struct kvs_log *log = e->p;

    if (e->kind == KVS_VALUE)
        return check_is_bad(rp->x, e->p);
    return e->kind == KVS_LOG && ((log->stored && check_is_bad(rp->x, log->stored)) ||
                                  (log->chunks && (check_is_bad(rp->x, log->chunks) ||
                                                   check_leads_there(rp->x, log->chunks))));
}

static int fix_node(struct repair *rp, struct kvs_object **op, struct flux_error *err);

/* 1: the entry is to be taken out. */
static int fix_entry(struct repair *rp, const char *name, struct kvs_entry *e, bool leaf,
                     struct flux_error *err)
{
    struct kvs_object *o = e->p;
    size_t mark = rp->x->path.len, len = 0;
    int r = 0;

    if (leaf && value_is_bad(rp, e)) {
        char *data = e->kind == KVS_LOG ? read_log(rp, e->p, &len) : NULL;

        add_note(rp, name, "value", data, len);
        return 1;
    }
    if ((leaf && e->kind != KVS_DIR) || !o)
        return 0;
    if (check_is_bad(rp->x, o)) {
        add_note(rp, name, leaf ? "directory" : "entries from here on", NULL, 0);
        return 1;
    }
    if (!check_leads_there(rp->x, o))
        return 0;
    if (leaf)
        flux_buf_printf(&rp->x->path, mark ? ".%s" : "%s", name);
    r = fix_node(rp, (struct kvs_object **)&e->p, err);
    rp->x->path.len = mark;
    if (rp->x->path.data)
        rp->x->path.data[mark] = '\0';
    return r == 0 && !e->p && !leaf ? 1 : r;
}

/* *op becomes NULL when nothing is left of it. */
static int fix_node(struct repair *rp, struct kvs_object **op, struct flux_error *err)
{
    struct kvs_heap *heap = &rp->x->k->heap;
    struct kvs_body *b;
    int r = kvs_tree_writable(heap, op, err);

    if (r < 0)
        return r;
    b = (*op)->data;
    for (int i = 0; i < b->count; i++) {
        struct kvs_entry *e = &b->entries[i];
        FLUX_AUTO_STR name = flux_strndup(kvs_entry_name(b, e), e->namelen);

        r = fix_entry(rp, name, e, b->level == 0, err);
        if (r < 0)
            return r;
        if (r == 1) {
            kvs_payload_unref(heap, e->kind, e->p);
            kvs_body_remove(b, i--);
        }
    }
    kvs_object_resized(heap, *op, kvs_body_size(b));
    if (b->count == 0) {
        kvs_object_unref(heap, *op);
        *op = NULL;
    }
    return 0;
}

static int write_notes(struct repair *rp, struct kvs_namespace *n, struct flux_error *err)
{
    struct note *note;
    int r = 0;

    while ((note = rp->notes)) {
        struct kvs_op op = {
            .kind = KVS_OP_PUT, .key = note->key, .value = note->value, .len = note->len};
        uint64_t version;

        rp->notes = note->next;
        if (r == 0)
            r = kvs_stage_once(rp->x->k, n, &op, 1, &version, err);
        free(note->key);
        free(note->value);
        free(note);
    }
    return r;
}

static int fix_namespace(struct checker *x, struct kvs_namespace *n, struct flux_error *err)
{
    struct repair rp = {.x = x};
    int r = 0;

    x->ns = n->name;
    flux_buf_reset(&x->path);
    if (!n->head || (!check_is_bad(x, n->head) && !check_leads_there(x, n->head)))
        return 0;
    if (check_is_bad(x, n->head)) {
        add_note(&rp, "", "root directory", NULL, 0);
        kvs_object_unref(&x->k->heap, n->head);
        n->head = NULL;
    } else
        r = fix_node(&rp, &n->head, err);
    kvs_touch(x->k, n);
    return r < 0 ? r : write_notes(&rp, n, err);
}

int check_repair(struct checker *x, struct flux_error *err)
{
    struct kvs_namespace *n, *tmp;
    int r = 0;

    kvs_gc_abort(x->k, -ECANCELED);
    HASH_ITER (hh, x->k->namespaces, n, tmp) {
        if (r == 0)
            r = fix_namespace(x, n, err);
    }
    return r;
}
