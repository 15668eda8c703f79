// SPDX-License-Identifier: LGPL-3.0-only
/* The fields that listings of jobs can show. */
#ifndef FLUX_CLI_JOBFIELDS_H
#define FLUX_CLI_JOBFIELDS_H

#include <jansson.h>

#include <flux/v1/job_list.h>

#include "format/format.h"

struct job_row {
    const flux_job_list_job *job;
    double now;
    json_t *annotations; /* parsed at the first look; NULL if there are none */
    bool parsed;
};

extern const struct format_field job_fields[];

/* Rows over jobs, and pointers to them for format_rows(); free with job_rows_free(). */
struct job_rows {
    struct job_row *rows;
    const void **pointers;
    size_t count;
};
void job_rows_init(struct job_rows *r, flux_job_list_job **jobs, size_t count);
void job_rows_done(struct job_rows *r);

/* A job as a JSON object with the names of the fields. */
json_t *job_to_json(const flux_job_list_job *job);
/* Where to reach a job that is an instance and runs; NULL for any other. Caller frees. */
char *job_address(const flux_job_list_job *job);
/* Escape sequence for a job's line in coloured listings, or NULL. */
const char *job_color(const void *row);

#endif
