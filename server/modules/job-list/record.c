// SPDX-License-Identifier: LGPL-3.0-only
/* From events to what is listed of a job. */
#include <sys/wait.h>

#include <flux/eventlog.h>
#include <flux/jobspec.h>
#include <flux/rset.h>

#include "list.h"

struct record *record_new(uint64_t id)
{
    struct record *r = flux_alloc(sizeof(*r));

    r->job = (flux_job_list_job)FLUX_JOB_LIST_JOB_INIT;
    r->job.id = id;
    r->job.state = FLUX_JOB_NEW;
    return r;
}

/* Fields begin as the empty string of the message's defaults, which is not ours to free. */
void record_replace(const char **field, const char *value)
{
    if (**field)
        free((char *)*field);
    *field = value && *value ? flux_strdup(value) : protobuf_c_empty_string;
}

static void clear_dependencies(struct record *r)
{
    for (size_t i = 0; i < r->job.n_dependencies; i++)
        free((char *)r->job.dependencies[i]);
    free(r->job.dependencies);
    r->job.dependencies = NULL;
    r->job.n_dependencies = 0;
}

void record_free(struct record *r)
{
    const char **fields[] = {&r->job.name,       &r->job.queue,          &r->job.cwd,
                             &r->job.project,    &r->job.bank,           &r->job.ranks,
                             &r->job.nodelist,   &r->job.exception_type, &r->job.exception_note,
                             &r->job.annotations};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(fields); i++)
        record_replace(fields[i], NULL);
    clear_dependencies(r);
    json_decref(r->annotations);
    free(r);
}

void record_set_jobspec(struct record *r, const char *jobspec)
{
    FLUX_AUTO(jobspec) js = NULL;

    if (flux_jobspec_decode(jobspec, strlen(jobspec), &js, NULL) < 0)
        return;
    record_replace(&r->job.name, js->name);
    record_replace(&r->job.queue, js->queue);
    record_replace(&r->job.cwd, js->cwd);
    record_replace(&r->job.project, js->project);
    record_replace(&r->job.bank, js->bank);
    r->job.ntasks = js->ntasks;
    r->job.nnodes = js->nnodes;
    r->job.ncores = js->nslots * js->cores_per_slot;
    r->job.ngpus = js->nslots * js->gpus_per_slot;
    r->job.duration = js->duration;
}

void record_set_r(struct record *r, const char *text)
{
    FLUX_AUTO(rset) set = NULL;
    FLUX_AUTO(idset) ranks = NULL;
    FLUX_AUTO_STR nodelist = NULL;
    FLUX_AUTO_STR encoded = NULL;

    if (flux_rset_decode(text, &set, NULL) < 0)
        return;
    ranks = flux_rset_ranks(set);
    encoded = flux_idset_encode(ranks, FLUX_IDSET_RANGE | FLUX_IDSET_BRACKETS);
    nodelist = flux_rset_nodelist(set);
    record_replace(&r->job.ranks, encoded);
    record_replace(&r->job.nodelist, nodelist);
    r->job.nnodes = flux_rset_nnodes(set);
    r->job.ncores = flux_rset_ncores(set);
    r->job.ngpus = flux_rset_ngpus(set);
    r->job.expiration = flux_rset_expiration(set);
}

static void annotate(struct record *r, const char *section, const json_t *values, bool nulls_remove)
{
    json_t *table, *value;
    const char *key;
    char *text;

    if (!r->annotations)
        r->annotations = json_object();
    table = json_object_get(r->annotations, section);
    if (!table)
        json_object_set_new(r->annotations, section, table = json_object());
    json_object_foreach ((json_t *)values, key, value) {
        if (nulls_remove && json_is_null(value))
            json_object_del(table, key);
        else
            json_object_set(table, key, value);
    }
    text = json_dumps(r->annotations, JSON_COMPACT);
    record_replace(&r->job.annotations, text);
    free(text);
}

static void add_dependency(struct record *r, const char *description)
{
    flux_job_list_job *job = &r->job;

    job->dependencies =
        flux_realloc(job->dependencies, job->n_dependencies + 1, sizeof(*job->dependencies));
    job->dependencies[job->n_dependencies++] = flux_strdup(description ? description : "");
}

static void remove_dependency(struct record *r, const char *description)
{
    flux_job_list_job *job = &r->job;

    for (size_t i = 0; i < job->n_dependencies; i++)
        if (description && strcmp(job->dependencies[i], description) == 0) {
            free((char *)job->dependencies[i]);
            job->dependencies[i] = job->dependencies[--job->n_dependencies];
            return;
        }
}

static void enter(flux_job_list_job *job, enum flux_job_state state, double *when, double t)
{
    job->state = state;
    if (when && !*when)
        *when = t;
}

static void cleanup(flux_job_list_job *job, double t)
{
    if (job->state < FLUX_JOB_CLEANUP)
        enter(job, FLUX_JOB_CLEANUP, &job->t_cleanup, t);
}

