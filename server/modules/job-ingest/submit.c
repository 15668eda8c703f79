// SPDX-License-Identifier: LGPL-3.0-only
/* The Submit call: every job of it ends as an outcome, in order. */
#include "ingest.h"

#include <stdio.h>

#include <flux/arena.h>
#include <flux/idset.h>
#include <flux/v1/job_manager.h>

#define BATCH 256        /* jobs handed to the manager at a time */
#define JOBS_MAX 1000000 /* of one request */

struct submission {
    struct ingest *ing;
    struct flux_call *call;
    uint32_t userid, urgency, flags;
    flux_job_ingest_outcome *outcomes;
    size_t count, room;
    unsigned batches; /* under way */
    /* The batch being filled. */
    flux_job_manager_new_job *jobs[BATCH];
    size_t index[BATCH]; /* in outcomes */
    size_t n;
};

/* What a batch needs when its answer comes. */
struct batch {
    struct submission *sub;
    size_t n;
    size_t index[BATCH];
};

static flux_job_ingest_outcome *add_outcome(struct submission *sub)
{
    if (sub->count == sub->room) {
        sub->room = sub->room ? sub->room * 2 : 16;
        sub->outcomes = flux_realloc(sub->outcomes, sub->room, sizeof(*sub->outcomes));
    }
    sub->outcomes[sub->count] = (flux_job_ingest_outcome)FLUX_JOB_INGEST_OUTCOME_INIT;
    return &sub->outcomes[sub->count++];
}

static void fail_outcome(struct submission *sub, size_t i, int errnum, const char *text)
{
    sub->outcomes[i].id = 0;
    sub->outcomes[i].errnum = errnum;
    sub->outcomes[i].text = flux_call_strdup(sub->call, text);
}

static void reply(struct submission *sub)
{
    flux_job_ingest_submit_response out = FLUX_JOB_INGEST_SUBMIT_RESPONSE_INIT;

    out.outcomes = flux_call_alloc(sub->call, (sub->count + 1) * sizeof(*out.outcomes));
    for (size_t i = 0; i < sub->count; i++)
        out.outcomes[i] = &sub->outcomes[i];
    out.n_outcomes = sub->count;
    flux_job_ingest_submit_reply(sub->call, &out);
    free(sub->outcomes);
    free(sub);
}

static void on_stored(struct flux_future *f, void *arg)
{
    struct batch *b = arg;
    struct submission *sub = b->sub;
    const flux_job_manager_submit_response *out;
    struct flux_error err;
    int r = flux_job_manager_submit_result(f, &out, &err);

    if (r < 0)
        for (size_t i = 0; i < b->n; i++)
            fail_outcome(sub, b->index[i], -r, err.text);
    else
        for (size_t i = 0; i < out->n_refused; i++)
            fail_outcome(sub, b->index[out->refused[i]->index], out->refused[i]->errnum,
                         out->refused[i]->text);
    flux_future_free(f);
    free(b);
    if (--sub->batches == 0)
        reply(sub);
}

static void send_batch(struct submission *sub)
{
    flux_job_manager_submit_request in = FLUX_JOB_MANAGER_SUBMIT_REQUEST_INIT;
    struct batch *b;

    if (!sub->n)
        return;
    b = flux_alloc(sizeof(*b));
    b->sub = sub;
    b->n = sub->n;
    memcpy(b->index, sub->index, sub->n * sizeof(sub->index[0]));
    in.jobs = sub->jobs;
    in.n_jobs = sub->n;
    sub->batches++;
    flux_future_then(flux_job_manager_submit_async(sub->ing->h, FLUX_ANY, &in), on_stored, b);
    for (size_t i = 0; i < sub->n; i++) {
        free((char *)sub->jobs[i]->jobspec);
        free((char *)sub->jobs[i]->brief);
        if (*sub->jobs[i]->j)
            free((char *)sub->jobs[i]->j);
        free(sub->jobs[i]);
    }
    sub->n = 0;
}

/* Takes the texts; `j` may be NULL. */
static void add_job(struct submission *sub, char *jobspec, char *brief, char *j)
{
    flux_job_manager_new_job *job;
    flux_job_ingest_outcome *out = add_outcome(sub);
    uint64_t id;

    if (flux_fluid_next(&sub->ing->gen, &id) < 0) {
        fail_outcome(sub, sub->count - 1, EOVERFLOW, "this instance has no more job ids");
        free(jobspec);
        free(brief);
        free(j);
        return;
    }
    job = flux_alloc(sizeof(*job));
    *job = (flux_job_manager_new_job)FLUX_JOB_MANAGER_NEW_JOB_INIT;
    job->id = out->id = id;
    job->userid = sub->userid;
    job->urgency = sub->urgency;
    job->flags = sub->flags;
    job->jobspec = jobspec;
    job->brief = brief;
    if (j)
        job->j = j;
    sub->index[sub->n] = sub->count - 1;
    sub->jobs[sub->n++] = job;
    if (sub->n == BATCH)
        send_batch(sub);
}

