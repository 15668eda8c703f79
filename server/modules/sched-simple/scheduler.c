// SPDX-License-Identifier: LGPL-3.0-only
/* Lines of jobs and the scheduling pass. */
#include "scheduler.h"

static struct sched_job *job_of(const struct heap_item *item)
{
    return FLUX_CONTAINER_OF(item, struct sched_job, item);
}

static bool job_before(const struct heap_item *x, const struct heap_item *y)
{
    const struct sched_job *a = job_of(x), *b = job_of(y);

    if (a->priority != b->priority)
        return a->priority > b->priority;
    if (a->t_submit != b->t_submit)
        return a->t_submit < b->t_submit;
    return a->id < b->id;
}

static struct line *line_of(const struct heap_item *item)
{
    return FLUX_CONTAINER_OF(item, struct line, item);
}

static bool line_before(const struct heap_item *x, const struct heap_item *y)
{
    return job_before(heap_top(&line_of(x)->jobs), heap_top(&line_of(y)->jobs));
}

void sched_init(struct sched *s)
{
    s->lines.before = line_before;
}

static struct sched_job *find(struct sched *s, uint64_t id)
{
    struct sched_job *job;

    HASH_FIND(hh, s->jobs, &id, sizeof(id), job);
    return job;
}

/* ---- lines */

/* Takes over the reference to the mask. */
static void join_line(struct sched *s, struct sched_job *job, struct pool_mask *mask)
{
    struct line *line = pool_mask_aux(mask);

    if (line)
        pool_mask_unref(s->pool, mask);
    else {
        line = flux_alloc(sizeof(*line));
        line->mask = mask;
        line->jobs.before = job_before;
        pool_mask_set_aux(mask, line);
    }
    job->line = line;
    job->rq.mask = line->mask;
    heap_add(&line->jobs, &job->item);
    if (line->item.at)
        heap_moved(&s->lines, &line->item);
    else
        heap_add(&s->lines, &line->item);
    s->pending++;
}

static void leave_line(struct sched *s, struct sched_job *job)
{
    struct line *line = job->line;

    /* the order of lines is that of their first jobs: out before it changes, in after */
    if (line->item.at)
        heap_remove(&s->lines, &line->item);
    heap_remove(&line->jobs, &job->item);
    job->line = NULL;
    s->pending--;
    if (line->jobs.count) {
        heap_add(&s->lines, &line->item);
        return;
    }
    heap_done(&line->jobs);
    pool_mask_set_aux(line->mask, NULL);
    pool_mask_unref(s->pool, line->mask);
    free(line);
}

static void forget(struct sched *s, struct sched_job *job)
{
    if (job->line)
        leave_line(s, job);
    pool_release(s->pool, job->alloc);
    HASH_DEL(s->jobs, job);
    flux_count_free(job->flexible);
    free(job);
}

void sched_clear(struct sched *s)
{
    struct sched_job *job, *tmp;

    HASH_ITER (hh, s->jobs, job, tmp) {
        forget(s, job);
    }
}

void sched_done(struct sched *s)
{
    sched_clear(s);
    heap_done(&s->lines);
    pool_reserve_free(s->reserved);
    pool_free(s->pool);
}

/* ---- requests */

static struct sched_job *add_job(struct sched *s, uint64_t id)
{
    struct sched_job *job = flux_alloc(sizeof(*job));

    job->id = id;
    HASH_ADD(hh, s->jobs, id, sizeof(job->id), job);
    return job;
}

/* Read a jobspec into a request; the mask is a reference for the caller. */
static int read_request(struct sched *s, const char *text, struct pool_request *rq,
                        struct flux_jobspec **js, struct pool_mask **mask, struct flux_error *err)
{
    FLUX_AUTO(jobspec) view = NULL;
    json_t *o;
    int r = flux_jobspec_parse(text, strlen(text), &o, err);

    if (r < 0)
        return r;
    r = flux_jobspec_view(o, &view, err);
    json_decref(o);
    if (r == 0)
        r = pool_mask(s->pool, view->constraints, mask, err);
    if (r < 0)
        return r;
    r = pool_request_init(rq, view, *mask, err);
    if (r == 0)
        r = pool_feasible(s->pool, rq, err);
    if (r < 0)
        pool_mask_unref(s->pool, *mask);
    else
        *js = FLUX_GIVE(view);
    return r;
}

int sched_enqueue(struct sched *s, uint64_t id, uint32_t priority, double t_submit,
                  const char *jobspec, struct flux_error *err)
{
    FLUX_AUTO(jobspec) js = NULL;
    struct pool_request rq;
    struct pool_mask *mask;
    struct sched_job *job;
    struct flux_error why;

    if (find(s, id))
        return flux_error_set(err, -EEXIST, "job is known already");
    if (read_request(s, jobspec, &rq, &js, &mask, &why) < 0) {
        s->grant(s, id, NULL, NULL, flux_strdup(why.text));
        return 0;
    }
    job = add_job(s, id);
    job->priority = priority;
    job->t_submit = t_submit;
    job->duration = js->duration;
    job->rq = rq;
    job->flexible = js->nnodes ? FLUX_GIVE(js->node_count) : FLUX_GIVE(js->slot_count);
    join_line(s, job, mask);
    return 0;
}

