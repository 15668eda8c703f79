// SPDX-License-Identifier: LGPL-3.0-only
/* List and Ids. */
#include <inttypes.h>

#include <flux/constraint.h>
#include <flux/fluid.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "list.h"

#define MAX_COMPARISONS 10000000
#define ANY_USER ((uint32_t)-1)

struct query {
    struct list *l;
    struct flux_call *call;
    const flux_job_list_list_request *in;
    flux_job_list_list_response *out;
    struct flux_constraint *constraint;
    size_t room;
    uint64_t compared, most; /* nodes with the constraint; most 0: no limit */
    bool too_dear;
};

bool list_visible(struct flux_call *call, const flux_job_list_job *job)
{
    return flux_call_may_act_for(call, job->userid) || !flux_call_is_private(call);
}

/* A job matches a constraint on nodes if one of its nodes does. */
static bool on_matching_node(struct query *q, const flux_job_list_job *job)
{
    FLUX_AUTO(idset) ranks = NULL;
    FLUX_AUTO(hostlist) hosts = NULL;
    size_t i = 0;

    if (!q->constraint)
        return true;
    if (!*job->ranks || flux_idset_decode(job->ranks, &ranks, NULL) < 0 ||
        flux_hostlist_decode(job->nodelist, &hosts, NULL) < 0)
        return false;
    for (unsigned r = flux_idset_first(ranks); r != FLUX_IDSET_NONE;
         r = flux_idset_next(ranks, r), i++) {
        char host[256];
        struct flux_constraint_node node = {.rank = r};
        if (flux_hostlist_nth(hosts, i, host))
            node.hostname = host;
        if (flux_constraint_match(q->constraint, &node))
            return true;
        q->too_dear = q->most && ++q->compared > q->most;
        if (q->too_dear)
            break;
    }
    return false;
}

static bool full(const struct query *q)
{
    if (q->too_dear)
        return true;
    return q->in->max_entries && q->out->n_jobs >= q->in->max_entries;
}

static bool add(flux_job_list_job *job, void *arg)
{
    struct query *q = arg;

    if (full(q))
        return false;
    if (!list_visible(q->call, job) || !on_matching_node(q, job))
        return true;
    if (q->out->n_jobs == q->room) {
        size_t room = q->room ? q->room * 2 : 64;
        flux_job_list_job **grown = flux_call_alloc(q->call, room * sizeof(*grown));
        if (q->room)
            memcpy(grown, q->out->jobs, q->room * sizeof(*grown));
        q->out->jobs = grown;
        q->room = room;
    }
    q->out->jobs[q->out->n_jobs++] = job;
    return true;
}

static bool add_from_history(flux_job_list_job *job, void *arg)
{
    struct query *q = arg;
    struct record *r;

    /* One that came back after a crash is listed as what it is now. */
    HASH_FIND(hh, q->l->jobs, &job->id, sizeof(job->id), r);
    return r ? true : add(job, arg);
}

static bool matches_user(const flux_job_list_list_request *in, const flux_job_list_job *job)
{
    return (in->userid == ANY_USER || in->userid == job->userid) &&
           (!*in->name || strcmp(in->name, job->name) == 0) &&
           (!*in->queue || strcmp(in->queue, job->queue) == 0);
}

static bool matches_active(const flux_job_list_list_request *in, const flux_job_list_job *job)
{
    return job->state != FLUX_JOB_INACTIVE && (!in->states || job->state & in->states) &&
           matches_user(in, job) && (in->states || !in->results);
}

/* Those that have ended and have no row yet, newest first. */
static void list_unwritten(struct query *q)
{
    const flux_job_list_list_request *in = q->in;
    struct record *r = q->l->unwritten ? q->l->unwritten->prev : NULL;

    for (; r && !full(q); r = r == q->l->unwritten ? NULL : r->prev)
        if (matches_user(in, &r->job) && r->job.t_inactive >= in->since &&
            (!in->results || in->results & r->job.result))
            add(&r->job, q);
}

