// SPDX-License-Identifier: LGPL-3.0-only
/* The processing units of this node's cores, for binding. Read from /sys, without loading a
 * topology; logical core numbers are those of hwloc. */
#ifndef FLUX_CPUS_H
#define FLUX_CPUS_H

#include <sched.h>

#include <flux/base.h>

#pragma GCC visibility push(default)

struct flux_cpus;

/* `given`: what flux_cpus_encode() wrote earlier on this node, to read nothing again; NULL or "":
 * look. NULL with a text if that fails. */
struct flux_cpus *flux_cpus_read(const char *given, struct flux_error *err);
void flux_cpus_free(struct flux_cpus *c);
FLUX_DEFINE_AUTO(cpus);
/* The units of each core in order, as "0,64;1,65"; caller frees. */
char *flux_cpus_encode(const struct flux_cpus *c);
unsigned flux_cpus_ncores(const struct flux_cpus *c);
/* Add the units of a "core", or of a domain: "pu", "numa", "package". -ENOENT: there is none. */
int flux_cpus_add(struct flux_cpus *c, const char *type, unsigned index, cpu_set_t *set);

/* Whether `ncores` is all that the node has, by the cheapest look. */
bool flux_cpus_whole_node(unsigned ncores);

#pragma GCC visibility pop
#endif
