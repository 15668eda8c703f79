// SPDX-License-Identifier: LGPL-3.0-only
/* Inside of job-ingest. */
#ifndef JOB_INGEST_H
#define JOB_INGEST_H

#include <flux/fluid.h>
#include <flux/job.h>
#include <flux/jobspec.h>
#include <flux/module.h>
#include <flux/v1/job_ingest_service.h>

struct ingest {
    struct flux *h;
    struct flux_fluid_gen gen;
};

FLUX_JOB_INGEST_HANDLERS(job_ingest);

/* signed.c: the jobspec in a signed request of the caller; caller frees. -EPERM: of somebody else,
 * or signed in a way that is not for guests. -EINVAL: not a signed request. */
int ingest_unwrap(struct flux_call *call, const char *j, char **jobspec, struct flux_error *err);

/* cc.c: a jobspec of which many jobs are made, each with {cc} replaced by its number; and its
 * brief, without environment, files and shell options. */
struct cc_template;
/* Takes `o` apart. */
struct cc_template *cc_template_new(json_t *o);
/* Caller frees both. */
void cc_template_make(const struct cc_template *t, unsigned cc, char **jobspec, char **brief);
void cc_template_free(struct cc_template *t);
/* The brief of one jobspec; caller frees. Takes `o` apart. */
char *ingest_brief(json_t *o);

#endif
