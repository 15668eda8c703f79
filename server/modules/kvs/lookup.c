// SPDX-License-Identifier: LGPL-3.0-only
/* Reading: from a key to what it names, through symbolic links and across namespaces. Each
 * namespace entered on the way is checked against who reads. */
#include "engine.h"

int kvs_walk(struct kvs *k, struct kvs_object *root, const struct kvs_path *path, bool nofollow,
             struct kvs_entry **ret, int *at, struct flux_error *err)
{
    struct kvs_object *dir = root;
    struct kvs_entry *e = NULL;
    int r;

    for (int i = 0; i < path->count; i++) {
        if (e && e->kind != KVS_DIR)
            return -ENOENT;
        r = kvs_tree_find(&k->heap, dir, kvs_path_part(path, i), path->part[i].len, &e, err);
        if (r < 0)
            return r;
        if (e->kind == KVS_SYMLINK && !(nofollow && i == path->count - 1)) {
            *ret = e;
            *at = i;
            return 1;
        }
        dir = e->p;
    }
    *ret = e;
    return 0;
}

const char *kvs_link_split(const struct kvs_bytes *link, char *ns)
{
    const char *sep = memmem(link->data, link->len, "::", 2);
    size_t len = sep ? sep - link->data : 0;

    if (len > KVS_NAMESPACE_MAX)
        len = KVS_NAMESPACE_MAX;
    memcpy(ns, link->data, len);
    ns[len] = '\0';
    return sep ? sep + 2 : link->data;
}

static bool has_hash(const struct kvs_object *o, const uint8_t hash[STORE_HASH_SIZE])
{
    return o && memcmp(o->ref.hash, hash, STORE_HASH_SIZE) == 0;
}

/* The root of the last checkpoint, or a reference handed out of late: what is mostly asked for. */
static struct kvs_object *find_held(struct kvs *k, const uint8_t hash[STORE_HASH_SIZE])
{
    for (int i = 0; i < KVS_PINS; i++) {
        if (has_hash(k->pins[i], hash))
            return k->pins[i];
    }
    for (size_t i = 0; i < k->nlast; i++) {
        if (has_hash(k->last[i].root, hash))
            return k->last[i].root;
    }
    return NULL;
}

int kvs_root_open(struct kvs *k, const char *rootref, struct kvs_object **ret,
                  struct flux_error *err)
{
    struct store_ref ref = {0};
    uint8_t empty[STORE_HASH_SIZE];
    struct kvs_body *body;
    void *data;
    size_t len;
    int r;

    r = store_ref_parse(rootref, ref.hash, err);
    if (r < 0)
        return r;
    store_hash("", 0, empty);
    *ret = NULL;
    if (memcmp(empty, ref.hash, sizeof(empty)) == 0)
        return 0;
    *ret = kvs_object_ref(find_held(k, ref.hash));
    if (*ret)
        return 0;
    r = store_find(k->store, &ref, &data, &len, err);
    if (r < 0)
        return r == -ENOENT ? flux_error_set(err, r, "kvs: no snapshot with this root reference")
                            : r;
    r = kvs_body_decode(&k->heap, data, len, &body, err);
    free(data);
    if (r < 0)
        return r;
    kvs_body_free(&k->heap, body);
    *ret = kvs_object_stub(&k->heap, KVS_NODE, &ref, 0);
    return 0;
}

static int enter(struct kvs *k, const char *name, const struct kvs_reader_cred *cred,
                 struct kvs_namespace **ret, struct flux_error *err)
{
    struct kvs_namespace *n = kvs_find(k, name);

    if (!n || n->fresh)
        return flux_error_set(err, -ENOENT, "kvs: no namespace '%s'", *name ? name : KVS_PRIMARY);
    if (!cred->owner && cred->userid != n->owner)
        return flux_error_set(err, -EPERM, "kvs: namespace '%s' belongs to user %u", n->name,
                              n->owner);
    *ret = n;
    return 0;
}

uint64_t kvs_result_size(const struct kvs_result *res)
{
    const void *p = res->payload;

    if (res->kind == KVS_INLINE || res->kind == KVS_SYMLINK)
        return ((const struct kvs_bytes *)p)->len;
    if (res->kind == KVS_VALUE)
        return ((const struct kvs_object *)p)->size;
    return res->kind == KVS_LOG ? kvs_log_size(p) : 0;
}

struct kvs_heap *kvs_heap_of(struct kvs *k)
{
    return &k->heap;
}

static void fill(struct kvs_result *ret, int kind, void *payload)
{
    ret->kind = kind;
    ret->payload = kvs_payload_ref(kind, payload);
    ret->size = kvs_result_size(ret);
}

struct cursor {
    bool linked;
    struct kvs_namespace *n;
    struct kvs_object *root; /* owned */
    struct kvs_path path;
};

