// SPDX-License-Identifier: LGPL-3.0-only
/* Dependencies (RFC 26): afterstart, afterany, afterok, afternotok, afterexcept, begin-time,
 * singleton. A job leaves DEPEND when the last one is removed. Their descriptions hold all that is
 * known of them, so that a restart needs nothing but the eventlog. */
#include "module.h"

#include <math.h>
#include <stdio.h>

#include <flux/fluid.h>

#define OUTCOMES_MAX 8192

/* How a job ended, for jobs submitted to depend on it afterwards. */
struct outcome {
    uint64_t id;
    uint32_t userid;
    bool started, success, exception;
    UT_hash_handle hh;
};

static const struct {
    const char *scheme, *description;
} schemes[] = {
    {"after", "after-start"},     {"afterstart", "after-start"},   {"afterany", "after-finish"},
    {"afterok", "after-success"}, {"afternotok", "after-failure"}, {"afterexcept", "after-except"},
    {"begin-time", "begin-time"}, {"singleton", "singleton"},
};

static const char *description_of(const char *scheme)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(schemes); i++)
        if (strcmp(schemes[i].scheme, scheme) == 0)
            return schemes[i].description;
    return NULL;
}

static bool success(const struct job *job)
{
    return job->finished && job->status == 0 && job->severity != 0;
}

static struct outcome *find_outcome(struct manager *mgr, uint64_t id)
{
    struct outcome *o;

    HASH_FIND(hh, mgr->outcomes, &id, sizeof(id), o);
    return o;
}

static void note_outcome(struct manager *mgr, const struct job *job)
{
    struct outcome *o = flux_alloc(sizeof(*o)), *oldest;

    o->id = job->id;
    o->userid = job->userid;
    o->started = job->running;
    o->success = success(job);
    o->exception = job->severity == 0;
    HASH_ADD(hh, mgr->outcomes, id, sizeof(o->id), o);
    if (HASH_COUNT(mgr->outcomes) > OUTCOMES_MAX) {
        oldest = mgr->outcomes;
        HASH_DEL(mgr->outcomes, oldest);
        free(oldest);
    }
}

/* 1: satisfied, 0: still to wait, -1: can never be. */
static int judge_outcome(const char *kind, const struct outcome *o)
{
    if (strcmp(kind, "after-start") == 0)
        return o->started ? 1 : -1;
    if (strcmp(kind, "after-success") == 0)
        return o->success ? 1 : -1;
    if (strcmp(kind, "after-failure") == 0)
        return o->success ? -1 : 1;
    if (strcmp(kind, "after-except") == 0)
        return o->exception ? 1 : -1;
    return 1;
}

static int judge(struct manager *mgr, const char *kind, uint64_t id)
{
    struct job *job = manager_find_active(mgr, id);
    struct outcome *o = find_outcome(mgr, id);

    if (job && job->state != FLUX_JOB_INACTIVE)
        return strcmp(kind, "after-start") == 0 && job->running ? 1 : 0;
    return o ? judge_outcome(kind, o) : -1;
}

/* Is another job of that user and name ahead of this one? */
static bool is_alone(struct manager *mgr, const struct job *job)
{
    for (struct job *j = mgr->jobs; j; j = j->hh.next)
        if (j != job && j->userid == job->userid && j->id < job->id &&
            j->state != FLUX_JOB_INACTIVE && j->name && job->name &&
            strcmp(j->name, job->name) == 0)
            return false;
    return true;
}

static int split(const char *description, char kind[32], const char **value)
{
    size_t n = strcspn(description, "=");

    if (n >= 32 || !description[n])
        return -EINVAL;
    memcpy(kind, description, n);
    kind[n] = '\0';
    *value = description + n + 1;
    return 0;
}

struct dependency *dependency_new(const char *description)
{
    struct dependency *d = flux_alloc(sizeof(*d));
    char kind[32];
    const char *value;

    d->description = flux_strdup(description);
    if (split(description, kind, &value) < 0)
        return d;
    d->singleton = strcmp(kind, "singleton") == 0;
    d->timed = strcmp(kind, "begin-time") == 0;
    if (strncmp(kind, "after-", 6) != 0 || flux_fluid_parse(value, &d->after, NULL) < 0)
        d->after = 0;
    return d;
}

static void review(struct manager *mgr, struct job *job);

static void on_begin(uv_timer_t *timer)
{
    struct job *job = timer->data;

    review(job->mgr, job);
}

static int judge_begin(struct manager *mgr, struct job *job, struct dependency *d, double begin)
{
    double left = begin - flux_walltime();

    if (left <= 0)
        return 1;
    if (!d->timer) {
        d->timer = flux_alloc(sizeof(*d->timer));
        uv_timer_init(flux_loop(mgr->h), d->timer);
        d->timer->data = job;
    }
    uv_timer_start(d->timer, on_begin, (uint64_t)ceil(fmin(left, 86400) * 1000), 0);
    return 0;
}

static int judge_dependency(struct manager *mgr, struct job *job, struct dependency *d)
{
    char kind[32];
    const char *value;
    uint64_t id;

    if (split(d->description, kind, &value) < 0)
        return 0;
    if (strcmp(kind, "begin-time") == 0)
        return judge_begin(mgr, job, d, strtod(value, NULL));
    if (strcmp(kind, "singleton") == 0)
        return is_alone(mgr, job);
    if (strncmp(kind, "after-", 6) != 0 || flux_fluid_parse(value, &id, NULL) < 0)
        return 0; /* somebody else's: removed by a plugin */
    return judge(mgr, kind, id);
}