int sched_feasible(struct sched *s, const char *jobspec, struct flux_error *err)
{
    FLUX_AUTO(jobspec) js = NULL;
    struct pool_request rq;
    struct pool_mask *mask;
    int r = read_request(s, jobspec, &rq, &js, &mask, err);

    if (r == 0)
        pool_mask_unref(s->pool, mask);
    return r < 0 ? -EINVAL : 0;
}

int sched_hold(struct sched *s, uint64_t id, const char *text, struct flux_error *err)
{
    FLUX_AUTO(rset) r = NULL;
    struct pool_alloc *alloc;
    int rc;

    if (find(s, id))
        return flux_error_set(err, -EEXIST, "job is known already");
    if ((rc = flux_rset_decode(text, &r, err)) < 0 || (rc = pool_hold(s->pool, r, &alloc, err)) < 0)
        return rc;
    add_job(s, id)->alloc = alloc;
    return 0;
}

bool sched_cancel(struct sched *s, uint64_t id)
{
    struct sched_job *job = find(s, id);

    if (!job || !job->line)
        return false;
    forget(s, job);
    return true;
}

int sched_free(struct sched *s, uint64_t id, const struct flux_idset *ranks)
{
    struct sched_job *job = find(s, id);

    if (!job || !job->alloc)
        return -ENOENT;
    if (!ranks || pool_release_ranks(s->pool, job->alloc, ranks))
        forget(s, job);
    return 0;
}

bool sched_prioritize(struct sched *s, uint64_t id, uint32_t priority)
{
    struct sched_job *job = find(s, id);

    if (!job || !job->line)
        return false;
    heap_remove(&s->lines, &job->line->item);
    job->priority = priority;
    heap_moved(&job->line->jobs, &job->item);
    heap_add(&s->lines, &job->line->item);
    return true;
}

bool sched_knows(struct sched *s, uint64_t id)
{
    return find(s, id);
}

/* ---- inventory */

/* Move a job that waits to the same constraint's mask in the new pool. */
static struct pool_mask *new_mask(struct pool *pool, const char *text)
{
    struct pool_mask *mask = NULL;
    json_t *o = *text ? json_loads(text, 0, NULL) : NULL;

    /* the text has made a mask before, so it makes one again */
    if (pool_mask(pool, o, &mask, NULL) < 0)
        abort();
    json_decref(o);
    return mask;
}

static void move_job(struct sched *s, struct pool *from, struct sched_job *job)
{
    FLUX_AUTO(rset) had = pool_alloc_rset(from, job->alloc);
    FLUX_AUTO(rset) has = flux_rset_intersect(had, pool_all(s->pool));

    free(job->alloc);
    job->alloc = NULL;
    if (pool_hold(s->pool, has, &job->alloc, NULL) < 0)
        job->alloc = NULL;
}

void sched_set_inventory(struct sched *s, const struct flux_rset *all)
{
    struct pool *old = s->pool, *pool = pool_new(all);
    struct sched_job *job, *tmp;

    HASH_ITER (hh, s->jobs, job, tmp) {
        if (!job->line)
            continue;
        struct pool_mask *mask = new_mask(pool, pool_mask_text(job->line->mask));
        leave_line(s, job);
        job->rq.mask = mask; /* its reference, until it joins a line again */
    }
    s->pool = pool;
    HASH_ITER (hh, s->jobs, job, tmp) {
        if (job->alloc)
            move_job(s, old, job);
        else
            join_line(s, job, (struct pool_mask *)job->rq.mask);
    }
    pool_reserve_free(s->reserved);
    s->reserved = pool_reserve_new(pool);
    pool_free(old);
    if (pool_mask(pool, NULL, &s->everything, NULL) < 0)
        abort();
}

/* ---- the pass */

static void grant(struct sched *s, struct sched_job *job, double now)
{
    double end = job->duration > 0 ? now + job->duration : 0;
    char *summary, *r;

    if (s->expiration > 0 && (end == 0 || end > s->expiration))
        end = s->expiration;
    leave_line(s, job);
    flux_count_free(FLUX_GIVE(job->flexible));
    r = pool_encode(s->pool, job->alloc, now, end, &summary);
    s->grant(s, job->id, r, summary, NULL);
}

void sched_pass(struct sched *s, double now)
{
    struct line **blocked = NULL;
    size_t nblocked = 0;

    if (!s->pool)
        return;
    pool_reserve_clear(s->reserved);
    while (s->lines.count && pool_reserve_leaves(s->pool, s->reserved, s->everything)) {
        struct line *line = line_of(heap_top(&s->lines));
        struct sched_job *job = job_of(heap_top(&line->jobs));

        if (pool_reserve_leaves(s->pool, s->reserved, line->mask) &&
            pool_alloc(s->pool, &job->rq, s->reserved, &job->alloc) == 0) {
            grant(s, job, now);
            continue;
        }
        heap_remove(&s->lines, &line->item);
        pool_reserve_add(s->reserved, line->mask);
        if ((nblocked & (nblocked - 1)) == 0)
            blocked = flux_realloc(blocked, nblocked ? nblocked * 2 : 1, sizeof(*blocked));
        blocked[nblocked++] = line;
    }
    while (nblocked)
        heap_add(&s->lines, &blocked[--nblocked]->item);
    free(blocked);
}
