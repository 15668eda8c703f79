// SPDX-License-Identifier: LGPL-3.0-only
/* Inside of job-info. */
#ifndef JOB_INFO_H
#define JOB_INFO_H

#include <flux/job.h>
#include <flux/module.h>
#include <flux/v1/job_info_service.h>
#include <flux/v1/kvs.h>

FLUX_JOB_INFO_HANDLERS(job_info);

/* Is the caller the instance owner, or the user named in the submit event that begins `log`? Else
 * -EPERM, or -ENOENT where others' jobs are hidden. */
int info_check_access(struct flux_call *call, uint64_t id, const void *log, size_t len,
                      struct flux_error *err);
void info_watch_done(void);

#endif
