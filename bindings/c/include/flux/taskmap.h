// SPDX-License-Identifier: LGPL-3.0-only
/* Task map (RFC 34): which node (0..n-1 of the job) runs which task. */
#ifndef FLUX_TASKMAP_H
#define FLUX_TASKMAP_H

#include <flux/base.h>
#include <flux/idset.h>

#pragma GCC visibility push(default)

#define FLUX_TASKMAP_MAX (1u << 22) /* most tasks, and highest node id plus one */

enum flux_taskmap_form {
    FLUX_TASKMAP_JSON,      /* [[0,4,2,1]] */
    FLUX_TASKMAP_WRAPPED,   /* {"version":1,"map":[[0,4,2,1]]} */
    FLUX_TASKMAP_RAW,       /* 0-1;2-3: the tasks of each node */
    FLUX_TASKMAP_PMI,       /* (vector,(0,4,2)): PMI_process_mapping of RFC 13 */
    FLUX_TASKMAP_MULTILINE, /* a line "TASK: NODE" for each task */
};

struct flux_taskmap;

/* The unknown map: no tasks. */
struct flux_taskmap *flux_taskmap_new(void);
void flux_taskmap_free(struct flux_taskmap *map);
FLUX_DEFINE_AUTO(taskmap);

/* `repeat` times: ppn tasks on each of nnodes nodes from nodeid on. 0, -EINVAL, or -E2BIG. */
int flux_taskmap_append(struct flux_taskmap *map, unsigned nodeid, unsigned nnodes, unsigned ppn,
                        unsigned repeat);
/* Append `n` tasks, each with its node, in the most compact form: 0, -EINVAL, or -E2BIG. */
int flux_taskmap_append_tasks(struct flux_taskmap *map, const unsigned *node, size_t n);

/* Any form but multiline, told apart by the first character; "" is the unknown map.
 * 0 or -EINVAL; *ret is written on success only. */
int flux_taskmap_decode(const char *s, struct flux_taskmap **ret, struct flux_error *err);
/* Caller frees; NULL when the text would be longer than 64 MiB. */
char *flux_taskmap_encode(const struct flux_taskmap *map, enum flux_taskmap_form form);

bool flux_taskmap_unknown(const struct flux_taskmap *map);
unsigned flux_taskmap_ntasks(const struct flux_taskmap *map);
unsigned flux_taskmap_nnodes(const struct flux_taskmap *map); /* highest node id plus one */
/* Node of a task, or -ENOENT. */
int flux_taskmap_node(const struct flux_taskmap *map, unsigned task);
/* Tasks of a node (a new set, empty if there are none), and how many. */
struct flux_idset *flux_taskmap_tasks(const struct flux_taskmap *map, unsigned node);
unsigned flux_taskmap_ntasks_on(const struct flux_taskmap *map, unsigned node);
bool flux_taskmap_equal(const struct flux_taskmap *a, const struct flux_taskmap *b);

#pragma GCC visibility pop
#endif
