// SPDX-License-Identifier: LGPL-3.0-only
/* Engine entries as messages. */
#ifndef MODULES_KVS_ENTRIES_H
#define MODULES_KVS_ENTRIES_H

#include <flux/v1/kvs.h>

#include "kvs.h"

struct kvs_entry_list {
    flux_kvs_entry **list;
    size_t count, cap;
};

flux_kvs_type kvs_message_type(enum kvs_kind kind);
/* A callback for kvs_result_list(); arg is the list. */
int kvs_entries_add(void *arg, const char *name, size_t len, const struct kvs_entry *e);
void kvs_entries_done(struct kvs_entry_list *ls);

#endif