/* Pending by priority, then age; before them what runs, newest first. */
static int listing_order(const void *a, const void *b)
{
    const flux_job_list_job *x = *(flux_job_list_job *const *)a,
                            *y = *(flux_job_list_job *const *)b;
    bool x_runs = x->state & FLUX_JOB_RUNNING, y_runs = y->state & FLUX_JOB_RUNNING;

    if (x_runs != y_runs)
        return x_runs - y_runs;
    if (x_runs && x->t_run != y->t_run)
        return x->t_run < y->t_run ? 1 : -1;
    if (!x_runs && x->priority != y->priority)
        return x->priority < y->priority ? 1 : -1;
    return x->id < y->id ? (x_runs ? 1 : -1) : x->id > y->id ? (x_runs ? -1 : 1) : 0;
}

static void list_active(struct query *q)
{
    FLUX_AUTO_MEM(flux_job_list_job *) found =
        flux_alloc((HASH_COUNT(q->l->jobs) + 1) * sizeof(*found));
    struct record *r, *next;
    size_t n = 0;

    HASH_ITER (hh, q->l->jobs, r, next)
        if (matches_active(q->in, &r->job))
            found[n++] = &r->job;
    qsort(found, n, sizeof(*found), listing_order);
    for (size_t i = 0; i < n && !full(q); i++)
        add(found[i], q);
}

static int parse_constraint(const char *text, struct flux_constraint **ret, struct flux_error *err)
{
    json_error_t e;
    json_t *o = json_loads(text, 0, &e);
    int r = o ? flux_constraint_parse(o, ret, err)
              : flux_error_set(err, -EINVAL, "constraint: %s", e.text);

    json_decref(o);
    return r;
}

int job_list_list(struct flux_call *call, const flux_job_list_list_request *in,
                  flux_job_list_list_response *out)
{
    struct list *l = flux_call_data(call);
    struct query q = {.l = l, .call = call, .in = in, .out = out};
    const json_t *most = flux_conf_get(l->h, "job-list.max_comparisons");
    struct flux_error err;

    if (*in->constraint && parse_constraint(in->constraint, &q.constraint, &err) < 0)
        return flux_call_fail(call, EINVAL, "%s", err.text);
    q.most = most ? json_integer_value(most) : MAX_COMPARISONS;
    list_active(&q);
    if (!in->states || in->states & FLUX_JOB_INACTIVE)
        list_unwritten(&q);
    if ((!in->states || in->states & FLUX_JOB_INACTIVE) && !full(&q))
        history_visit(l->history, in, in->userid == ANY_USER, call, add_from_history, &q);
    flux_constraint_free(q.constraint);
    if (q.too_dear)
        return flux_call_fail(call, EOVERFLOW,
                              "the query takes more than %" PRIu64
                              " comparisons (job-list.max_comparisons): ask for fewer jobs",
                              q.most);
    return 0;
}

int job_list_ids(struct flux_call *call, const flux_job_list_ids_request *in,
                 flux_job_list_ids_response *out)
{
    struct list *l = flux_call_data(call);

    out->jobs = flux_call_alloc(call, (in->n_ids + 1) * sizeof(*out->jobs));
    for (size_t i = 0; i < in->n_ids; i++) {
        flux_job_list_job *job = flux_call_alloc(call, sizeof(*job));
        struct record *r;
        bool found;
        HASH_FIND(hh, l->jobs, &in->ids[i], sizeof(in->ids[i]), r);
        if (r)
            *job = r->job;
        found = r || history_get(l->history, in->ids[i], job, call);
        if (!found || !list_visible(call, job))
            return flux_call_fail(call, ENOENT, "JobID %s unknown", flux_fluid_f58(in->ids[i]));
        out->jobs[out->n_jobs++] = job;
    }
    return 0;
}

int job_list_oldest(struct flux_call *call, const flux_job_list_oldest_request *in,
                    flux_job_list_oldest_response *out)
{
    struct list *l = flux_call_data(call);
    double before = in->age_limit >= 0 ? flux_walltime() - in->age_limit : 0;
    FLUX_AUTO_MEM(uint64_t) ids = NULL;
    size_t n;

    ids = history_oldest(l->history, before, in->num_limit, in->batch, &n);
    out->ids = flux_call_alloc(call, (n + 1) * sizeof(*out->ids));
    if (n)
        memcpy(out->ids, ids, n * sizeof(*ids));
    out->n_ids = n;
    return 0;
}
