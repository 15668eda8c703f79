// SPDX-License-Identifier: LGPL-3.0-only
/* Events (RFC 21). apply() is the only place that changes a job's state; it runs the same for an
 * event that happens and for one that is read back after a restart, so both lead to the same state.
 */
#include "module.h"

#include <syslog.h>

#include <flux/eventlog.h>
#include <flux/fluid.h>

static void set_string(char **p, const char *s)
{
    free(*p);
    *p = flux_strdup(s ? s : "");
}

static void enter_cleanup(struct manager *mgr, struct job *job)
{
    if (job->state < FLUX_JOB_CLEANUP)
        manager_set_state(mgr, job, FLUX_JOB_CLEANUP);
}

static void apply_exception(struct manager *mgr, struct job *job, const json_t *ctx)
{
    int severity = json_integer_value(json_object_get(ctx, "severity"));

    /* The first fatal one is the cause; among the others the worst counts. */
    if (job->severity < 0 || (job->severity > 0 && severity < job->severity)) {
        job->severity = severity;
        set_string(&job->exception_type, json_string_value(json_object_get(ctx, "type")));
        set_string(&job->exception_note, json_string_value(json_object_get(ctx, "note")));
    }
    if (severity == 0)
        enter_cleanup(mgr, job);
}

static void add_dependency(struct job *job, const char *description)
{
    struct dependency *d = dependency_new(description);

    DL_APPEND(job->dependencies, d);
}

static void remove_dependency(struct job *job, const char *description)
{
    struct dependency *d;

    DL_FOREACH(job->dependencies, d)
    if (strcmp(d->description, description) == 0) {
        DL_DELETE(job->dependencies, d);
        dependency_free(d);
        return;
    }
}

static void apply_memo(struct job *job, const json_t *ctx)
{
    const char *key;
    json_t *value, *user;

    if (!job->annotations)
        job->annotations = json_object();
    user = json_object_get(job->annotations, "user");
    if (!user)
        json_object_set_new(job->annotations, "user", user = json_object());
    json_object_foreach ((json_t *)ctx, key, value) {
        if (json_is_null(value))
            json_object_del(user, key);
        else
            json_object_set(user, key, value);
    }
}

static void apply_update(struct job *job, const json_t *ctx)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)ctx, key, value) {
        if (strcmp(key, "attributes.system.duration") == 0)
            job->duration = json_number_value(value);
        else if (strcmp(key, "attributes.system.queue") == 0)
            set_string(&job->queue, json_string_value(value));
    }
}

static const char *ctx_string(const json_t *ctx, const char *key)
{
    const char *s = json_string_value(json_object_get(ctx, key));

    return s ? s : "";
}

static void apply(struct manager *mgr, struct job *job, const char *name, const json_t *ctx)
{
    if (strcmp(name, "submit") == 0) {
        job->userid = json_integer_value(json_object_get(ctx, "userid"));
        job->urgency = json_integer_value(json_object_get(ctx, "urgency"));
        job->flags = json_integer_value(json_object_get(ctx, "flags"));
    } else if (strcmp(name, "validate") == 0)
        manager_set_state(mgr, job, FLUX_JOB_DEPEND);
    else if (strcmp(name, "dependency-add") == 0)
        add_dependency(job, ctx_string(ctx, "description"));
    else if (strcmp(name, "dependency-remove") == 0)
        remove_dependency(job, ctx_string(ctx, "description"));
    else if (strcmp(name, "depend") == 0)
        manager_set_state(mgr, job, FLUX_JOB_PRIORITY);
    else if (strcmp(name, "priority") == 0) {
        job->priority = json_integer_value(json_object_get(ctx, "priority"));
        if (job->state == FLUX_JOB_PRIORITY)
            manager_set_state(mgr, job, FLUX_JOB_SCHED);
    } else if (strcmp(name, "urgency") == 0) {
        job->urgency = json_integer_value(json_object_get(ctx, "urgency"));
        if (job->state == FLUX_JOB_SCHED)
            manager_set_state(mgr, job, FLUX_JOB_PRIORITY);
    } else if (strcmp(name, "alloc") == 0) {
        job->has_resources = true;
        if (job->state == FLUX_JOB_SCHED)
            manager_set_state(mgr, job, FLUX_JOB_RUN);
    } else if (strcmp(name, "prolog-start") == 0 || strcmp(name, "epilog-start") == 0)
        job->holds++;
    else if (strcmp(name, "prolog-finish") == 0 || strcmp(name, "epilog-finish") == 0)
        job->holds -= job->holds > 0;
    else if (strcmp(name, "start") == 0)
        job->running = job->started = true;
    else if (strcmp(name, "finish") == 0) {
        job->finished = true;
        job->status = json_integer_value(json_object_get(ctx, "status"));
        enter_cleanup(mgr, job);
    } else if (strcmp(name, "release") == 0)
        job->released = json_is_true(json_object_get(ctx, "final"));
    else if (strcmp(name, "free") == 0) {
        job->freed = true;
        job->has_resources = false;
    } else if (strcmp(name, "clean") == 0)
        manager_set_state(mgr, job, FLUX_JOB_INACTIVE);
    else if (strcmp(name, "exception") == 0)
        apply_exception(mgr, job, ctx);
    else if (strcmp(name, "memo") == 0)
        apply_memo(job, ctx);
    else if (strcmp(name, "jobspec-update") == 0)
        apply_update(job, ctx);
    else if (strcmp(name, "flux-restart") == 0 && job->state == FLUX_JOB_SCHED)
        manager_set_state(mgr, job, FLUX_JOB_PRIORITY);
}

