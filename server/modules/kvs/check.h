// SPDX-License-Identifier: LGPL-3.0-only
/* Looking through all that a tree leads to, and cutting off what cannot be read. */
#ifndef MODULES_KVS_CHECK_H
#define MODULES_KVS_CHECK_H

#include "kvs.h"

/* What was found to be damaged. */
struct kvs_damage {
    const char *ns, *key; /* of the directory, when `entries` */
    const char *what;     /* "directory", "entries", "value", "log" */
    const char *from; /* entries: the first name of those lost; they end at `to` ("" = the end) */
    const char *to;
    const char *text; /* why it cannot be read */
    struct store_ref ref;
};

struct kvs_check {
    const char *rootref; /* look at this snapshot; NULL = all namespaces as they are */
    bool values;         /* verify values and logs, too, not only the structure */
    bool repair;         /* move what is damaged to lost+found (not with rootref) */
    void (*damage)(void *arg, const struct kvs_damage *d); /* may be NULL */
    void *arg;
    /* Filled in. */
    uint64_t directories, nodes, values_seen, bytes, damaged, repaired;
};

/* 0: done, c->damaged tells. Negative: it could not be done. Nothing may be under way
 * (kvs_group_take() without end); what is repaired becomes durable with the checkpoint that is
 * begun. */
int kvs_check_run(struct kvs *k, struct kvs_check *c, struct flux_error *err);

#endif
