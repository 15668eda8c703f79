// SPDX-License-Identifier: LGPL-3.0-only
/* What the task map files share. Invariant: every number of a block is at least 1 (nodeid: 0), and
 * `ntasks`, the tasks of all blocks, is at most FLUX_TASKMAP_MAX. */
#ifndef FORMAT_TASKMAP_H
#define FORMAT_TASKMAP_H

#include <flux/taskmap.h>

struct block {
    unsigned nodeid, nnodes, ppn, repeat;
};

struct flux_taskmap {
    struct block *blocks;
    size_t len, cap;
    unsigned ntasks, nnodes;
};

#endif
