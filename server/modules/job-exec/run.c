// SPDX-License-Identifier: LGPL-3.0-only
/* Execution on the nodes: an Exec call at our own rank, which spreads along the tree; started and
 * ended shells come back merged. Ranks that were lost and have come back are asked in calls of
 * their own. Invariant: a rank of `pending` is away, or in exactly one open stream. */
#include "exec.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include <flux/fluid.h>
#include <flux/fsd.h>
#include <flux/jobspec.h>
#include <flux/v1/exec.h>
#include <flux/v1/shell.pb-c.h>

/* Looked at closer only where the word occurs: most jobs read no input from a client. */
static bool wants_input(const char *jobspec)
{
    json_t *o, *type;
    bool wants;

    if (!strstr(jobspec, "\"service\""))
        return false;
    o = json_loads(jobspec, 0, NULL);
    type = flux_jobspec_get(o, "attributes.system.shell.options.input.stdin.type");
    wants = json_is_string(type) && strcmp(json_string_value(type), "service") == 0;
    json_decref(o);
    return wants;
}

/* The shell option exit-timeout counts for shells as it does for tasks. */
static double exit_timeout(const struct jobexec *je, const char *jobspec)
{
    double seconds = je->exit_timeout;
    const char *text;
    json_t *o, *option;

    if (!strstr(jobspec, "\"exit-timeout\""))
        return seconds;
    o = json_loads(jobspec, 0, NULL);
    option = flux_jobspec_get(o, "attributes.system.shell.options.exit-timeout");
    text = json_string_value(option);
    if (json_is_number(option))
        seconds = json_number_value(option);
    else if (text && strcmp(text, "none") == 0)
        seconds = -1;
    else if (text && (flux_fsd_parse(text, &seconds, NULL) < 0 || isinf(seconds)))
        seconds = -1;
    json_decref(o);
    return seconds;
}

static char *id_path(struct flux *h, uint64_t id)
{
    const char *up = flux_attr(h, "jobid-path");

    return flux_printf("%s/%s", up && strcmp(up, "/") != 0 ? up : "", flux_fluid_f58(id));
}

static void fill_document(struct running *job, const flux_job_exec_start_request *in,
                          Flux__V1__ShellStart *doc)
{
    struct flux *h = job->je->h;
    const char *level = flux_attr(h, "instance-level");
    const char *enclosing = flux_attr(h, "jobid");

    doc->job_id = in->id;
    doc->user_id = in->userid;
    doc->owner_id = flux_owner(h);
    doc->multi_user = job->je->guests;
    if (in->userid == flux_owner(h)) /* a guest's shell has it from the signed request */
        doc->jobspec = in->jobspec;
    doc->resources = in->r;
    doc->start_time = flux_walltime();
    doc->stdin_service = wants_input(in->jobspec);
    doc->instance_level = level ? atoi(level) : 0;
    if (enclosing)
        doc->enclosing_id = enclosing;
    doc->kill_timeout = job->je->killing.timeout;
}

/* --- progress --- */

static struct flux_idset *decode(const char *text)
{
    struct flux_idset *set;

    if (flux_idset_decode(text, &set, NULL) < 0)
        set = flux_idset_new();
    return set;
}

static void on_exit_timeout(uv_timer_t *timer)
{
    struct running *job = timer->data;
    FLUX_AUTO(idset) there = flux_idset_difference(job->pending, job->away);
    FLUX_AUTO_STR left = flux_idset_encode(there, FLUX_IDSET_RANGE);

    job->exit_timer_on = false;
    if (flux_idset_empty(there)) /* begins anew when one is back */
        return;
    running_exception(job, "exec", 0,
                      "shells on ranks %s are still there %gs after the first has ended", left,
                      job->exit_timeout);
}

void run_exit_timer(struct running *job)
{
    if (flux_idset_empty(job->pending) || job->exit_timer_on || job->exit_timeout < 0)
        return;
    job->exit_timer_on = true;
    uv_timer_start(&job->ended, on_exit_timeout, (uint64_t)(job->exit_timeout * 1000), 0);
}

void run_ended(struct running *job, const struct flux_idset *ranks)
{
    flux_idset_remove_set(job->pending, ranks);
    flux_idset_remove_set(job->starting, ranks);
    flux_idset_remove_set(job->away, ranks);
    run_exit_timer(job);
}

void run_settle(struct running *job)
{
    if (flux_idset_empty(job->pending) && LIST_EMPTY(&job->streams))
        running_finished(job);
}

static void attach(struct running *job, struct flux_idset *ranks);

void run_node_failure(struct running *job, const struct flux_idset *ranks, const char *text)
{
    running_note_status(job, W_EXITCODE(0, SIGKILL));
    running_exception(job, "node-failure", 0, "%s", text);
    run_ended(job, ranks);
}

