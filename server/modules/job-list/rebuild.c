// SPDX-License-Identifier: LGPL-3.0-only
/* The history made complete from the KVS: all directories of jobs are walked, and those that
 * neither are active nor have a row get one. Jobs whose records are damaged get a row that says so.
 * It runs beside everything else, once the job manager has told what is active. */
#include <syslog.h>
#include <utlist.h>

#include <flux/fluid.h>
#include <flux/v1/kvs.h>

#include "list.h"

#define IN_FLIGHT 64
#define JOB_DEPTH 4 /* job.0017.e9fb.8df1.6c2e */

static const char *const names[] = {"eventlog", "jobspec", "R"};

struct rebuild {
    struct list *l;
    char **queue; /* keys to look at, the last first */
    size_t count, cap;
    unsigned in_flight;
    bool all; /* the whole tree, not some jobs */
    bool failed;
    size_t added, damaged;
    struct task *tasks;
};

struct task {
    struct rebuild *rb;
    char *key;
    uint64_t id; /* 0: a directory of jobs */
    struct flux_future *f;
    struct task *prev, *next;
};

static void pump(struct rebuild *rb);

static void push(struct rebuild *rb, char *key)
{
    if (rb->count == rb->cap) {
        rb->cap = rb->cap ? rb->cap * 2 : 64;
        rb->queue = flux_realloc(rb->queue, rb->cap, sizeof(*rb->queue));
    }
    rb->queue[rb->count++] = key;
}

static unsigned depth_of(const char *key)
{
    unsigned n = 0;

    for (; *key; key++)
        n += *key == '.';
    return n;
}

static bool is_known(struct list *l, uint64_t id)
{
    struct record *r;

    HASH_FIND(hh, l->jobs, &id, sizeof(id), r);
    return r || history_has(l->history, id);
}

static void put(struct rebuild *rb, struct record *r)
{
    struct list *l = rb->l;
    struct flux_error err;

    history_begin(l->history);
    if (history_put(l->history, &r->job, &err) < 0 || history_commit(l->history, &err) < 0) {
        journal_history_failed(l, err.text);
        rb->failed = true;
    } else {
        stats_count(l, &r->job, +1);
        rb->added++;
    }
}

/* The job is listed as one that failed, with the reason in its exception. */
static void mark_damaged(struct rebuild *rb, struct record *r, const char *why)
{
    flux_job_list_job *job = &r->job;

    job->state = FLUX_JOB_INACTIVE;
    job->result = FLUX_JOB_LIST_RESULT_FAILED;
    job->exception_occurred = true;
    job->exception_severity = 0;
    record_replace(&job->exception_type, "damaged");
    record_replace(&job->exception_note, why);
    if (job->t_submit == 0)
        job->userid = flux_owner(rb->l->h);
    if (job->t_inactive == 0)
        job->t_inactive = flux_walltime();
    rb->damaged++;
    flux_log(rb->l->h, LOG_ERR, "job %s is listed as damaged: %s", flux_fluid_f58(job->id), why);
}

static char *text_of(const flux_kvs_get_response *res)
{
    return res->value.len ? flux_strndup((char *)res->value.data, res->value.len) : flux_strdup("");
}

static void take_job(struct rebuild *rb, uint64_t id, const flux_kvs_get_many_response *res,
                     const char *why)
{
    struct record *r = record_new(id);
    const char *bad = why;

    for (size_t i = 0; res && i < res->n_results; i++) {
        FLUX_AUTO_STR text = text_of(res->results[i]);

        if (res->results[i]->errnum)
            bad = res->results[i]->error;
        else if (i == 0)
            record_apply(r, text);
        else if (i == 1)
            record_set_jobspec(r, text);
        else
            record_set_r(r, text);
    }
    if (!bad && r->job.state != FLUX_JOB_INACTIVE)
        bad = r->job.t_submit > 0 ? "its eventlog has no end, and it is not active"
                                  : "it has no eventlog";
    if (bad)
        mark_damaged(rb, r, bad);
    if (!is_known(rb->l, id))
        put(rb, r);
    record_free(r);
}

static void end_task(struct task *t)
{
    struct rebuild *rb = t->rb;

    DL_DELETE(rb->tasks, t);
    flux_future_free(t->f);
    free(t->key);
    free(t);
    rb->in_flight--;
}

static void on_job(struct flux_future *f, void *arg)
{
    struct task *t = arg;
    const flux_kvs_get_many_response *res = NULL;
    struct flux_error err;
    int r = flux_kvs_get_many_result(f, &res, &err);
    struct rebuild *rb = t->rb;

    if (!is_known(rb->l, t->id))
        take_job(rb, t->id, r == 0 ? res : NULL, r < 0 ? err.text : NULL);
    end_task(t);
    pump(rb);
}

static void on_list(struct flux_future *f, void *arg)
{
    struct task *t = arg;
    const flux_kvs_get_response *res;
    struct flux_error err;
    struct rebuild *rb = t->rb;
    int r = flux_kvs_get_result(f, &res, &err);

    if (r < 0 && r != -ENOENT)
        flux_log(rb->l->h, LOG_ERR, "job history: %s: %s; jobs may be missing in it", t->key,
                 err.text);
    for (size_t i = 0; r == 0 && i < res->n_entries; i++)
        push(rb, flux_printf("%s.%s", t->key, res->entries[i]->name));
    end_task(t);
    pump(rb);
}

