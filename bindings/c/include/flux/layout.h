// SPDX-License-Identifier: LGPL-3.0-only
/* Where a job's tasks go: from its jobspec and its R to a task map. Pure, so that whoever has the
 * two documents (shell, job-info, a plugin) gets the same answer. */
#ifndef FLUX_LAYOUT_H
#define FLUX_LAYOUT_H

#include <flux/hostlist.h>
#include <flux/jobspec.h>
#include <flux/rset.h>
#include <flux/taskmap.h>

#pragma GCC visibility push(default)

/* How many tasks each node of R runs, in the order of ranks: an array of flux_rset_nnodes()
 * numbers (caller frees). Nodes are filled by their share of slots; a total that is smaller than
 * the room is spread evenly, one that is larger is piled up evenly.
 * -EINVAL: the shell option per-resource is wrong, or there would be no task, or too many. */
int flux_layout_counts(const struct flux_jobspec *js, const struct flux_rset *r, unsigned **ret,
                       struct flux_error *err);

/* A task map from such counts. `scheme`: NULL or "block"; "cyclic" with an optional stride as
 * `value`; "manual" with a task map as `value`; "hostfile" with a hostlist as `value`, a host for
 * each task. -EINVAL: the value is wrong or places another number of tasks, or on other nodes;
 * -ENOENT: no such scheme, for the caller to know it or not. */
int flux_layout_map(const struct flux_rset *r, const unsigned *counts, const char *scheme,
                    const char *value, struct flux_taskmap **ret, struct flux_error *err);

/* Both, by the shell option taskmap = {scheme, value} of the jobspec. */
int flux_layout_taskmap(const struct flux_jobspec *js, const struct flux_rset *r,
                        struct flux_taskmap **ret, struct flux_error *err);

#pragma GCC visibility pop
#endif