/* Go on behind the link at component `at`. */
static int follow(struct kvs *k, struct cursor *c, const struct kvs_bytes *link, int at,
                  const struct kvs_reader_cred *cred, struct flux_error *err)
{
    char ns[KVS_NAMESPACE_MAX + 1];
    const char *target = kvs_link_split(link, ns);
    struct kvs_path next;
    int r;

    r = kvs_path_join(target, &c->path, at + 1, &next, err);
    if (r == 0 && *ns) {
        r = enter(k, ns, cred, &c->n, err);
        if (r == 0) {
            kvs_object_unref(&k->heap, c->root);
            c->root = kvs_object_ref(c->n->root);
        }
    }
    c->path = next;
    c->linked = true;
    return r;
}

static int resolve(struct kvs *k, struct cursor *c, bool nofollow,
                   const struct kvs_reader_cred *cred, struct kvs_result *ret,
                   struct flux_error *err)
{
    struct kvs_entry *e;
    int at;
    int r;

    for (int links = 0; links <= KVS_LINKS_MAX; links++) {
        r = kvs_walk(k, c->root, &c->path, nofollow, &e, &at, err);
        if (r < 0)
            return r == -ENOENT ? flux_error_set(err, r, "kvs: no key '%s'", c->path.text) : r;
        if (r == 0) {
            if (!ret)
                return 0;
            if (e)
                fill(ret, e->kind, e->p);
            else
                fill(ret, KVS_DIR, c->root);
            return 0;
        }
        r = follow(k, c, e->p, at, cred, err);
        if (r < 0)
            return r;
    }
    return flux_error_set(err, -ELOOP, "kvs: more than %d symbolic links at '%s'", KVS_LINKS_MAX,
                          c->path.text);
}

int kvs_lookup(struct kvs *k, const char *ns, const char *rootref, const char *key, bool nofollow,
               const struct kvs_reader_cred *cred, struct kvs_result *ret, struct flux_error *err)
{
    struct cursor c = {0};
    int r;

    memset(ret, 0, sizeof(*ret));
    r = kvs_path_parse(key, &c.path, err);
    if (r == 0)
        r = enter(k, ns, cred, &c.n, err);
    if (r < 0)
        return r;
    ret->version = c.n->version;
    if (rootref && *rootref) {
        if (!cred->owner)
            return flux_error_set(err, -EPERM, "kvs: only the instance owner may read snapshots");
        r = kvs_root_open(k, rootref, &c.root, err);
        if (r < 0)
            return r;
    } else
        c.root = kvs_object_ref(c.n->root);
    r = resolve(k, &c, nofollow, cred, ret, err);
    kvs_object_unref(&k->heap, c.root);
    return r;
}

int kvs_resolve(struct kvs *k, const char *ns, const char *key, const struct kvs_reader_cred *cred,
                struct kvs_where *where, struct flux_error *err)
{
    struct cursor c = {0};
    int r;

    r = kvs_path_parse(key, &c.path, err);
    if (r == 0)
        r = enter(k, ns, cred, &c.n, err);
    if (r < 0)
        return r;
    c.root = kvs_object_ref(c.n->root);
    r = resolve(k, &c, false, cred, NULL, err);
    kvs_object_unref(&k->heap, c.root);
    where->path = c.path;
    where->linked = c.linked;
    strcpy(where->ns, c.n->name);
    return r;
}

int kvs_result_read(struct kvs *k, const struct kvs_result *res, uint64_t offset, uint64_t max,
                    struct flux_buf *out, struct flux_error *err)
{
    const struct kvs_bytes *bytes = res->payload;
    struct kvs_object *blob = res->payload;
    const char *data;
    int r;

    if (res->kind == KVS_LOG)
        return kvs_log_read(&k->heap, res->payload, offset, max, out, err);
    if (res->kind == KVS_VALUE) {
        r = kvs_object_load(&k->heap, blob, err);
        if (r < 0)
            return r;
        data = blob->data;
    } else if (res->kind == KVS_INLINE || res->kind == KVS_SYMLINK)
        data = bytes->data;
    else
        return flux_error_set(err, -EISDIR, "kvs: this is a directory");
    if (offset >= res->size)
        return 0;
    return flux_buf_add(out, data + offset, res->size - offset < max ? res->size - offset : max);
}

int kvs_result_list(struct kvs *k, const struct kvs_result *res,
                    int (*fn)(void *arg, const char *name, size_t len, const struct kvs_entry *e),
                    void *arg, struct flux_error *err)
{
    if (res->kind != KVS_DIR)
        return flux_error_set(err, -ENOTDIR, "kvs: this is not a directory");
    return kvs_tree_each(&k->heap, res->payload, fn, arg, err);
}

void kvs_result_done(struct kvs *k, struct kvs_result *res)
{
    kvs_payload_unref(&k->heap, res->kind, res->payload);
    res->payload = NULL;
}
