// SPDX-License-Identifier: LGPL-3.0-only
/* The check walks the tree without keeping what it reads. Of what it finds damaged, and of all
 * nodes on the way there, it notes the ids; the repair then goes down those ways only, and takes
 * out the entries that lead to something damaged. */
#include "check.h"
#include "check_private.h"

static uint64_t key_of(const struct kvs_object *o)
{
    return o->state == KVS_DIRTY ? (uintptr_t)o | 1ull << 63 : o->ref.id;
}

static void add(struct id_set **set, uint64_t id)
{
    struct id_set *e;

    HASH_FIND(hh, *set, &id, sizeof(id), e);
    if (e)
        return;
    e = flux_alloc(sizeof(*e));
    e->id = id;
    HASH_ADD(hh, *set, id, sizeof(e->id), e);
}

static void set_free(struct id_set **set)
{
    struct id_set *e, *tmp;

    HASH_ITER (hh, *set, e, tmp) {
        HASH_DEL(*set, e);
        free(e);
    }
}

bool check_is_bad(const struct checker *x, const struct kvs_object *o)
{
    uint64_t id = key_of(o);
    struct id_set *e;

    HASH_FIND(hh, x->bad, &id, sizeof(id), e);
    return e;
}

bool check_leads_there(const struct checker *x, const struct kvs_object *o)
{
    uint64_t id = key_of(o);
    struct id_set *e;

    HASH_FIND(hh, x->way, &id, sizeof(id), e);
    return e;
}

/* The damaged thing is at x->path. */
static void found(struct checker *x, const struct kvs_object *o, struct kvs_damage *d)
{
    d->ns = x->ns;
    d->key = x->path.len ? x->path.data : ".";
    d->ref = o->ref;
    add(&x->bad, key_of(o));
    for (size_t i = 0; i < x->depth; i++)
        add(&x->way, x->above[i]);
    if (strcmp(d->what, "log") == 0) {
        if (x->log_told)
            return; /* one log is one finding, however many pieces it has */
        x->log_told = true;
    }
    x->c->damaged++;
    if (x->c->damage)
        x->c->damage(x->c->arg, d);
}

/* Only damage is a finding; a disk that fails is the end of the check. */
static int is_damage(int r)
{
    return r == -EUCLEAN;
}

static int check_blob(struct checker *x, const struct kvs_object *o, struct flux_error *err)
{
    void *data;
    size_t len;
    int r;

    if (!x->c->values || o->data)
        return 0;
    r = store_load(x->k->store, &o->ref, &data, &len, err);
    if (r < 0)
        return r;
    free(data);
    x->c->bytes += len;
    if (len != o->size)
        return flux_error_set(err, -EUCLEAN, "content store: blob %llu has %zu bytes, not %u",
                              (unsigned long long)o->ref.id, len, o->size);
    return 0;
}

static int check_body(struct checker *x, const struct kvs_body *b, const char *to,
                      struct flux_error *err);

/* A node: that of a directory (name NULL), or one within it. `d` says what it is. */
static int check_node(struct checker *x, const struct kvs_object *o, struct kvs_damage *d,
                      struct flux_error *err)
{
    struct kvs_body *body = o->data;
    void *data;
    size_t len;
    int r = 0;

    if (!body) {
        r = store_load(x->k->store, &o->ref, &data, &len, err);
        if (r == 0) {
            r = kvs_body_decode(&x->k->heap, data, len, &body, err);
            free(data);
            x->c->bytes += len;
        }
        if (r < 0) {
            d->text = err->text;
            if (is_damage(r))
                found(x, o, d);
            return is_damage(r) ? 0 : r;
        }
    }
    x->c->nodes++;
    if (x->depth == x->room) {
        x->room = x->room ? x->room * 2 : 64;
        x->above = flux_realloc(x->above, x->room, sizeof(*x->above));
    }
    x->above[x->depth++] = key_of(o);
    r = check_body(x, body, d->to, err);
    x->depth--;
    if (!o->data) {
        x->k->heap.evicting = true; /* what goes now is not dead */
        kvs_body_free(&x->k->heap, body);
        x->k->heap.evicting = false;
    }
    return r;
}