static void set_result(flux_job_list_job *job)
{
    bool fatal = job->exception_occurred && job->exception_severity == 0;

    job->success = job->has_status && job->waitstatus == 0 && !fatal;
    if (job->success)
        job->result = FLUX_JOB_LIST_RESULT_COMPLETED;
    else if (fatal && strcmp(job->exception_type, "cancel") == 0)
        job->result = FLUX_JOB_LIST_RESULT_CANCELED;
    else if (fatal && strcmp(job->exception_type, "timeout") == 0)
        job->result = FLUX_JOB_LIST_RESULT_TIMEOUT;
    else
        job->result = FLUX_JOB_LIST_RESULT_FAILED;
}

static void exception(struct record *r, const json_t *ctx, double t)
{
    flux_job_list_job *job = &r->job;
    unsigned severity = json_integer_value(json_object_get(ctx, "severity"));

    if (!job->exception_occurred || severity < job->exception_severity) {
        job->exception_occurred = true;
        job->exception_severity = severity;
        record_replace(&job->exception_type, json_string_value(json_object_get(ctx, "type")));
        record_replace(&job->exception_note, json_string_value(json_object_get(ctx, "note")));
    }
    if (severity == 0)
        cleanup(job, t);
}

static void update(struct record *r, const json_t *ctx)
{
    json_t *duration = json_object_get(ctx, "attributes.system.duration");
    json_t *queue = json_object_get(ctx, "attributes.system.queue");
    json_t *name = json_object_get(ctx, "attributes.system.job.name");

    if (duration)
        r->job.duration = json_number_value(duration);
    if (queue)
        record_replace(&r->job.queue, json_string_value(queue));
    if (name)
        record_replace(&r->job.name, json_string_value(name));
}

static void apply(struct record *r, const struct flux_eventlog_entry *e)
{
    flux_job_list_job *job = &r->job;
    const json_t *ctx = e->context;
    const char *name = e->name;
    double t = e->timestamp;

    if (strcmp(name, "submit") == 0) {
        job->t_submit = t;
        job->userid = json_integer_value(json_object_get(ctx, "userid"));
        job->urgency = json_integer_value(json_object_get(ctx, "urgency"));
        job->flags = json_integer_value(json_object_get(ctx, "flags"));
    } else if (strcmp(name, "validate") == 0)
        enter(job, FLUX_JOB_DEPEND, &job->t_depend, t);
    else if (strcmp(name, "dependency-add") == 0)
        add_dependency(r, json_string_value(json_object_get(ctx, "description")));
    else if (strcmp(name, "dependency-remove") == 0)
        remove_dependency(r, json_string_value(json_object_get(ctx, "description")));
    else if (strcmp(name, "depend") == 0)
        enter(job, FLUX_JOB_PRIORITY, &job->t_priority, t);
    else if (strcmp(name, "priority") == 0) {
        job->priority = json_integer_value(json_object_get(ctx, "priority"));
        if (job->state == FLUX_JOB_PRIORITY)
            enter(job, FLUX_JOB_SCHED, &job->t_sched, t);
    } else if (strcmp(name, "urgency") == 0) {
        job->urgency = json_integer_value(json_object_get(ctx, "urgency"));
        if (job->state == FLUX_JOB_SCHED)
            job->state = FLUX_JOB_PRIORITY;
    } else if (strcmp(name, "alloc") == 0) {
        enter(job, FLUX_JOB_RUN, &job->t_run, t);
        annotate(r, "sched", json_object_get(json_object_get(ctx, "annotations"), "sched"), true);
    } else if (strcmp(name, "start") == 0)
        job->t_run = t;
    else if (strcmp(name, "finish") == 0) {
        job->waitstatus = json_integer_value(json_object_get(ctx, "status"));
        job->has_status = true;
        cleanup(job, t);
    } else if (strcmp(name, "exception") == 0)
        exception(r, ctx, t);
    else if (strcmp(name, "memo") == 0)
        annotate(r, "user", ctx, true);
    else if (strcmp(name, "jobspec-update") == 0)
        update(r, ctx);
    else if (strcmp(name, "resource-update") == 0)
        job->expiration = json_number_value(json_object_get(ctx, "expiration"));
    else if (strcmp(name, "flux-restart") == 0 && job->state == FLUX_JOB_SCHED)
        job->state = FLUX_JOB_PRIORITY;
    else if (strcmp(name, "clean") == 0) {
        enter(job, FLUX_JOB_INACTIVE, &job->t_inactive, t);
        set_result(job);
    }
}

void record_apply(struct record *r, const char *events)
{
    struct flux_eventlog_cursor c = {events, events + strlen(events), 0};
    struct flux_eventlog_entry e;

    while (flux_eventlog_next(&c, &e, NULL) == 1) {
        apply(r, &e);
        flux_eventlog_entry_done(&e);
    }
}