static struct flux_future *ask_list(struct rebuild *rb, const char *key)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;

    in.key = (char *)key;
    in.list = true;
    return flux_kvs_get_async(rb->l->h, FLUX_ANY, &in);
}

static struct flux_future *ask_job(struct rebuild *rb, const char *key)
{
    flux_kvs_get_many_request in = FLUX_KVS_GET_MANY_REQUEST_INIT;
    char *keys[FLUX_ARRAY_SIZE(names)];
    struct flux_future *f;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(names); i++)
        keys[i] = flux_printf("%s.%s", key, names[i]);
    in.keys = (void *)keys;
    in.n_keys = FLUX_ARRAY_SIZE(names);
    f = flux_kvs_get_many_async(rb->l->h, FLUX_ANY, &in);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(names); i++)
        free(keys[i]);
    return f;
}

/* Takes the key. */
static void begin(struct rebuild *rb, char *key)
{
    struct task *t;
    uint64_t id = 0;

    if (depth_of(key) == JOB_DEPTH &&
        (flux_fluid_parse(key, &id, NULL) < 0 || id == 0 || is_known(rb->l, id))) {
        free(key);
        return;
    }
    t = flux_alloc(sizeof(*t));
    t->rb = rb;
    t->key = key;
    t->id = id;
    t->f = id ? ask_job(rb, key) : ask_list(rb, key);
    DL_APPEND(rb->tasks, t);
    rb->in_flight++;
    flux_future_then(t->f, id ? on_job : on_list, t);
}

static void finish(struct rebuild *rb)
{
    struct list *l = rb->l;

    if (rb->added)
        flux_log(l->h, LOG_INFO,
                 "job history: %zu jobs were added from the KVS, %zu of them damaged", rb->added,
                 rb->damaged);
    if (rb->all && !rb->failed)
        history_set_complete(l->history);
    rebuild_stop(l);
}

static void pump(struct rebuild *rb)
{
    while (rb->in_flight < IN_FLIGHT && rb->count > 0)
        begin(rb, rb->queue[--rb->count]);
    if (rb->in_flight == 0)
        finish(rb);
}

static struct rebuild *get(struct list *l)
{
    if (!l->rebuild) {
        l->rebuild = flux_alloc(sizeof(*l->rebuild));
        l->rebuild->l = l;
    }
    return l->rebuild;
}

static void walk_all(struct list *l)
{
    struct rebuild *rb = get(l);

    rb->all = true;
    if (l->stats.inactive)
        flux_log(l->h, LOG_WARNING,
                 "job history: jobs may be missing in it; it is made complete from the KVS");
    push(rb, flux_strdup("job"));
    pump(rb);
}

/* Jobs that the job manager could not take over at its start. */
static void take_left_out(struct list *l)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    struct rebuild *rb;

    in.key = FLUX_JOBS_KEY_DAMAGED;
    in.list = true;
    if (flux_kvs_get(l->h, FLUX_ANY, &in, &out, NULL) < 0)
        return;
    rb = get(l);
    for (size_t i = 0; i < out->n_entries; i++) { /* looked at when the journal has caught up */
        uint64_t id = strtoull(out->entries[i]->name, NULL, 16);
        char key[FLUX_JOB_KEY_MAX];

        if (id)
            push(rb, flux_strdup(flux_job_key(key, id, NULL)));
    }
}

/* The store's mark is the epoch of its job ids. */
static char *store_mark(struct list *l)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;

    in.key = FLUX_JOBS_KEY_EPOCH;
    return flux_kvs_get(l->h, FLUX_ANY, &in, &out, NULL) == 0 ? text_of(out) : NULL;
}

void rebuild_prepare(struct list *l)
{
    FLUX_AUTO_STR mark = store_mark(l);

    if (mark && history_claim(l->history, mark))
        flux_log(l->h, LOG_WARNING, "job history: it was of another store, and is made again");
    take_left_out(l);
}

void rebuild_start(struct list *l)
{
    if (history_is_incomplete(l->history))
        walk_all(l);
    else if (l->rebuild)
        pump(l->rebuild);
}

void rebuild_job(struct list *l, uint64_t id)
{
    char key[FLUX_JOB_KEY_MAX];

    if (!l->caught_up || (id == 0 && l->rebuild))
        return;
    if (id == 0) {
        flux_log(l->h, LOG_ERR,
                 "job history: a part cannot be read; stop the instance, remove " HISTORY_FILE
                 ", and it is made again");
        return;
    }
    flux_log(l->h, LOG_ERR, "job history: the row of job %s is damaged, and is made again",
             flux_fluid_f58(id));
    history_begin(l->history);
    history_remove(l->history, id);
    push(get(l), flux_strdup(flux_job_key(key, id, NULL)));
    pump(l->rebuild);
}

void rebuild_stop(struct list *l)
{
    struct rebuild *rb = l->rebuild;

    if (!rb)
        return;
    l->rebuild = NULL;
    while (rb->tasks)
        end_task(rb->tasks);
    while (rb->count)
        free(rb->queue[--rb->count]);
    free(rb->queue);
    free(rb);
}
