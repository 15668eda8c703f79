// SPDX-License-Identifier: LGPL-3.0-only
/* Sending jobs: as many in a message as fit, and the next message before the last is answered, so
 * that the instance never waits for us. Outcomes are reported in the order of the jobs. */
#include "submit.h"

#include <flux/idset.h>
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
    void (*on_outcome)(uint64_t id, const char *text, void *arg);
    void *arg;
    struct flux_future *open[MESSAGES_AHEAD]; /* a ring, oldest at `first` */
    size_t first, count;
    int refused;
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

static int send_plain(struct sender *x, const struct submit_job *jobs, size_t count,
                      struct flux_error *err)
{
    flux_job_ingest_job items[JOBS_PER_MESSAGE], *list[JOBS_PER_MESSAGE];
    size_t n = 0, bytes = 0;
    int r = 0;

    for (size_t i = 0; i < count && r == 0; i++) {
        size_t len = strlen(jobs[i].jobspec);

        if (jobs[i].cc) {
            r = n > 0 ? send_message(x, list, n, err) : 0;
            n = bytes = 0;
            if (r == 0)
                r = send_cc(x, &jobs[i], err);
            continue;
        }
        if (n == JOBS_PER_MESSAGE || (n > 0 && bytes + len > BYTES_PER_MESSAGE)) {
            r = send_message(x, list, n, err);
            n = bytes = 0;
        }
        items[n] = (flux_job_ingest_job)FLUX_JOB_INGEST_JOB_INIT;
        items[n].jobspec = jobs[i].jobspec;
        list[n] = &items[n];
        n++;
        bytes += len;
    }
    return r == 0 && n > 0 ? send_message(x, list, n, err) : r;
}

int submit_send(struct cli *cli, const struct submission *s, const struct submit_job *jobs,
                size_t count, void (*on_outcome)(uint64_t id, const char *text, void *arg),
                void *arg, struct flux_error *err)
{
    struct sender x = {.h = cli_handle(cli), .s = s, .on_outcome = on_outcome, .arg = arg};
    int r = send_plain(&x, jobs, count, err);

    while (r == 0 && x.count > 0)
        r = collect(&x, err);
    while (x.count > 0) {
        flux_future_free(x.open[x.first]);
        x.first = (x.first + 1) % MESSAGES_AHEAD;
        x.count--;
    }
    return r < 0 ? r : x.refused;
}
