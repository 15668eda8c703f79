// SPDX-License-Identifier: LGPL-3.0-only
/* The initial program is the instance's reason to be: when it ends, the instance does, and its wait
 * status is the broker's. Its environment leads to this instance, not to the enclosing one. */
#include <flux/environ.h>
#include <flux/paths.h>

#include "program.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <flux/v1/job_manager.h>

/* Caller frees the array and, from *own on, the strings. */
static char **make_environment(struct broker *b, size_t *own)
{
    const char *uri = attrs_get(b->attrs, "local-uri"), *jobid = attrs_get(b->attrs, "jobid");
    size_t n;
    char **env = flux_environ_inner(&n);

    env = flux_realloc(env, n + 4, sizeof(*env));
    *own = n;
    env[n++] = flux_printf("FLUX_URI=%s", uri ? uri : "");
    if (jobid)
        env[n++] = flux_printf("FLUX_ENCLOSING_ID=%s", jobid);
    env[n] = NULL;
    return env;
}

static void free_environment(char **env, size_t own)
{
    for (size_t i = own; env[i]; i++)
        free(env[i]);
    free(env);
}

int program_start_script(struct broker *b, char *const *argv, int output,
                         void (*on_exit)(int status, void *arg), void *arg, struct subproc **ret,
                         struct flux_error *err)
{
    size_t own;
    char **env = make_environment(b, &own);
    struct subproc_options opts = {.argv = argv,
                                   .envp = env,
                                   .own_group = true,
                                   .output = output,
                                   .on_exit = on_exit,
                                   .arg = arg};
    int r = subproc_start(&b->loop, &opts, ret, err);

    free_environment(env, own);
    return r;
}

bool program_tell_parent(struct broker *b, void (*done)(int status, void *arg), void *arg)
{
    const char *jobid = attrs_get(b->attrs, "jobid"), *uri = attrs_get(b->attrs, "local-uri");
    FLUX_AUTO_STR bindir = flux_path_get("bindir");
    FLUX_AUTO_STR flux = flux_printf("%s/flux", bindir);
    FLUX_AUTO_STR memo = NULL;
    struct flux_error err;
    struct subproc *p;
    char *argv[] = {flux, "--parent", "job", "memo", (char *)jobid, NULL, NULL};

    if (b->rank > 0 || !jobid || !uri || !attrs_get(b->attrs, "parent-uri"))
        return false;
    if (strncmp(uri, "local://", 8) == 0)
        memo = flux_printf("uri=ssh://%s%s", attrs_get(b->attrs, "hostname"), uri + 8);
    else
        memo = flux_printf("uri=%s", uri);
    argv[5] = memo;
    if (program_start_script(b, argv, 0, done, arg, &p, &err) == 0)
        return true;
    broker_log(b, LOG_WARNING, "cannot tell the enclosing instance our address: %s", err.text);
    return false;
}

static void on_program_exit(int status, void *arg)
{
    struct broker *b = arg;

    b->program = NULL;
    b->exit_status = status;
    if (WIFSIGNALED(status))
        broker_log(b, LOG_INFO, "rc2.0: %s", strsignal(WTERMSIG(status)));
    else
        broker_log(b, LOG_INFO, "rc2.0: Exited (rc=%d)", WEXITSTATUS(status));
    if (state_get(b->state) == STATE_CLEANUP && b->jobs_ended)
        state_post(b->state, EVENT_CLEANUP_DONE);
    else
        state_post(b->state, status == 0 ? EVENT_RC2_SUCCESS : EVENT_RC2_FAIL);
}

void program_run(struct broker *b)
{
    const char *shell = getenv("SHELL");
    char *fallback[] = {(char *)(shell && *shell ? shell : "/bin/sh"), NULL};
    char **argv = b->program_argv ? b->program_argv : fallback;
    struct subproc_options opts;
    struct flux_error err;
    size_t own;
    char **env;

    if (b->no_program)
        return;
    env = make_environment(b, &own);
    /* On a terminal it stays in our process group, so that it has the terminal. */
    opts = (struct subproc_options){.argv = argv,
                                    .envp = env,
                                    .own_group = !isatty(STDIN_FILENO),
                                    .on_exit = on_program_exit,
                                    .arg = b};
    if (subproc_start(&b->loop, &opts, &b->program, &err) < 0) {
        broker_log(b, LOG_ERR, "rc2.0: %s", err.text);
        b->exit_status = W_EXITCODE(127, 0);
        state_post(b->state, EVENT_RC2_FAIL);
    }
    free_environment(env, own);
}

/* --- cleanup --- */

/* The jobs have ended. The program may still run, if it was not by its end that all this began. */
static void cleanup_done(struct broker *b)
{
    b->jobs_ended = true;
    if (!b->program)
        state_post(b->state, EVENT_CLEANUP_DONE);
}

static void on_idle(struct flux_future *f, void *arg)
{
    struct broker *b = arg;
    struct flux_error err;
    int r = flux_job_manager_idle_result(f, NULL, &err);

    if (r < 0 && r != -ENOSYS)
        broker_log(b, LOG_WARNING, "cleanup: jobs may be left: %s", err.text);
    flux_future_free(f);
    cleanup_done(b);
}

static void on_canceled(struct flux_future *f, void *arg)
{
    struct broker *b = arg;
    flux_job_manager_idle_request in = FLUX_JOB_MANAGER_IDLE_REQUEST_INIT;
    struct flux_to to = {.timeout = attrs_get_fsd(b->attrs, "broker.cleanup-timeout", 0)};
    int r = flux_job_manager_raise_all_result(f, NULL, NULL);

    flux_future_free(f);
    if (r < 0) {
        cleanup_done(b); /* no job manager: no jobs */
        return;
    }
    flux_future_then(flux_job_manager_idle_async(b->h, to, &in), on_idle, b);
}

static void on_queues_stopped(struct flux_future *f, void *arg)
{
    struct broker *b = arg;
    flux_job_manager_raise_all_request in = FLUX_JOB_MANAGER_RAISE_ALL_REQUEST_INIT;
    flux_job_manager_select select = FLUX_JOB_MANAGER_SELECT_INIT;
    bool keep_pending = attrs_get(b->attrs, "statedir") && !b->statedir_made;
    int r = flux_job_manager_queue_control_result(f, NULL, NULL);

    flux_future_free(f);
    if (r < 0) {
        cleanup_done(b); /* no job manager: no jobs */
        return;
    }
    /* With a statedir, pending jobs stay in the queue for the next start; running ones end. */
    select.userid = FLUX_USERID_UNKNOWN;
    select.states = keep_pending ? 16 | 32 : 0;
    in.select = &select;
    in.type = "cancel";
    in.note = "the instance is ending";
    flux_future_then(flux_job_manager_raise_all_async(b->h, FLUX_ANY, &in), on_canceled, b);
}

/* No job takes the place of one that ends; the next start finds the queues as they were. */
void program_cleanup(struct broker *b)
{
    flux_job_manager_queue_control_request in = FLUX_JOB_MANAGER_QUEUE_CONTROL_REQUEST_INIT;

    if (b->keep_jobs) {
        cleanup_done(b);
        return;
    }
    in.action = FLUX_JOB_MANAGER_QUEUE_ACTION_STOP;
    in.all = true;
    in.nocheckpoint = true;
    in.reason = "the instance is ending";
    flux_future_then(flux_job_manager_queue_control_async(b->h, FLUX_ANY, &in), on_queues_stopped,
                     b);
}
