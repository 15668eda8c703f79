// SPDX-License-Identifier: LGPL-3.0-only
/* Execution on the nodes: one Exec call at our own rank, which spreads along the tree; started and
 * ended shells come back merged. */
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

static void on_exec(struct flux_future *f, void *arg);
static void on_attach(struct flux_future *f, void *arg);

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
    doc->kill_timeout = job->je->kill_timeout;
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
    FLUX_AUTO_STR left = flux_idset_encode(job->pending, FLUX_IDSET_RANGE);

    running_exception(job, "exec", 0,
                      "shells on ranks %s are still there %gs after the first has ended", left,
                      job->exit_timeout);
}

static void shells_ended(struct running *job, const char *ranks)
{
    FLUX_AUTO(idset) set = decode(ranks);

    flux_idset_remove_set(job->pending, set);
    if (flux_idset_empty(job->pending) || job->exit_timer_on || job->exit_timeout < 0)
        return;
    job->exit_timer_on = true;
    uv_timer_start(&job->ended, on_exit_timeout, (uint64_t)(job->exit_timeout * 1000), 0);
}

static void on_failure(struct running *job, const flux_exec_failure *fail)
{
    bool lost = fail->errnum == EHOSTUNREACH;

    running_note_status(job, lost ? W_EXITCODE(0, SIGKILL) : W_EXITCODE(126, 0));
    if (lost)
        running_exception(job, "node-failure", 0, "%s", fail->text);
    else
        running_exception(job, "exec", 0, "%s", fail->text);
    shells_ended(job, fail->ranks);
}

/* A shell that ends by a signal nobody sent through us was lost. Without this the tasks on other
 * nodes would be waited for until the exit timeout. */
static void on_exit_of(struct running *job, const flux_exec_exit *e)
{
    running_note_status(job, e->status);
    if (WIFSIGNALED(e->status) && !job->aborting && WTERMSIG(e->status) != (int)job->signum)
        running_exception(job, "lost-shell", 0, "job shell on rank %s: %s", e->ranks,
                          strsignal(WTERMSIG(e->status)));
    shells_ended(job, e->ranks);
}

static void on_progress(struct running *job, const flux_exec_start_response *out)
{
    FLUX_AUTO(idset) started = decode(out->started);

    flux_idset_remove_set(job->starting, started);
    if (flux_idset_empty(job->starting))
        running_started(job);
    for (size_t i = 0; i < out->n_exits; i++)
        on_exit_of(job, out->exits[i]);
    for (size_t i = 0; i < out->n_failures; i++)
        on_failure(job, out->failures[i]);
}

static void on_end(struct running *job, int r, const struct flux_error *err)
{
    job->exec = NULL;
    if (r != -ENODATA) {
        running_note_status(job, W_EXITCODE(1, 0));
        running_exception(job, "exec", 0, "%s", err->text);
    }
    running_finished(job);
}

static void on_exec(struct flux_future *f, void *arg)
{
    struct running *job = arg;
    const flux_exec_start_response *out;
    struct flux_error err;
    int r = flux_exec_start_result(f, &out, &err);

    if (r == 0) {
        on_progress(job, out);
        return;
    }
    on_end(job, r, &err);
    flux_future_free(f);
}

static void on_attach(struct flux_future *f, void *arg)
{
    struct running *job = arg;
    const flux_exec_attach_response *out;
    struct flux_error err;
    int r = flux_exec_attach_result(f, &out, &err);

    if (r == 0) {
        if (out->progress)
            on_progress(job, out->progress);
        return;
    }
    on_end(job, r, &err);
    flux_future_free(f);
}

/* --- calls --- */

static void attach(struct running *job)
{
    flux_exec_attach_request in = FLUX_EXEC_ATTACH_REQUEST_INIT;

    in.id = job->id;
    in.ranks = job->ranks;
    job->exec = flux_exec_attach_stream(job->je->h, FLUX_ANY, &in);
    flux_future_then(job->exec, on_attach, job);
}

int run_start(struct running *job, const flux_job_exec_start_request *in, struct flux_error *err)
{
    flux_exec_start_request req = FLUX_EXEC_START_REQUEST_INIT;
    Flux__V1__ShellStart doc = FLUX__V1__SHELL_START__INIT;
    FLUX_AUTO_MEM(uint8_t) packed = NULL;
    FLUX_AUTO_STR path = NULL;

    job->pending = decode(job->ranks);
    job->starting = flux_idset_copy(job->pending);
    job->exit_timeout = exit_timeout(job->je, in->jobspec);
    if (in->reattach) {
        attach(job);
        return 0;
    }
    if (in->userid != flux_owner(job->je->h) && !job->je->imp)
        return flux_error_set(err, -EPERM,
                              "exec.imp is not configured: only the owner's jobs can run here");
    path = id_path(job->je->h, in->id);
    doc.job_id_path = path;
    fill_document(job, in, &doc);
    req.start.len = protobuf_c_message_get_packed_size(&doc.base);
    req.start.data = packed = flux_alloc(req.start.len);
    protobuf_c_message_pack(&doc.base, packed);
    req.id = in->id;
    req.userid = in->userid;
    req.ranks = job->ranks;
    req.j = in->j;
    req.attempt = 1;
    if (job->je->shell)
        req.shell = job->je->shell;
    if (job->je->imp && in->userid != flux_owner(job->je->h))
        req.imp = job->je->imp;
    job->exec = flux_exec_start_stream(job->je->h, FLUX_ANY, &req);
    flux_future_then(job->exec, on_exec, job);
    return 0;
}

void run_kill(struct running *job, unsigned signum, bool group)
{
    flux_exec_kill_request in = FLUX_EXEC_KILL_REQUEST_INIT;

    in.id = job->id;
    in.ranks = job->ranks;
    in.signum = signum;
    in.group = group;
    flux_exec_kill_async(job->je->h, (struct flux_to){.no_answer = true}, &in);
}
