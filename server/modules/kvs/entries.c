// SPDX-License-Identifier: LGPL-3.0-only
/* Engine entries as messages: names and targets are copies, freed with the list. */
#include "entries.h"

flux_kvs_type kvs_message_type(enum kvs_kind kind)
{
    switch (kind) {
    case KVS_DIR:
        return FLUX_KVS_TYPE_DIR;
    case KVS_SYMLINK:
        return FLUX_KVS_TYPE_SYMLINK;
    case KVS_LOG:
        return FLUX_KVS_TYPE_LOG;
    default:
        return FLUX_KVS_TYPE_VALUE;
    }
}

int kvs_entries_add(void *arg, const char *name, size_t len, const struct kvs_entry *e)
{
    struct kvs_entry_list *ls = arg;
    size_t linklen = e->kind == KVS_SYMLINK ? ((struct kvs_bytes *)e->p)->len + 1 : 0;
    flux_kvs_entry *entry = flux_alloc(sizeof(*entry) + len + 1 + linklen);
    char *copy = (char *)(entry + 1);

    *entry = (flux_kvs_entry)FLUX_KVS_ENTRY_INIT;
    memcpy(copy, name, len);
    entry->name = copy;
    entry->type = kvs_message_type(e->kind);
    if (linklen)
        entry->target = memcpy(copy + len + 1, ((struct kvs_bytes *)e->p)->data, linklen);
    if (ls->count == ls->cap) {
        ls->cap = ls->cap ? ls->cap * 2 : 16;
        ls->list = flux_realloc(ls->list, ls->cap, sizeof(*ls->list));
    }
    ls->list[ls->count++] = entry;
    return 0;
}

void kvs_entries_done(struct kvs_entry_list *ls)
{
    for (size_t i = 0; i < ls->count; i++)
        free(ls->list[i]);
    free(ls->list);
}
