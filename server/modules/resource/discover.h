// SPDX-License-Identifier: LGPL-3.0-only
/* What this node has. Cores come from sysfs and the process's affinity mask, which takes well under
 * a millisecond; hwloc is loaded only where there is a GPU device to count, or a topology file to
 * read. Core ids are logical: 0 to n-1 of the cores that may be used. */
#ifndef RESOURCE_DISCOVER_H
#define RESOURCE_DISCOVER_H

#include <flux/rset.h>

struct discovered {
    unsigned ncores, ngpus;
};

/* `restricted`: only cores that this process may run on. $FLUX_HWLOC_XMLFILE names a topology to
 * read instead. */
int discover_node(bool restricted, struct discovered *ret, struct flux_error *err);
/* Below a root directory other than "/" (tests), with the CPUs of `allowed`. */
int discover_cores(const char *root, const struct flux_idset *allowed, unsigned *ret,
                   struct flux_error *err);
/* As a resource set of one node. */
struct flux_rset *discover_rset(const struct discovered *d, unsigned rank, const char *host);

/* The shared object that links with hwloc exports this: count in this machine (xml NULL) or in a
 * topology file. */
typedef int (*resource_hwloc_f)(const char *xml, unsigned *ncores, unsigned *ngpus,
                                struct flux_error *err);
#define RESOURCE_HWLOC_SYMBOL "flux_resource_hwloc"

#endif
