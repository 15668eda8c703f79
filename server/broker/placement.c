// SPDX-License-Identifier: LGPL-3.0-only
/* Which parts share a thread, and in which order modules start. */
#include "modhost.h"

#define PARTS(...) ((const struct flux_part *const[]){__VA_ARGS__, NULL})

extern const struct flux_part exec_part;
extern const struct flux_part job_exec_part;
extern const struct flux_part job_info_part;
extern const struct flux_part job_ingest_part;
extern const struct flux_part job_io_part;
extern const struct flux_part job_list_part;
extern const struct flux_part job_manager_part;
extern const struct flux_part kvs_part;
extern const struct flux_part resource_part;
extern const struct flux_part sched_simple_part;

const struct placement placements[] = {
    {"exec", PARTS(&exec_part), .store = true},
    {"kvs", PARTS(&kvs_part), .store = true},
    {"resource", PARTS(&resource_part)},
    {"sched-simple", PARTS(&sched_simple_part), .leader_only = true},
    {"job",
     PARTS(&job_exec_part, &job_manager_part, &job_info_part, &job_list_part, &job_ingest_part),
     .leader_only = true},
    {"job-io", PARTS(&job_io_part), .leader_only = true},
    {0},
};
