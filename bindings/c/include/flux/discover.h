// SPDX-License-Identifier: LGPL-3.0-only
/* What this node has. Cores come from sysfs and the process's affinity mask, which takes well under
 * a millisecond; hwloc is loaded only where there is a GPU device to count, or a topology file to
 * read. Core ids are logical: 0 to n-1 of the cores that may be used. */
#ifndef FLUX_DISCOVER_H
#define FLUX_DISCOVER_H

#include <flux/rset.h>

#pragma GCC visibility push(default)

struct flux_discovered {
    unsigned ncores, ngpus;
};

/* `restricted`: only cores that this process may run on. $FLUX_HWLOC_XMLFILE names a topology to
 * read instead. */
int flux_discover_node(bool restricted, struct flux_discovered *ret, struct flux_error *err);
/* What a topology file of hwloc (XML) tells of some node. */
int flux_discover_xml(const char *path, struct flux_discovered *ret, struct flux_error *err);
/* Below a root directory other than "/" (tests), with the CPUs of `allowed`. */
int flux_discover_cores(const char *root, const struct flux_idset *allowed, unsigned *ret,
                        struct flux_error *err);
/* As a node of a resource set. */
int flux_discovered_add(const struct flux_discovered *d, struct flux_rset *set, unsigned rank,
                        const char *host, struct flux_error *err);

/* The shared object that links with hwloc exports this: count in this machine (xml NULL) or in a
 * topology file. */
typedef int (*flux_hwloc_count_f)(const char *xml, unsigned *ncores, unsigned *ngpus,
                                  struct flux_error *err);
#define FLUX_HWLOC_SYMBOL "flux_resource_hwloc"

#pragma GCC visibility pop
#endif
