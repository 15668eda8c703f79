// SPDX-License-Identifier: LGPL-3.0-only
/* Names of the job model (RFC 16, 21, 30), spelled here once: states, results, urgencies, flags,
 * and where a job's records are in the KVS. */
#ifndef FLUX_JOB_H
#define FLUX_JOB_H

#include <flux/base.h>

#pragma GCC visibility push(default)

/* States as bits, so that sets of them are masks (JobList, JobManagerSelect). */
enum flux_job_state {
    FLUX_JOB_NEW = 1,
    FLUX_JOB_DEPEND = 2,
    FLUX_JOB_PRIORITY = 4,
    FLUX_JOB_SCHED = 8,
    FLUX_JOB_RUN = 16,
    FLUX_JOB_CLEANUP = 32,
    FLUX_JOB_INACTIVE = 64,
    FLUX_JOB_PENDING = FLUX_JOB_DEPEND | FLUX_JOB_PRIORITY | FLUX_JOB_SCHED,
    FLUX_JOB_RUNNING = FLUX_JOB_RUN | FLUX_JOB_CLEANUP,
    FLUX_JOB_ACTIVE = FLUX_JOB_PENDING | FLUX_JOB_RUNNING,
};

enum flux_job_result {
    FLUX_JOB_COMPLETED = 1,
    FLUX_JOB_FAILED = 2,
    FLUX_JOB_CANCELED = 4,
    FLUX_JOB_TIMEOUT = 8,
};

enum { FLUX_JOB_FLAG_DEBUG = 1, FLUX_JOB_FLAG_WAITABLE = 2, FLUX_JOB_FLAG_NOVALIDATE = 4 };

enum {
    FLUX_JOB_URGENCY_HOLD = 0,
    FLUX_JOB_URGENCY_DEFAULT = 16,
    FLUX_JOB_URGENCY_EXPEDITE = 31,
    FLUX_JOB_URGENCY_MAX = 31,
};
#define FLUX_JOB_PRIORITY_MAX UINT32_MAX

/* "SCHED", "S"; "INACTIVE", "I". */
const char *flux_job_state_name(enum flux_job_state state);
const char *flux_job_state_letter(enum flux_job_state state);
/* "COMPLETED", "CD". */
const char *flux_job_result_name(enum flux_job_result result);
const char *flux_job_result_abbrev(enum flux_job_result result);
/* A state or a set of them ("sched", "S", "pending", "active", ...; any case) to its mask, or
 * -EINVAL. */
int flux_job_state_parse(const char *name);
int flux_job_result_parse(const char *name);

/* KVS keys of the job services beside the jobs' own: a directory with a key for each active job,
 * the largest id given out, the epoch of ids (seconds), and the state of the queues (JSON). */
#define FLUX_JOBS_KEY_ACTIVE "job-active"
#define FLUX_JOBS_KEY_DAMAGED "job-damaged" /* by id: why a job could not be taken over */
#define FLUX_JOBS_KEY_MAX_ID "job-max-id"
#define FLUX_JOBS_KEY_EPOCH "job-epoch"
#define FLUX_JOBS_KEY_QUEUES "job-queues"

#define FLUX_JOB_KEY_MAX 96
/* The KVS key of a record of a job: "job.0017.e9fb.8df1.6c2e.eventlog"; its directory if name is
 * NULL. */
const char *flux_job_key(char buf[FLUX_JOB_KEY_MAX], uint64_t id, const char *name);
/* The name of the namespace that the tasks of a job use, FLUX_KVS_NAMESPACE: of its id as an
 * unsigned long long. */
#define FLUX_JOB_NAMESPACE "job-%llu"
/* The job whose namespace has this name; 0: none. */
uint64_t flux_job_namespace_id(const char *name);

#pragma GCC visibility pop
#endif
