// SPDX-License-Identifier: LGPL-3.0-only
/* Inside of a resource set, for the files rset*.c alone. Invariants: nodes ascend by rank, each
 * with a host and contents that are not empty; properties name ranks of the set only. */
#ifndef FORMAT_RSET_H
#define FORMAT_RSET_H

#include <flux/rset.h>

/* What nodes hold: immutable once shared. */
struct rset_kids {
    unsigned refs;
    struct flux_idset *ids[FLUX_RSET_KINDS];
};

struct rset_node {
    unsigned rank;
    char *host;
    struct rset_kids *kids;
};

struct rset_property {
    char *name;
    struct flux_idset *ranks;
};

struct flux_rset {
    struct rset_node *nodes;
    size_t count, room;
    struct rset_property *properties;
    size_t nproperties;
    double starttime, expiration;
    int nslots;
    json_t *extra; /* top-level keys beside version and execution; NULL: none */
};

extern const char *const rset_kind_names[FLUX_RSET_KINDS];

/* Takes over the sets; NULL: an empty one. */
struct rset_kids *rset_kids_new(struct flux_idset *cores, struct flux_idset *gpus);
struct rset_kids *rset_kids_ref(struct rset_kids *kids);
void rset_kids_unref(struct rset_kids *kids);
bool rset_kids_empty(const struct rset_kids *kids);

/* Append without keeping order: rset_settle() sorts and merges. Takes a reference of `kids`; the
 * host may be NULL until then. */
void rset_push(struct flux_rset *r, unsigned rank, const char *host, struct rset_kids *kids);
int rset_settle(struct flux_rset *r, struct flux_error *err);
/* Take over properties, times and the rest of `from`, for the ranks that `r` has. */
void rset_inherit(struct flux_rset *r, const struct flux_rset *from);
bool rset_property_valid(const char *name);

#endif
