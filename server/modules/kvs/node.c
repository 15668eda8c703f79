// SPDX-License-Identifier: LGPL-3.0-only
/* Editing of node bodies. Entries stay sorted; the name pool may have holes after removals, which
 * go when it has to grow. */
#include "node.h"
#include "log.h"

struct kvs_bytes *kvs_bytes_new(const void *data, size_t len)
{
    struct kvs_bytes *b = flux_alloc(sizeof(*b) + len + 1);

    b->refs = 1;
    b->len = len;
    if (len)
        memcpy(b->data, data, len);
    return b;
}

void *kvs_payload_ref(int kind, void *p)
{
    if (!p)
        return NULL;
    if (kind == KVS_INLINE || kind == KVS_SYMLINK)
        ((struct kvs_bytes *)p)->refs++;
    else if (kind == KVS_LOG)
        ((struct kvs_log *)p)->refs++;
    else
        kvs_object_ref(p);
    return p;
}

void kvs_payload_unref(struct kvs_heap *heap, int kind, void *p)
{
    if (!p)
        return;
    if (kind == KVS_INLINE || kind == KVS_SYMLINK) {
        if (--((struct kvs_bytes *)p)->refs == 0)
            free(p);
    } else if (kind == KVS_LOG)
        kvs_log_unref(heap, p);
    else
        kvs_object_unref(heap, p);
}

struct kvs_body *kvs_body_new(int level)
{
    struct kvs_body *b = flux_alloc(sizeof(*b));

    b->level = level;
    return b;
}

struct kvs_body *kvs_body_copy(const struct kvs_body *b)
{
    struct kvs_body *n = flux_memdup(b, sizeof(*b));

    n->entries = flux_realloc(NULL, b->cap, sizeof(*b->entries));
    memcpy(n->entries, b->entries, b->count * sizeof(*b->entries));
    n->pool = flux_realloc(NULL, b->pool_cap, 1);
    memcpy(n->pool, b->pool, b->pool_len);
    for (int i = 0; i < n->count; i++)
        kvs_payload_ref(n->entries[i].kind, n->entries[i].p);
    return n;
}

void kvs_body_free(struct kvs_heap *heap, struct kvs_body *b)
{
    for (int i = 0; i < b->count; i++)
        kvs_payload_unref(heap, b->entries[i].kind, b->entries[i].p);
    free(b->entries);
    free(b->pool);
    free(b);
}

static size_t payload_size(const struct kvs_entry *e)
{
    if (!e->p)
        return 0;
    if (e->kind == KVS_INLINE || e->kind == KVS_SYMLINK)
        return sizeof(struct kvs_bytes) + ((struct kvs_bytes *)e->p)->len;
    return e->kind == KVS_LOG ? kvs_log_memory(e->p) : 0;
}

size_t kvs_body_size(const struct kvs_body *b)
{
    size_t size = sizeof(*b) + b->cap * sizeof(*b->entries) + b->pool_cap;

    for (int i = 0; i < b->count; i++)
        size += payload_size(&b->entries[i]);
    return size;
}

int kvs_name_cmp(const char *a, size_t alen, const char *b, size_t blen)
{
    int r = memcmp(a, b, alen < blen ? alen : blen);

    return r ? r : (alen > blen) - (alen < blen);
}

static int compare(const struct kvs_body *b, int i, const char *name, size_t len)
{
    const struct kvs_entry *e = &b->entries[i];

    return kvs_name_cmp(kvs_entry_name(b, e), e->namelen, name, len);
}

int kvs_body_search(const struct kvs_body *b, const char *name, size_t len, bool *found)
{
    int lo = 0, hi = b->count;

    *found = false;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        int r = compare(b, mid, name, len);

        if (r == 0) {
            *found = true;
            return mid;
        }
        if (r < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

int kvs_body_floor(const struct kvs_body *b, const char *name, size_t len)
{
    bool found;
    int i = kvs_body_search(b, name, len, &found);

    return found || i == 0 ? i : i - 1;
}

static size_t names_length(const struct kvs_body *b)
{
    size_t n = 0;

    for (int i = 0; i < b->count; i++)
        n += b->entries[i].namelen;
    return n;
}

/* Room for a name of `len` bytes: a new pool without holes if the old one is full. */
static uint32_t pool_add(struct kvs_body *b, const char *name, size_t len)
{
    uint32_t at;

    if (b->pool_len + len > b->pool_cap) {
        uint32_t cap = (names_length(b) + len) * 3 / 2 + 16;
        char *pool = flux_realloc(NULL, cap, 1);
        uint32_t used = 0;

        for (int i = 0; i < b->count; i++) {
            memcpy(pool + used, kvs_entry_name(b, &b->entries[i]), b->entries[i].namelen);
            b->entries[i].name = used;
            used += b->entries[i].namelen;
        }
        free(b->pool);
        b->pool = pool;
        b->pool_cap = cap;
        b->pool_len = used;
    }
    at = b->pool_len;
    if (len)
        memcpy(b->pool + at, name, len);
    b->pool_len += len;
    return at;
}

struct kvs_entry *kvs_body_insert(struct kvs_body *b, int i, const char *name, size_t len, int kind,
                                  void *p)
{
    uint32_t at = pool_add(b, name, len);

    if (b->count == b->cap) {
        b->cap = b->cap < 4 ? 4 : b->cap * 2;
        b->entries = flux_realloc(b->entries, b->cap, sizeof(*b->entries));
    }
    memmove(&b->entries[i + 1], &b->entries[i], (b->count - i) * sizeof(*b->entries));
    b->entries[i] = (struct kvs_entry){.name = at, .namelen = len, .kind = kind, .p = p};
    b->count++;
    return &b->entries[i];
}

void kvs_body_remove(struct kvs_body *b, int i)
{
    b->count--;
    memmove(&b->entries[i], &b->entries[i + 1], (b->count - i) * sizeof(*b->entries));
}

void kvs_body_move(struct kvs_body *b, int at, struct kvs_body *to)
{
    for (int i = at; i < b->count; i++) {
        struct kvs_entry *e = &b->entries[i];

        kvs_body_insert(to, to->count, kvs_entry_name(b, e), e->namelen, e->kind, e->p);
    }
    b->count = at;
}
