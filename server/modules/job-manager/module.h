// SPDX-License-Identifier: LGPL-3.0-only
/* The handlers of service JobManager, and what only they share. */
#ifndef JOB_MANAGER_MODULE_H
#define JOB_MANAGER_MODULE_H

#include "manager.h"

extern const struct flux_part job_manager_part;

FLUX_JOB_MANAGER_HANDLERS(job_manager);

/* depend.c: RFC 26 dependencies. */
int dependency_check(struct manager *mgr, struct job *job, struct flux_error *err);
void dependency_add_all(struct manager *mgr, struct job *job);
/* Timers, after a restart. */
void dependency_resume(struct manager *mgr, struct job *job);
/* `job` has an event that others may wait for: started, or become inactive. */
void dependency_note(struct manager *mgr, struct job *job, const char *event);

void dependency_forget_outcomes(struct manager *mgr);

/* select.c: jobs that a request means, checked against who asks: an active one, or NULL and *r
 * (EPERM with the text `denied`); or many, as ids (caller frees). */
struct job *select_job(struct flux_call *call, uint64_t id, const char *denied, int *r);
/* -ENOSPC: a guest has made the job's eventlog long enough. There is always room to end it. */
int select_log_room(struct flux_call *call, const struct job *job, bool fatal);
uint64_t *select_jobs(struct manager *mgr, struct flux_call *call,
                      const flux_job_manager_select *sel, size_t *count, int *r);

#endif
