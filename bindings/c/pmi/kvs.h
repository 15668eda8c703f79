// SPDX-License-Identifier: LGPL-3.0-only
/* The key space of one PMI server: a hash table, and the list of keys put since the last exchange.
 * Bounded by max_bytes. */
#ifndef PMI_KVS_H
#define PMI_KVS_H

#include <flux/base.h>
#include <flux/buf.h>
#include "wire.h"

struct pmi_kvs {
    struct pmi_entry *table; /* by key */
    struct pmi_entry *dirty; /* singly linked, newest first */
    size_t bytes, max_bytes;
};

/* Put a key. `dirty`: it is to be exchanged, unless its name says node scope.
 * 0, -EINVAL (name or value too long, empty name, NUL inside), -ENOSPC. */
int pmi_kvs_put(struct pmi_kvs *kvs, struct pmi_word key, struct pmi_word value, bool dirty);
const char *pmi_kvs_get(const struct pmi_kvs *kvs, struct pmi_word key);
int pmi_kvs_take_dirty(struct pmi_kvs *kvs, struct flux_buf *out);
void pmi_kvs_done(struct pmi_kvs *kvs);

#endif