/* EHOSTUNREACH: out of reach, may still run. EEXIST: was started by an earlier call. EOWNERDEAD,
 * ENOENT, ESTALE: the rank is there, but what it ran is not, or not that it knows. */
static void on_failure(struct exec_stream *st, const flux_exec_failure *fail)
{
    struct running *job = st->job;
    FLUX_AUTO(idset) ranks = decode(fail->ranks);

    flux_idset_remove_set(st->ranks, ranks);
    switch (fail->errnum) {
    case EHOSTUNREACH:
        away_add(job, ranks, fail->text);
        break;
    case EEXIST:
        attach(job, ranks);
        break;
    case EOWNERDEAD:
    case ENOENT:
    case ESTALE:
        run_node_failure(job, ranks, fail->text);
        break;
    default:
        running_note_status(job, W_EXITCODE(126, 0));
        running_exception(job, "exec", 0, "%s", fail->text);
        run_ended(job, ranks);
    }
}

/* A shell that ends by a signal nobody sent through us was lost. Without this the tasks on other
 * nodes would be waited for until the exit timeout. */
static void on_exit_of(struct exec_stream *st, const flux_exec_exit *e)
{
    struct running *job = st->job;
    FLUX_AUTO(idset) ranks = decode(e->ranks);

    flux_idset_remove_set(st->ranks, ranks);
    running_note_status(job, e->status);
    if (WIFSIGNALED(e->status) && !job->aborting && WTERMSIG(e->status) != (int)job->signum)
        running_exception(job, "lost-shell", 0, "job shell on rank %s: %s", e->ranks,
                          strsignal(WTERMSIG(e->status)));
    run_ended(job, ranks);
}

static void on_progress(struct exec_stream *st, const flux_exec_start_response *out)
{
    struct running *job = st->job;
    FLUX_AUTO(idset) started = decode(out->started);

    if (!flux_idset_empty(started)) {
        flux_idset_remove_set(job->starting, started);
        if (st->attach)
            away_found(job, started);
        if (flux_idset_empty(job->starting))
            running_started(job);
    }
    for (size_t i = 0; i < out->n_exits; i++)
        on_exit_of(st, out->exits[i]);
    for (size_t i = 0; i < out->n_failures; i++)
        on_failure(st, out->failures[i]);
}

static void stream_free(struct exec_stream *st)
{
    LIST_REMOVE(st, link);
    flux_future_free(st->future);
    flux_idset_free(st->ranks);
    free(st);
}

void run_free_streams(struct running *job)
{
    while (!LIST_EMPTY(&job->streams))
        stream_free(LIST_FIRST(&job->streams));
}

/* Each rank tells of its end, so that none is left at the end of a stream but when it fails. */
static void on_end(struct exec_stream *st, int r, const struct flux_error *err)
{
    struct running *job = st->job;

    if (r != -ENODATA) {
        running_note_status(job, W_EXITCODE(1, 0));
        running_exception(job, "exec", 0, "%s", err->text);
        run_ended(job, st->ranks);
    }
    stream_free(st);
    run_settle(job);
}

static void on_start_item(struct flux_future *f, void *arg)
{
    struct exec_stream *st = arg;
    const flux_exec_start_response *out;
    struct flux_error err;
    int r = flux_exec_start_result(f, &out, &err);

    if (r == 0)
        on_progress(st, out);
    else
        on_end(st, r, &err);
}

static void on_attach_item(struct flux_future *f, void *arg)
{
    struct exec_stream *st = arg;
    const flux_exec_attach_response *out;
    struct flux_error err;
    int r = flux_exec_attach_result(f, &out, &err);

    if (r < 0)
        on_end(st, r, &err);
    else if (out->progress)
        on_progress(st, out->progress);
}

/* --- calls --- */

static struct exec_stream *stream_new(struct running *job, const struct flux_idset *ranks)
{
    struct exec_stream *st = flux_alloc(sizeof(*st));

    st->job = job;
    st->ranks = flux_idset_copy(ranks);
    LIST_INSERT_HEAD(&job->streams, st, link);
    return st;
}

static void attach(struct running *job, struct flux_idset *ranks)
{
    flux_exec_attach_request in = FLUX_EXEC_ATTACH_REQUEST_INIT;
    FLUX_AUTO_STR text = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
    struct exec_stream *st = stream_new(job, ranks);

    st->attach = true;
    in.id = job->id;
    in.ranks = text;
    st->future = flux_exec_attach_stream(job->je->h, FLUX_ANY, &in);
    flux_future_then(st->future, on_attach_item, st);
}

