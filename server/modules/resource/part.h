// SPDX-License-Identifier: LGPL-3.0-only
/* For the list of modules: services Resource (rank 0) and ResourceDiscovery, at every rank. */
#ifndef RESOURCE_PART_H
#define RESOURCE_PART_H

#include <flux/module.h>

extern const struct flux_part resource_part;

#endif
