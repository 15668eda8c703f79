// SPDX-License-Identifier: LGPL-3.0-only
/* For the list of modules: the FIFO scheduler, service Sched, at rank 0. */
#ifndef SCHED_PART_H
#define SCHED_PART_H

#include <flux/module.h>

extern const struct flux_part sched_simple_part;

#endif
