// SPDX-License-Identifier: LGPL-3.0-only
/* Keys and values of one job on one node. A key is on the dirty list at most once. */
#include "kvs.h"

#include <flux/pmi.h>

#include <uthash.h>

struct pmi_entry {
    UT_hash_handle hh;
    struct pmi_entry *next_dirty;
    bool dirty;
    size_t value_len;
    char *value;
    char key[];
};

static struct pmi_entry *find(const struct pmi_kvs *kvs, struct pmi_word key)
{
    struct pmi_entry *e;

    HASH_FIND(hh, kvs->table, key.s, key.len, e);
    return e;
}

static bool valid(struct pmi_word key, struct pmi_word value)
{
    if (!key.s || !key.len || key.len >= FLUX_PMI_KEY_MAX || memchr(key.s, '\0', key.len) ||
        memchr(key.s, ' ', key.len))
        return false;
    return value.s && value.len < FLUX_PMI_VALUE_MAX && !memchr(value.s, '\0', value.len) &&
           !memchr(value.s, '\n', value.len);
}

static struct pmi_entry *entry_new(struct pmi_kvs *kvs, struct pmi_word key)
{
    struct pmi_entry *e = flux_alloc(sizeof(*e) + key.len + 1);

    memcpy(e->key, key.s, key.len);
    kvs->bytes += key.len + sizeof(*e);
    HASH_ADD(hh, kvs->table, key[0], key.len, e);
    return e;
}

static bool node_scope(struct pmi_word key)
{
    size_t n = sizeof(FLUX_PMI_LOCAL_PREFIX) - 1;

    return key.len >= n && !memcmp(key.s, FLUX_PMI_LOCAL_PREFIX, n);
}

int pmi_kvs_put(struct pmi_kvs *kvs, struct pmi_word key, struct pmi_word value, bool dirty)
{
    struct pmi_entry *e;

    if (!valid(key, value))
        return -EINVAL;
    e = find(kvs, key);
    if (kvs->bytes + value.len + (e ? 0 : key.len + sizeof(*e)) > kvs->max_bytes)
        return -ENOSPC;
    if (!e)
        e = entry_new(kvs, key);
    kvs->bytes += value.len - e->value_len;
    free(e->value);
    e->value = flux_strndup(value.s, value.len);
    e->value_len = value.len;
    if (dirty && !e->dirty && !node_scope(key)) {
        e->dirty = true;
        e->next_dirty = kvs->dirty;
        kvs->dirty = e;
    }
    return 0;
}

const char *pmi_kvs_get(const struct pmi_kvs *kvs, struct pmi_word key)
{
    struct pmi_entry *e = key.s ? find(kvs, key) : NULL;

    return e ? e->value : NULL;
}

int pmi_kvs_take_dirty(struct pmi_kvs *kvs, struct flux_buf *out)
{
    struct pmi_entry *e = kvs->dirty;

    kvs->dirty = NULL;
    while (e) {
        struct pmi_entry *next = e->next_dirty;
        int r;

        e->dirty = false;
        e->next_dirty = NULL;
        r = flux_buf_add(out, e->key, strlen(e->key) + 1);
        if (r < 0 || (r = flux_buf_add(out, e->value, e->value_len + 1)) < 0)
            return r;
        e = next;
    }
    return 0;
}

void pmi_kvs_done(struct pmi_kvs *kvs)
{
    struct pmi_entry *e, *tmp;

    HASH_ITER (hh, kvs->table, e, tmp) {
        HASH_DEL(kvs->table, e);
        free(e->value);
        free(e);
    }
    kvs->dirty = NULL;
}