/* With an `age` above 0 a shell may have been started so long ago. */
static void start(struct running *job, const struct flux_idset *ranks, double age)
{
    const flux_job_exec_start_request *in = job->in;
    flux_exec_start_request req = FLUX_EXEC_START_REQUEST_INIT;
    Flux__V1__ShellStart doc = FLUX__V1__SHELL_START__INIT;
    FLUX_AUTO_STR text = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
    FLUX_AUTO_STR path = id_path(job->je->h, in->id);
    FLUX_AUTO_MEM(uint8_t) packed = NULL;
    struct exec_stream *st = stream_new(job, ranks);

    doc.job_id_path = path;
    fill_document(job, in, &doc);
    req.start.len = protobuf_c_message_get_packed_size(&doc.base);
    req.start.data = packed = flux_alloc(req.start.len);
    protobuf_c_message_pack(&doc.base, packed);
    req.id = in->id;
    req.userid = in->userid;
    req.ranks = text;
    req.j = in->j;
    req.attempt = 1;
    req.maybe_started = age;
    if (job->je->shell)
        req.shell = job->je->shell;
    if (job->je->imp && in->userid != flux_owner(job->je->h))
        req.imp = job->je->imp;
    st->future = flux_exec_start_stream(job->je->h, FLUX_ANY, &req);
    flux_future_then(st->future, on_start_item, st);
}

/* Seconds since a shell may first have been started. */
static double age_of(const struct running *job)
{
    return flux_monotime() - job->first_start;
}

void run_again(struct running *job, struct flux_idset *ranks)
{
    FLUX_AUTO(idset) unknown = flux_idset_intersect(ranks, job->starting);
    FLUX_AUTO(idset) known = flux_idset_difference(ranks, unknown);

    if (job->reattached && !flux_idset_empty(ranks)) {
        attach(job, ranks);
        return;
    }
    if (!flux_idset_empty(unknown))
        start(job, unknown, age_of(job));
    if (!flux_idset_empty(known))
        attach(job, known);
}

int run_start(struct running *job, const flux_job_exec_start_request *in, struct flux_error *err)
{
    double passed = job->starttime > 0 ? flux_walltime() - job->starttime : 0;

    job->pending = decode(job->ranks);
    job->nranks = flux_idset_count(job->pending);
    job->starting = flux_idset_copy(job->pending);
    job->away = flux_idset_new();
    job->exit_timeout = exit_timeout(job->je, in->jobspec);
    job->reattached = in->reattach;
    if (in->reattach && flux_size(job->je->h) > flux_idset_last(job->pending) && job->je->follow) {
        away_begin(job);
        return 0;
    }
    if (in->reattach) { /* an instance of one, or one that was larger */
        attach(job, job->pending);
        return 0;
    }
    if (in->userid != flux_owner(job->je->h) && !job->je->imp)
        return flux_error_set(err, -EPERM,
                              "exec.imp is not configured: only the owner's jobs can run here");
    job->first_start = flux_monotime() - (in->maybe_started && passed > 0 ? passed : 0);
    start(job, job->pending, in->maybe_started ? age_of(job) : 0);
    return 0;
}

static void signalled_free(struct signalled *k)
{
    LIST_REMOVE(k, link);
    flux_future_free(k->future);
    free(k);
}

void run_free_signalled(struct jobexec *je)
{
    while (!LIST_EMPTY(&je->signalled))
        signalled_free(LIST_FIRST(&je->signalled));
}

/* Who was lost with the signal on its way gets it when it is back: perhaps for the second time,
 * but not never. */
static void on_signalled(struct flux_future *f, void *arg)
{
    struct signalled *k = arg;
    const flux_exec_kill_response *out;
    struct running *job;

    HASH_FIND(hh, k->je->jobs, &k->id, sizeof(k->id), job);
    if (flux_exec_kill_result(f, &out, NULL) == 0 && *out->unreached && job) {
        FLUX_AUTO(idset) ranks = decode(out->unreached);
        away_missed(job, ranks, k->signum);
    }
    signalled_free(k);
}

void run_kill_ranks(struct running *job, const struct flux_idset *ranks, unsigned signum,
                    bool group)
{
    flux_exec_kill_request in = FLUX_EXEC_KILL_REQUEST_INIT;
    FLUX_AUTO_STR text = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
    struct signalled *k;

    in.id = job->id;
    in.ranks = text;
    in.signum = signum;
    in.group = group;
    if (job->aborting) { /* the kill sequence does not stop at one */
        flux_exec_kill_async(job->je->h, (struct flux_to){.no_answer = true}, &in);
        return;
    }
    k = flux_alloc(sizeof(*k));
    k->je = job->je;
    k->id = job->id;
    k->signum = signum;
    k->future = flux_exec_kill_async(job->je->h, FLUX_ANY, &in);
    LIST_INSERT_HEAD(&job->je->signalled, k, link);
    flux_future_then(k->future, on_signalled, k);
}

void run_kill(struct running *job, unsigned signum, bool group)
{
    FLUX_AUTO(idset) there = away_signal(job, signum);

    if (!flux_idset_empty(there))
        run_kill_ranks(job, there, signum, group);
}
