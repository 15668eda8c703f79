// SPDX-License-Identifier: LGPL-3.0-only
/* Sending jobs: as many in a message as fit, and the next message before the last is answered, so
 * that the instance never waits for us. Outcomes are reported in the order of the jobs. Those who
 * don't own the instance send signed requests. */
#include "submit.h"

#include <flux/idset.h>
#include <flux/sign.h>
#include <flux/v1/job_ingest.h>

#include "handle.h"

enum {
    JOBS_PER_MESSAGE = 512,
    BYTES_PER_MESSAGE = 4 << 20,
    MESSAGES_AHEAD = 4,
};

struct sender {
    struct flux *h;
    const struct submission *s;
    const char *sign_type;
    bool sign; /* the instance is not ours, or a type was asked for */
    void (*on_outcome)(uint64_t id, const char *text, void *arg);
    void *arg;
    struct flux_future *open[MESSAGES_AHEAD]; /* a ring, oldest at `first` */
    size_t first, count;
    int refused;

    /* the message being filled */
    flux_job_ingest_job items[JOBS_PER_MESSAGE], *list[JOBS_PER_MESSAGE];
    size_t n, bytes;
};

/* Wait for the oldest message's answer. */
static int collect(struct sender *x, struct flux_error *err)
{
    struct flux_future *f = x->open[x->first];
    const flux_job_ingest_submit_response *out;
    int r = flux_job_ingest_submit_result(f, &out, err);

    for (size_t i = 0; r == 0 && i < out->n_outcomes; i++) {
        const flux_job_ingest_outcome *o = out->outcomes[i];

        x->refused += o->id == 0;
        x->on_outcome(o->id, o->text && *o->text ? o->text : strerror((int)o->errnum), x->arg);
    }
    flux_future_free(f);
    x->first = (x->first + 1) % MESSAGES_AHEAD;
    x->count--;
    return r;
}

static int send_message(struct sender *x, flux_job_ingest_job **jobs, size_t n,
                        struct flux_error *err)
{
    flux_job_ingest_submit_request in = FLUX_JOB_INGEST_SUBMIT_REQUEST_INIT;

    if (x->count == MESSAGES_AHEAD) {
        int r = collect(x, err);

        if (r < 0)
            return r;
    }
    in.jobs = jobs;
    in.n_jobs = n;
    in.urgency_plus_one = x->s->urgency_plus_one;
    in.flags = x->s->flags;
    x->open[(x->first + x->count++) % MESSAGES_AHEAD] =
        flux_job_ingest_submit_async(x->h, FLUX_ANY, &in);
    return 0;
}

/* A job for each member of cc, a few hundred members in a message. */
static int send_cc(struct sender *x, const struct submit_job *job, struct flux_error *err)
{
    FLUX_AUTO(idset) all = NULL;
    FLUX_AUTO(idset) some = flux_idset_new();
    int r = flux_idset_decode(job->cc, &all, err);

    if (r < 0)
        return r;
    FLUX_IDSET_FOREACH(all, id)
    {
        flux_idset_add(some, id);
        if (flux_idset_count(some) == JOBS_PER_MESSAGE || id == flux_idset_last(all)) {
            FLUX_AUTO_STR cc = flux_idset_encode(some, FLUX_IDSET_RANGE);
            flux_job_ingest_job one = FLUX_JOB_INGEST_JOB_INIT, *list = &one;

            one.jobspec = job->jobspec;
            one.cc = cc;
            r = send_message(x, &list, 1, err);
            if (r < 0)
                return r;
            flux_idset_clear(some);
        }
    }
    return 0;
}

static void forget(struct sender *x)
{
    for (size_t i = 0; x->sign && i < x->n; i++)
        free((char *)x->items[i].signed_);
    x->n = x->bytes = 0;
}

/* Send what was gathered. */
static int flush(struct sender *x, struct flux_error *err)
{
    int r = x->n > 0 ? send_message(x, x->list, x->n, err) : 0;

    forget(x);
    return r;
}

/* One job into the message, signed if need be. */
static int add(struct sender *x, const char *jobspec, struct flux_error *err)
{
    char *j = NULL;
    int r = x->sign ? flux_sign_request(x->h, x->sign_type, jobspec, &j, err) : 0;
    size_t len = strlen(j ? j : jobspec);

    if (r >= 0 && (x->n == JOBS_PER_MESSAGE || (x->n > 0 && x->bytes + len > BYTES_PER_MESSAGE)))
        r = flush(x, err);
    if (r < 0) {
        free(j);
        return r;
    }
    flux_job_ingest_job *item = x->list[x->n] = &x->items[x->n];
    *item = (flux_job_ingest_job)FLUX_JOB_INGEST_JOB_INIT;
    if (j)
        item->signed_ = j;
    else
        item->jobspec = (char *)jobspec;
    x->n++;
    x->bytes += len;
    return 0;
}

/* Copies that are made here, because each is signed. */
static int add_copies(struct sender *x, const struct submit_job *job, struct flux_error *err)
{
    FLUX_AUTO(idset) all = NULL;
    json_t *o = NULL;
    int r = flux_idset_decode(job->cc, &all, err);

    if (r == 0)
        r = flux_jobspec_parse(job->jobspec, strlen(job->jobspec), &o, err);
    if (r < 0)
        return r;
    flux_jobspec_cc_mark(o);
    FLUX_AUTO(jobspec_cc) copies = flux_jobspec_cc_new(json_dumps(o, JSON_COMPACT));
    json_decref(o);
    FLUX_IDSET_FOREACH(all, id)
    {
        FLUX_AUTO_STR copy = flux_jobspec_cc_make(copies, id);

        r = add(x, copy, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int send_all(struct sender *x, const struct submit_job *jobs, size_t count,
                    struct flux_error *err)
{
    int r = 0;

    for (size_t i = 0; i < count && r == 0; i++) {
        if (!jobs[i].cc)
            r = add(x, jobs[i].jobspec, err);
        else if (x->sign)
            r = add_copies(x, &jobs[i], err);
        else if ((r = flush(x, err)) == 0)
            r = send_cc(x, &jobs[i], err);
    }
    return r < 0 ? r : flush(x, err);
}

int submit_send(struct cli *cli, const struct submission *s, const struct submit_job *jobs,
                size_t count, void (*on_outcome)(uint64_t id, const char *text, void *arg),
                void *arg, struct flux_error *err)
{
    struct sender x = {.h = cli_handle(cli), .s = s, .on_outcome = on_outcome, .arg = arg};

    x.sign_type = cli_str(cli, "sign-type", NULL);
    x.sign = x.sign_type || flux_owner(x.h) != flux_userid(x.h);
    int r = send_all(&x, jobs, count, err);

    while (r == 0 && x.count > 0)
        r = collect(&x, err);
    forget(&x);
    while (x.count > 0) {
        flux_future_free(x.open[x.first]);
        x.first = (x.first + 1) % MESSAGES_AHEAD;
        x.count--;
    }
    return r < 0 ? r : x.refused;
}

struct one {
    uint64_t id;
    struct flux_error *err;
};

static void on_one(uint64_t id, const char *text, void *arg)
{
    struct one *one = arg;

    one->id = id;
    if (!id)
        flux_error_set(one->err, -EINVAL, "%s", text);
}

int submit_one(struct cli *cli, const struct submission *s, const char *jobspec, uint64_t *ret_id,
               struct flux_error *err)
{
    struct submit_job job = {.jobspec = jobspec};
    struct one one = {0, err};
    int r = submit_send(cli, s, &job, 1, on_one, &one, err);

    *ret_id = one.id;
    return r > 0 ? -EINVAL : r;
}