static void add_copies(struct submission *sub, json_t *o, const char *cc, struct flux_error *err)
{
    FLUX_AUTO(idset) set = NULL;
    struct cc_template *t;

    if (flux_idset_decode(cc, &set, err) < 0) {
        add_outcome(sub);
        fail_outcome(sub, sub->count - 1, EINVAL, err->text);
        return;
    }
    if (sub->count + flux_idset_count(set) > JOBS_MAX) {
        add_outcome(sub);
        fail_outcome(sub, sub->count - 1, E2BIG, "too many jobs in one request");
        return;
    }
    t = cc_template_new(o);
    for (unsigned i = flux_idset_first(set); i != FLUX_IDSET_NONE; i = flux_idset_next(set, i)) {
        char *jobspec, *brief;
        cc_template_make(t, i, &jobspec, &brief);
        add_job(sub, jobspec, brief, NULL);
    }
    cc_template_free(t);
}

static int validate(struct submission *sub, const char *text, json_t **ret, struct flux_error *err)
{
    struct flux_jobspec *js;
    json_t *o;
    int r = flux_jobspec_parse(text, strlen(text), &o, err);

    if (r < 0)
        return -EINVAL;
    if (!(sub->flags & FLUX_JOB_FLAG_NOVALIDATE)) {
        r = flux_jobspec_from_json(o, &js, err);
        if (r == 0)
            flux_jobspec_free(js);
    }
    if (r < 0)
        json_decref(o);
    else
        *ret = o;
    return r;
}

/* The text of the jobspec: as it came, or out of the signed request. Caller frees. */
static int take_text(struct submission *sub, const flux_job_ingest_job *in, char **text,
                     struct flux_error *err)
{
    if (*in->signed_ && (*in->jobspec || *in->cc))
        return flux_error_set(err, -EINVAL, "a signed request is a whole job: each copy is signed");
    if (*in->signed_)
        return ingest_unwrap(sub->call, in->signed_, text, err);
    if (sub->userid != flux_owner(sub->ing->h))
        return flux_error_set(err, -EPERM,
                              "a job of a guest must be signed: submit it with flux submit, run, "
                              "batch or alloc, which sign, or with flux_sign_request()");
    *text = flux_strdup(in->jobspec);
    return 0;
}

static void add_request(struct submission *sub, const flux_job_ingest_job *in)
{
    FLUX_AUTO_STR text = NULL;
    struct flux_error err;
    json_t *o = NULL;
    int r = take_text(sub, in, &text, &err);

    if (r == 0)
        r = validate(sub, text, &o, &err);
    if (r < 0) {
        add_outcome(sub);
        fail_outcome(sub, sub->count - 1, -r, err.text);
        return;
    }
    if (*in->cc)
        add_copies(sub, o, in->cc, &err);
    else {
        /* The text is kept as it came; only YAML is written anew. Then its tree may be taken apart.
         */
        char *jobspec = text[0] == '{' ? FLUX_GIVE(text) : json_dumps(o, JSON_COMPACT);
        add_job(sub, jobspec, ingest_brief(o), *in->signed_ ? flux_strdup(in->signed_) : NULL);
    }
    json_decref(o);
}

int job_ingest_submit(struct flux_call *call, const flux_job_ingest_submit_request *in,
                      flux_job_ingest_submit_response *out)
{
    uint32_t urgency = in->urgency_plus_one ? in->urgency_plus_one - 1 : FLUX_JOB_URGENCY_DEFAULT;
    struct submission *sub;

    if (urgency > FLUX_JOB_URGENCY_MAX)
        return flux_call_fail(call, EINVAL, "invalid urgency %u: 0 to %d", urgency,
                              FLUX_JOB_URGENCY_MAX);
    if (urgency > FLUX_JOB_URGENCY_DEFAULT && !flux_call_is_admin(call))
        return flux_call_fail(call, EPERM, "only the instance owner can submit with urgency > %d",
                              FLUX_JOB_URGENCY_DEFAULT);
    if (in->flags & ~FLUX_JOB_FLAG_DEBUG && !flux_call_is_owner(call))
        return flux_call_fail(call, EPERM, "only the instance owner can submit with %s",
                              in->flags & FLUX_JOB_FLAG_NOVALIDATE ? "novalidate" : "waitable");
    sub = flux_alloc(sizeof(*sub));
    sub->ing = flux_call_data(call);
    sub->call = call;
    sub->userid = flux_call_userid(call);
    sub->urgency = urgency;
    sub->flags = in->flags;
    sub->batches = 1; /* until all have been sent */
    for (size_t i = 0; i < in->n_jobs; i++)
        add_request(sub, in->jobs[i]);
    send_batch(sub);
    if (--sub->batches == 0)
        reply(sub);
    return FLUX_CALL_LATER;
}
