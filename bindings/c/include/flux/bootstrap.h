// SPDX-License-Identifier: LGPL-3.0-only
/* The [bootstrap] table: which hosts an instance has, in rank order, and how they reach each other.
 * Library flux-config. */
#ifndef FLUX_BOOTSTRAP_H
#define FLUX_BOOTSTRAP_H

#include <jansson.h>

#include <flux/base.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define FLUX_BOOTSTRAP_WHERE 64
#define FLUX_BOOTSTRAP_NONE UINT32_MAX

struct flux_bootstrap;

/* Read the table (it must outlive the result; NULL: no hosts). -EINVAL when a parent is no host of
 * the list, or parents make a loop; `where` then is the path of the value at fault
 * ("bootstrap.hosts.2.parent"). */
int flux_bootstrap_new(const json_t *table, struct flux_bootstrap **ret,
                       char where[FLUX_BOOTSTRAP_WHERE], struct flux_error *err);
void flux_bootstrap_free(struct flux_bootstrap *bs);
#ifndef __cplusplus
FLUX_DEFINE_AUTO(bootstrap);
#endif

uint32_t flux_bootstrap_size(const struct flux_bootstrap *bs);
/* Ranks given below must be < size. */
const char *flux_bootstrap_host(const struct flux_bootstrap *bs, uint32_t rank);
/* The rank of a host, by its name or by the part before the first dot; FLUX_BOOTSTRAP_NONE. */
uint32_t flux_bootstrap_rank(const struct flux_bootstrap *bs, const char *host);
/* The parent of each rank (0 for rank 0). */
const uint32_t *flux_bootstrap_parents(const struct flux_bootstrap *bs);
/* All names as a hostlist; caller frees. */
char *flux_bootstrap_hostlist(const struct flux_bootstrap *bs);
/* The same for two lists of the same names in the same order, and never 0. */
uint64_t flux_bootstrap_digest(const struct flux_bootstrap *bs);

/* The endpoint that a rank listens on, and the one it is reached by, %h and %p replaced. Caller
 * frees. -EINVAL when neither the host nor the table says. */
int flux_bootstrap_bind(const struct flux_bootstrap *bs, uint32_t rank, char **ret,
                        struct flux_error *err);
int flux_bootstrap_connect(const struct flux_bootstrap *bs, uint32_t rank, char **ret,
                           struct flux_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