static void write_event(struct manager *mgr, struct job *job, const char *name, const char *text,
                        const json_t *ctx)
{
    double now = flux_walltime();
    size_t before = job->log.len;
    struct flux_error err;

    if (flux_eventlog_encode_text(&job->log, now, name, text, text ? strlen(text) : 0, &err) < 0) {
        flux_log(mgr->h, LOG_ERR, "%s: event %s: %s", flux_fluid_f58(job->id), name, err.text);
        return;
    }
    tenant_grow(job, job->log.len - before);
    apply(mgr, job, name, ctx);
    manager_mark_dirty(mgr, job);
}

void post_event_json(struct manager *mgr, struct job *job, const char *name, json_t *context)
{
    FLUX_AUTO_STR text = context ? json_dumps(context, JSON_COMPACT) : NULL;

    write_event(mgr, job, name, text, context);
    json_decref(context);
}

/* Events whose context apply() does not look at need no JSON tree. */
static bool context_matters(const char *name)
{
    static const char *const plain[] = {"validate", "depend", "start", "free", "clean", "alloc"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(plain); i++)
        if (strcmp(name, plain[i]) == 0)
            return false;
    return true;
}

void post_event(struct manager *mgr, struct job *job, const char *name, const char *fmt, ...)
{
    FLUX_AUTO_STR text = NULL;
    json_t *ctx = NULL;
    va_list ap;

    if (fmt) {
        va_start(ap, fmt);
        text = flux_vprintf(fmt, ap);
        va_end(ap);
        if (context_matters(name))
            ctx = json_loads(text, 0, NULL);
    }
    write_event(mgr, job, name, text, ctx);
    json_decref(ctx);
    if (strcmp(name, "start") == 0 || strcmp(name, "clean") == 0)
        dependency_note(mgr, job, name);
}

void post_exception(struct manager *mgr, struct job *job, const char *type, unsigned severity,
                    const char *note, uint32_t userid)
{
    json_t *ctx = json_object();

    json_object_set_new(ctx, "type", json_string(type));
    json_object_set_new(ctx, "severity", json_integer(severity));
    json_object_set_new(ctx, "note", json_string_nocheck(note ? note : ""));
    if (userid != FLUX_USERID_UNKNOWN)
        json_object_set_new(ctx, "userid", json_integer(userid));
    post_event_json(mgr, job, "exception", ctx);
    job_advance(mgr, job);
}

int replay_event(struct manager *mgr, struct job *job, const char *line, size_t len,
                 struct flux_error *err)
{
    struct flux_eventlog_entry e;
    int r = flux_eventlog_entry_decode(&e, line, len, err);

    if (r < 0)
        return r;
    if (strcmp(e.name, "submit") == 0)
        job->t_submit = e.timestamp;
    apply(mgr, job, e.name, e.context);
    flux_eventlog_entry_done(&e);
    return 0;
}

/* --- what comes next --- */

static uint32_t priority_of(const struct job *job)
{
    if (job->urgency == FLUX_JOB_URGENCY_EXPEDITE)
        return FLUX_JOB_PRIORITY_MAX;
    return job->urgency;
}

static void advance_sched(struct manager *mgr, struct job *job)
{
    if (job->priority > 0 && queue_started(mgr, job))
        alloc_request(mgr, job);
    else
        alloc_cancel(mgr, job);
}

static void advance_cleanup(struct manager *mgr, struct job *job)
{
    alloc_cancel(mgr, job);
    if (job->exec && !job->finished)
        abort_job(mgr, job);
    if (job->exec || job->holds)
        return;
    if (job->has_resources) {
        alloc_free(mgr, job, NULL);
        post_event(mgr, job, "free", NULL);
    }
    post_event(mgr, job, "clean", NULL);
}

void job_advance(struct manager *mgr, struct job *job)
{
    if (mgr->restarting || mgr->stopping)
        return;
    if (job->state == FLUX_JOB_DEPEND && !job->dependencies)
        post_event(mgr, job, "depend", NULL);
    if (job->state == FLUX_JOB_PRIORITY) {
        uint32_t priority = priority_of(job);
        post_event(mgr, job, "priority", "{\"priority\":%u}", priority);
        alloc_prioritize(mgr, job);
    }
    if (job->state == FLUX_JOB_SCHED)
        advance_sched(mgr, job);
    else if (job->state == FLUX_JOB_RUN && job->r_durable && !job->started && !job->holds)
        start_job(mgr, job, false);
    else if (job->state == FLUX_JOB_CLEANUP)
        advance_cleanup(mgr, job);
}