static int check_log(struct checker *x, const struct kvs_log *log, struct flux_error *err)
{
    struct kvs_damage d = {.what = "log", .from = "", .to = ""};
    int r = 0;

    x->in_log = true;
    x->log_told = false;
    if (log->chunks && x->c->values)
        r = check_node(x, log->chunks, &d, err);
    if (r == 0 && log->stored)
        r = check_blob(x, log->stored, err);
    x->in_log = false;
    if (is_damage(r)) {
        d.text = err->text;
        found(x, log->stored, &d);
        r = 0;
    }
    return r;
}

static int check_value(struct checker *x, const struct kvs_object *o, struct flux_error *err)
{
    struct kvs_damage d = {.what = x->in_log ? "log" : "value", .from = "", .to = ""};
    int r = check_blob(x, o, err);

    if (is_damage(r)) {
        d.text = err->text;
        found(x, o, &d);
        r = 0;
    }
    return r;
}

static int check_entry(struct checker *x, const struct kvs_entry *e, struct flux_error *err)
{
    struct kvs_damage dir = {.what = "directory", .from = "", .to = ""};

    if (!x->in_log)
        x->c->values_seen += e->kind != KVS_DIR;
    if (e->kind == KVS_DIR) {
        x->c->directories++;
        return e->p ? check_node(x, e->p, &dir, err) : 0;
    }
    if (e->kind == KVS_LOG)
        return check_log(x, e->p, err);
    return e->kind == KVS_VALUE ? check_value(x, e->p, err) : 0;
}

static int check_body(struct checker *x, const struct kvs_body *b, const char *to,
                      struct flux_error *err)
{
    size_t mark = x->path.len;
    int r = 0;

    for (int i = 0; i < b->count && r == 0; i++) {
        const struct kvs_entry *e = &b->entries[i];
        FLUX_AUTO_STR name = flux_strndup(kvs_entry_name(b, e), e->namelen);
        FLUX_AUTO_STR end = i + 1 < b->count && b->level > 0
                                ? flux_strndup(kvs_entry_name(b, e + 1), e[1].namelen)
                                : flux_strdup(to);
        struct kvs_damage part = {.what = x->in_log ? "log" : "entries", .from = name, .to = end};

        if (b->level > 0)
            r = check_node(x, e->p, &part, err);
        else {
            if (!x->in_log)
                flux_buf_printf(&x->path, mark ? ".%s" : "%s", name);
            r = check_entry(x, e, err);
        }
        x->path.len = mark;
        if (x->path.data)
            x->path.data[mark] = '\0';
    }
    return r;
}

static int check_root(struct checker *x, const char *ns, const struct kvs_object *root,
                      struct flux_error *err)
{
    struct kvs_damage d = {.what = "directory", .from = "", .to = ""};

    x->ns = ns;
    return root ? check_node(x, root, &d, err) : 0;
}

static int check_snapshot(struct checker *x, const char *rootref, struct flux_error *err)
{
    struct kvs_object *root = NULL;
    int r = kvs_root_open(x->k, rootref, &root, err);

    if (r == 0)
        r = check_root(x, KVS_PRIMARY, root, err);
    if (r == 0 || root)
        kvs_object_unref(&x->k->heap, root);
    return r;
}

int kvs_check_run(struct kvs *k, struct kvs_check *c, struct flux_error *err)
{
    struct checker x = {.k = k, .c = c, .path = FLUX_BUF_INIT(1 << 20)};
    struct kvs_namespace *n, *tmp;
    int r = 0;

    if (c->rootref)
        r = check_snapshot(&x, c->rootref, err);
    else {
        HASH_ITER (hh, k->namespaces, n, tmp) {
            if (r == 0)
                r = check_root(&x, n->name, n->head, err);
        }
    }
    k->damaged |= c->damaged > 0 && !c->rootref;
    if (r == 0 && c->repair && c->damaged && !c->rootref)
        r = check_repair(&x, err);
    set_free(&x.bad);
    set_free(&x.way);
    free(x.above);
    flux_buf_done(&x.path);
    return r;
}
