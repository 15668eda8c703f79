// SPDX-License-Identifier: LGPL-3.0-only
/* The scheduler without its messages: jobs that wait, jobs that hold, and the pass that turns the
 * former into the latter. Jobs with the same constraint form a line, in order of priority; a line
 * whose first job does not fit now keeps its nodes from all that come after it (strict FIFO among
 * jobs that could use the same nodes; none between jobs that could not). */
#ifndef SCHED_SCHEDULER_H
#define SCHED_SCHEDULER_H

#include <uthash.h>

#include "heap.h"
#include "pool.h"

/* Jobs with the same constraint. */
struct line {
    struct heap_item item; /* in sched.lines, while it has jobs and is not blocked */
    struct heap jobs;
    struct pool_mask *mask; /* a reference */
};

struct sched_job {
    struct heap_item item; /* in its line, while it waits */
    uint64_t id;
    uint32_t priority;
    double t_submit;
    double duration; /* seconds; 0: none */
    struct pool_request rq;
    struct flux_count *flexible; /* owned; rq points to it */
    struct line *line;           /* NULL once granted */
    struct pool_alloc *alloc;    /* NULL until then */
    UT_hash_handle hh;
};

struct sched {
    struct pool *pool; /* NULL until the inventory is known */
    struct sched_job *jobs;
    struct heap lines;
    struct pool_reserve *reserved;
    struct pool_mask *everything;
    double expiration; /* of the instance; 0: none */
    unsigned pending;
    /* A grant: what it holds as R, or why it never will (r is NULL then). Strings are the
     * callee's. */
    void (*grant)(struct sched *s, uint64_t id, char *r, char *summary, char *denied);
    void *arg;
};

void sched_init(struct sched *s);
void sched_done(struct sched *s);

/* Take over the inventory; the first time, or a new one (jobs keep what is still there). */
void sched_set_inventory(struct sched *s, const struct flux_rset *all);
/* Drop all jobs, those that wait and those that hold. */
void sched_clear(struct sched *s);

/* The pool must be known for all of these. */

/* A job that waits. A request that can never be served is denied at once. -EEXIST; -EINVAL: not a
 * jobspec. */
int sched_enqueue(struct sched *s, uint64_t id, uint32_t priority, double t_submit,
                  const char *jobspec, struct flux_error *err);
/* A job that holds `r` already. -ENOENT, -EBUSY: its resources are not there. */
int sched_hold(struct sched *s, uint64_t id, const char *r, struct flux_error *err);
/* Forget a job that waits; false: it does not. */
bool sched_cancel(struct sched *s, uint64_t id);
/* All of it (ranks NULL) or what it has on these ranks. -ENOENT. */
int sched_free(struct sched *s, uint64_t id, const struct flux_idset *ranks);
bool sched_prioritize(struct sched *s, uint64_t id, uint32_t priority);
bool sched_knows(struct sched *s, uint64_t id);
int sched_feasible(struct sched *s, const char *jobspec, struct flux_error *err);
/* Grant what fits now; `now` is the wall clock. */
void sched_pass(struct sched *s, double now);

#endif
