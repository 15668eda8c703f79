// SPDX-License-Identifier: LGPL-3.0-only
/* What the check and the repair share. */
#ifndef MODULES_KVS_CHECK_PRIVATE_H
#define MODULES_KVS_CHECK_PRIVATE_H

#include "engine.h"
#include "check.h"

struct id_set {
    uint64_t id;
    UT_hash_handle hh;
};

struct checker {
    struct kvs *k;
    struct kvs_check *c;
    const char *ns;
    bool in_log;   /* below a log: its chunks are no entries of a directory */
    bool log_told; /* that this log is damaged */
    struct flux_buf path;
    uint64_t *above; /* nodes from the root to here */
    size_t depth, room;
    struct id_set *bad; /* what cannot be read */
    struct id_set *way; /* nodes that lead there */
};

bool check_is_bad(const struct checker *x, const struct kvs_object *o);
bool check_leads_there(const struct checker *x, const struct kvs_object *o);
int check_repair(struct checker *x, struct flux_error *err);

#endif
