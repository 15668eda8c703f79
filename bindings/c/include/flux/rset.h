// SPDX-License-Identifier: LGPL-3.0-only
/* Resource sets: R version 1 (RFC 20). Nodes with equal contents share them, so that a set of 4,096
 * nodes costs little more than their names. A set is a value: functions that make a new one leave
 * their arguments as they were. */
#ifndef FLUX_RSET_H
#define FLUX_RSET_H

#include <jansson.h>

#include <flux/base.h>
#include <flux/constraint.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#pragma GCC visibility push(default)

#define FLUX_RSET_NODES_MAX (1u << 18) /* nodes in a set, and largest rank + 1 */
#define FLUX_RSET_ID_MAX 65535u        /* largest core or gpu id */

enum flux_rset_kind { FLUX_RSET_CORE, FLUX_RSET_GPU, FLUX_RSET_KINDS };

struct flux_rset;

struct flux_rset *flux_rset_new(void);
struct flux_rset *flux_rset_copy(const struct flux_rset *r);
void flux_rset_free(struct flux_rset *r);
FLUX_DEFINE_AUTO(rset);

/* -EPROTO: not R version 1; `err` names the key. starttime and expiration may be absent (0). Keys
 * beside version and execution (scheduling, attributes) are kept and written back. */
int flux_rset_decode(const char *text, struct flux_rset **ret, struct flux_error *err);
int flux_rset_from_json(const json_t *o, struct flux_rset **ret, struct flux_error *err);
/* Compact JSON text; caller frees. */
char *flux_rset_encode(const struct flux_rset *r);

/* From the array resource.config of a configuration: ranks are given in the order in which hosts
 * are named, and what several entries say of a host adds up. -EINVAL: `err` names the key. */
int flux_rset_from_config(const json_t *entries, struct flux_rset **ret, struct flux_error *err);

/* Add a node. Sets are copied; NULL: none. -EEXIST: the rank is there already; -EINVAL: a bound. */
int flux_rset_add(struct flux_rset *r, unsigned rank, const char *host,
                  const struct flux_idset *cores, const struct flux_idset *gpus,
                  struct flux_error *err);
/* Add a group of nodes with equal contents: hosts in the order of the ranks; gpus may be NULL. */
int flux_rset_add_group(struct flux_rset *r, const char *ranks, const char *hosts,
                        const char *cores, const char *gpus, struct flux_error *err);

/* ---- looking at it */

struct flux_rset_node {
    unsigned rank;
    const char *host;
    const struct flux_idset *ids[FLUX_RSET_KINDS]; /* never NULL */
};
size_t flux_rset_nnodes(const struct flux_rset *r);
size_t flux_rset_count(const struct flux_rset *r, enum flux_rset_kind kind);
static inline size_t flux_rset_ncores(const struct flux_rset *r)
{
    return flux_rset_count(r, FLUX_RSET_CORE);
}
static inline size_t flux_rset_ngpus(const struct flux_rset *r)
{
    return flux_rset_count(r, FLUX_RSET_GPU);
}
/* The i-th node in the order of ranks; everything in it is borrowed. False: no such node. */
bool flux_rset_node(const struct flux_rset *r, size_t i, struct flux_rset_node *ret);
/* Position of a rank, or -ENOENT. */
ssize_t flux_rset_find(const struct flux_rset *r, unsigned rank);
struct flux_idset *flux_rset_ranks(const struct flux_rset *r);
struct flux_hostlist *flux_rset_hosts(const struct flux_rset *r); /* in the order of ranks */
char *flux_rset_nodelist(const struct flux_rset *r);              /* its text; caller frees */
char *flux_rset_summary(const struct flux_rset *r);               /* "rank[0-3]/core[0-3],gpu0" */
/* Ranks of the hosts named; -ENOENT: err names one that is not in the set. */
int flux_rset_host_ranks(const struct flux_rset *r, const struct flux_hostlist *hosts,
                         struct flux_idset **ret, struct flux_error *err);
/* Ranks that match a constraint (RFC 31). */
struct flux_idset *flux_rset_match(const struct flux_rset *r, const struct flux_constraint *c);

double flux_rset_starttime(const struct flux_rset *r); /* seconds since the epoch; 0: unset */
double flux_rset_expiration(const struct flux_rset *r);
void flux_rset_set_times(struct flux_rset *r, double starttime, double expiration);
int flux_rset_nslots(const struct flux_rset *r); /* 0: not told */
void flux_rset_set_nslots(struct flux_rset *r, int nslots);
/* The key `scheduling` (borrowed), or NULL; set takes a reference, NULL removes. */
json_t *flux_rset_scheduling(const struct flux_rset *r);
void flux_rset_set_scheduling(struct flux_rset *r, json_t *scheduling);

/* ---- properties */

/* Add `name` to these ranks (NULL: all). -EINVAL: not a property name; -ENOENT: unknown rank. */
int flux_rset_set_property(struct flux_rset *r, const char *name, const struct flux_idset *ranks,
                           struct flux_error *err);
bool flux_rset_has_property(const struct flux_rset *r, unsigned rank, const char *name);
/* The i-th property's name, and its ranks (borrowed); NULL: no more. */
const char *flux_rset_property(const struct flux_rset *r, size_t i,
                               const struct flux_idset **ranks);
/* Properties "+name" are the instance's own (RFC 20): take them off before R is handed on. */
void flux_rset_drop_local_properties(struct flux_rset *r);

/* ---- algebra: new sets. Properties follow the ranks; times and the rest come from `a`. -EINVAL: a
 * rank has different hosts in a and b. */
int flux_rset_union(const struct flux_rset *a, const struct flux_rset *b, struct flux_rset **ret,
                    struct flux_error *err);
/* Union that refuses what is in both with -EEXIST. */
int flux_rset_append(const struct flux_rset *a, const struct flux_rset *b, struct flux_rset **ret,
                     struct flux_error *err);
struct flux_rset *flux_rset_diff(const struct flux_rset *a, const struct flux_rset *b);
struct flux_rset *flux_rset_intersect(const struct flux_rset *a, const struct flux_rset *b);
struct flux_rset *flux_rset_copy_ranks(const struct flux_rset *r, const struct flux_idset *ranks);

/* Renumber ranks from 0 in their order, and each node's cores from 0 (gpus keep their ids: those
 * are the device's own). */
void flux_rset_remap(struct flux_rset *r);
/* A node's new rank is its host's place in `hosts`. -EINVAL: another number of hosts than nodes;
 * -ENOENT: a host of the set is not in `hosts`. */
int flux_rset_rerank(struct flux_rset *r, const struct flux_hostlist *hosts,
                     struct flux_error *err);
/* The same with `hosts` naming more than the set has: the others have no rank in it. */
int flux_rset_rerank_within(struct flux_rset *r, const struct flux_hostlist *hosts,
                            struct flux_error *err);

/* ---- verification */

enum flux_rset_check { /* what may differ from the expected */
                       FLUX_RSET_STRICT,
                       FLUX_RSET_ALLOW_EXTRA,
                       FLUX_RSET_ALLOW_MISSING,
                       FLUX_RSET_IGNORE,
};
struct flux_rset_rules {
    enum flux_rset_check hostname; /* strict or ignore */
    enum flux_rset_check ids[FLUX_RSET_KINDS];
};
/* Each rank of `actual` against `expected`: 0, or -EINVAL and a text like
 * "rank 3 (fluke3): missing resources: core[4-7],gpu0". */
int flux_rset_verify(const struct flux_rset *expected, const struct flux_rset *actual,
                     const struct flux_rset_rules *rules, struct flux_error *err);

#pragma GCC visibility pop
#endif