/* Look at all dependencies of a job anew. */
static void review(struct manager *mgr, struct job *job)
{
    struct dependency *d, *next;

    DL_FOREACH_SAFE(job->dependencies, d, next)
    {
        int verdict = judge_dependency(mgr, job, d);
        if (verdict > 0)
            post_event_json(mgr, job, "dependency-remove",
                            json_pack("{s:s}", "description", d->description));
        else if (verdict < 0) {
            FLUX_AUTO_STR note =
                flux_printf("dependency %s can never be satisfied", d->description);
            post_exception(mgr, job, "dependency", 0, note, FLUX_USERID_UNKNOWN);
            return;
        }
    }
    job_advance(mgr, job);
}

void dependency_resume(struct manager *mgr, struct job *job)
{
    const struct dependency *d;

    DL_SEARCH_SCALAR(job->dependencies, d, timed, true);
    if (d && job->state == FLUX_JOB_DEPEND)
        review(mgr, job);
}

/* The first of the jobs that are there of a job's user and name, or NULL: who waits for those
 * before it is next. */
static const struct job *first_of_name(struct manager *mgr, const struct job *job)
{
    const struct job *first = NULL;

    for (const struct job *j = mgr->jobs; j && job->name; j = j->hh.next)
        if (j->userid == job->userid && j->state != FLUX_JOB_INACTIVE && j->name &&
            (!first || j->id < first->id) && strcmp(j->name, job->name) == 0)
            first = j;
    return first;
}

/* Each event of one job is looked at for all that wait: this must be cheap, whoever made them. */
static bool waits_for(const struct job *waiting, uint64_t id, const struct job *first)
{
    const struct dependency *d;

    DL_FOREACH(waiting->dependencies, d)
    if (d->after == id || (d->singleton && waiting == first))
        return true;
    return false;
}

void dependency_note(struct manager *mgr, struct job *job, const char *event)
{
    const struct job *first = NULL;
    uint64_t id = job->id;
    struct job *j, *next;

    if (strcmp(event, "clean") == 0)
        note_outcome(mgr, job);
    if (!mgr->count[__builtin_ctz(FLUX_JOB_DEPEND)])
        return;
    if (strcmp(event, "clean") == 0)
        first = first_of_name(mgr, job);
    HASH_ITER (hh, mgr->jobs, j, next)
        if (j->state == FLUX_JOB_DEPEND && waits_for(j, id, first))
            review(mgr, j);
}

/* Whose end a guest may wait for: that of its own jobs. What others' do is not for it to know. */
static bool may_depend(struct manager *mgr, const struct job *job, uint64_t id)
{
    const struct job *other = manager_find_active(mgr, id);
    const struct outcome *o = find_outcome(mgr, id);
    uint32_t userid = other ? other->userid : o ? o->userid : FLUX_USERID_UNKNOWN;

    return (other || o) && (job->userid == flux_owner(mgr->h) || job->userid == userid);
}

static int check_one(struct manager *mgr, struct job *job, const json_t *dep,
                     struct flux_error *err)
{
    const char *scheme = json_string_value(json_object_get(dep, "scheme"));
    const char *value = json_string_value(json_object_get(dep, "value"));
    const char *kind = scheme ? description_of(scheme) : NULL;
    uint64_t id;

    if (!kind)
        return flux_error_set(err, -EINVAL, "dependency scheme \"%s\" not supported",
                              scheme ? scheme : "");
    if (strncmp(kind, "after-", 6) != 0)
        return 0;
    if (!value || flux_fluid_parse(value, &id, NULL) < 0)
        return flux_error_set(err, -EINVAL, "%s: '%s' is not a job id", scheme, value ? value : "");
    if (!may_depend(mgr, job, id))
        return flux_error_set(err, -ENOENT, "%s: %s is not a job known here%s", scheme, value,
                              job->userid == flux_owner(mgr->h) ? "" : ", or not yours");
    return 0;
}

static json_t *dependencies_of(struct job *job, json_t **owner)
{
    *owner = json_loads(job->brief, 0, NULL);
    return flux_jobspec_get(*owner, "attributes.system.dependencies");
}

int dependency_check(struct manager *mgr, struct job *job, struct flux_error *err)
{
    json_t *owner, *list, *dep;
    size_t i;
    int r = 0;

    if (!strstr(job->brief, "\"dependencies\""))
        return 0;
    list = dependencies_of(job, &owner);
    json_array_foreach (list, i, dep) {
        if (r == 0)
            r = check_one(mgr, job, dep, err);
    }
    json_decref(owner);
    return r;
}

static char *describe(const json_t *dep)
{
    const char *kind = description_of(json_string_value(json_object_get(dep, "scheme")));
    const json_t *value = json_object_get(dep, "value");
    uint64_t id;

    if (json_is_number(value))
        return flux_printf("%s=%.3f", kind, json_number_value(value));
    if (strncmp(kind, "after-", 6) == 0 &&
        flux_fluid_parse(json_string_value(value), &id, NULL) == 0)
        return flux_printf("%s=%s", kind, flux_fluid_f58(id));
    return flux_printf("%s=%s", kind, json_is_string(value) ? json_string_value(value) : "");
}

void dependency_add_all(struct manager *mgr, struct job *job)
{
    json_t *owner, *list, *dep;
    size_t i;

    if (!strstr(job->brief, "\"dependencies\""))
        return;
    list = dependencies_of(job, &owner);
    json_array_foreach (list, i, dep) {
        FLUX_AUTO_STR description = describe(dep);
        post_event_json(mgr, job, "dependency-add", json_pack("{s:s}", "description", description));
    }
    json_decref(owner);
    if (job->dependencies)
        review(mgr, job);
}

void dependency_forget_outcomes(struct manager *mgr)
{
    struct outcome *o, *next;

    HASH_ITER (hh, mgr->outcomes, o, next) {
        HASH_DEL(mgr->outcomes, o);
        free(o);
    }
}
