// SPDX-License-Identifier: LGPL-3.0-only
/* Where the resource set of the instance comes from: configuration, the enclosing instance, or
 * discovery. Every rank comes to the same answer by itself. */
#ifndef RESOURCE_INVENTORY_H
#define RESOURCE_INVENTORY_H

#include <flux/handle.h>
#include <flux/rset.h>

enum inventory_method { INVENTORY_CONFIG, INVENTORY_FAKE, INVENTORY_JOB, INVENTORY_DISCOVERY };

struct inventory {
    enum inventory_method method;
    struct flux_rset *all; /* NULL with INVENTORY_DISCOVERY */
    bool verify;           /* compare each node with what it has */
    struct flux_rset_rules rules;
    bool restricted; /* discovery keeps to the CPUs of the broker */
};

/* What the broker and its configuration say. */
struct inventory_input {
    const json_t *conf;   /* whole configuration; NULL: empty */
    const char *hostlist; /* of the brokers, by rank; NULL: not known */
    const char *job_r;    /* R of the enclosing job: JSON, or the path of a file; NULL: none */
    unsigned size;
};

/* -EINVAL, -ENOENT...: `err` names the key. */
int inventory_find(const struct inventory_input *in, struct inventory *ret, struct flux_error *err);
void inventory_done(struct inventory *inv);

/* Ranks of "0-3" or "host[1-2]" in a set. -EINVAL: neither; -ENOENT: not in the set. */
int inventory_targets(const struct flux_rset *all, const char *targets, struct flux_idset **ret,
                      struct flux_error *err);
/* resource.exclude of the configuration; an empty set if there is none. */
int inventory_exclude(const json_t *conf, const struct flux_rset *all, struct flux_idset **ret,
                      struct flux_error *err);

#endif
