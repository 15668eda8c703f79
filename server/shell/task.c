// SPDX-License-Identifier: LGPL-3.0-only
/* The local tasks from preparation to end. The shell is finished when every task has exited, every
 * stream has ended, nobody holds it, and what there was to send has been taken over. */
#include "shell.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <flux/environ.h>

/* Pipes, PMI socket, pidfd of a task, at both ends while it starts. */
#define FDS_PER_TASK 12
#define FDS_OF_OUR_OWN 64

/* Many tasks need more descriptors than programs usually get; the tasks get the usual limit. */
static void raise_nofile(struct flux_shell *sh)
{
    rlim_t need = (rlim_t)sh->nlocal * FDS_PER_TASK + FDS_OF_OUR_OWN;
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur >= need)
        return;
    sh->nofile = lim;
    lim.rlim_cur = need < lim.rlim_max ? need : lim.rlim_max;
    sh->nofile_raised = setrlimit(RLIMIT_NOFILE, &lim) == 0;
}

int tasks_prepare(struct flux_shell *sh, struct flux_error *err)
{
    raise_nofile(sh);
    for (unsigned i = 0; i < sh->nlocal; i++) {
        struct flux_shell_task *t = &sh->tasks[i];
        int r;

        flux_shell_task_setenv(t, "FLUX_TASK_RANK", "%u", t->rank);
        flux_shell_task_setenv(t, "FLUX_TASK_LOCAL_ID", "%u", t->index);
        r = plugins_task_init(sh, t, err);
        if (r < 0 || (r = input_prepare(sh, t, err)) < 0 || (r = streams_prepare(sh, t, err)) < 0)
            return flux_error_prefix(err, r, "task %u", t->rank);
    }
    return 0;
}

static int exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void task_ended(struct flux_shell_task *t, int status)
{
    struct flux_shell *sh = t->sh;
    int code = exit_code(status);

    t->status = status;
    t->exited = true;
    sh->running--;
    if (code > sh->exit_code)
        sh->exit_code = code;
    flux_shell_log(sh, FLUX_SHELL_DEBUG, NULL, "task %u complete status=%d", t->rank, code);
    input_task_exit(sh, t);
    plugins_task_exit(sh, t);
    tasks_maybe_finished(sh);
}

static void on_exit_ready(uv_poll_t *poll, int status, int events)
{
    struct flux_shell_task *t = poll->data;
    int wstatus = 0;

    if (waitpid(t->pid, &wstatus, WNOHANG) != t->pid)
        return;
    uv_poll_stop(poll);
    uv_close((uv_handle_t *)poll, NULL);
    close(t->pidfd);
    t->pidfd = -1;
    task_ended(t, wstatus);
}

static void close_child_ends(struct flux_shell_task *t)
{
    for (int i = 0; i < 3; i++) {
        bool shared = false;

        for (int k = 0; k < i; k++)
            shared = shared || t->stdio[k] == t->stdio[i];
        if (t->stdio[i] > 2 && !shared)
            close(t->stdio[i]);
    }
    for (int i = 0; i < 3; i++)
        t->stdio[i] = -1;
    for (unsigned i = 0; i < t->npass; i++)
        close(t->pass[i]);
    t->npass = 0;
}

/* With stop-tasks-in-exec the task now waits, traced, right after exec: leave it stopped for a
 * debugger to attach to. */
static void leave_stopped(struct flux_shell_task *t)
{
    int status;

    if (waitpid(t->pid, &status, WUNTRACED) == t->pid && WIFSTOPPED(status))
        ptrace(PTRACE_DETACH, t->pid, NULL, (void *)(long)SIGSTOP);
}

static int watch_exit(struct flux_shell_task *t, struct flux_error *err)
{
    int r = uv_poll_init(&t->sh->loop, &t->exit_poll, t->pidfd);

    if (r < 0)
        return flux_error_sys(err, r, "task %u: pidfd", t->rank);
    t->exit_poll.data = t;
    return uv_poll_start(&t->exit_poll, UV_READABLE, on_exit_ready);
}

static int start_failed(const struct spawn *sp, const char *command, struct flux_error *err)
{
    struct flux_shell *sh = sp->sh;
    int code = sp->errnum == ENOENT ? 127 : 126;

    if (code > sh->exit_code)
        sh->exit_code = code;
    flux_error_set(err, -sp->errnum, "task %u (host %s): start failed: %.160s: %s%s%s",
                   sp->task->rank, sh->hostname, command, sp->stage ? sp->stage : "",
                   sp->stage ? ": " : "", strerror(sp->errnum));
    return -sp->errnum;
}

/* The arguments with templates filled in; those without are borrowed from sh->argv. */
static char **make_argv(struct flux_shell *sh, struct flux_shell_task *t)
{
    size_t n = 0;
    char **argv;

    while (sh->argv[n])
        n++;
    argv = flux_alloc((n + 1) * sizeof(*argv));
    for (size_t i = 0; i < n; i++)
        argv[i] = strstr(sh->argv[i], "{{") ? mustache_render(sh, t, sh->argv[i]) : sh->argv[i];
    return argv;
}

static void free_argv(struct flux_shell *sh, char **argv)
{
    for (size_t i = 0; argv[i]; i++)
        if (argv[i] != sh->argv[i])
            free(argv[i]);
    free(argv);
}

static int task_start(struct flux_shell *sh, struct flux_shell_task *t, char **paths,
                      struct flux_error *err)
{
    char **argv = make_argv(sh, t);
    bool own_paths = argv[0] != sh->argv[0];
    struct spawn sp = {.sh = sh, .task = t, .argv = argv};
    int r = 0;

    sp.paths = own_paths ? flux_search_files(argv[0], env_get(sh->env, "PATH")) : paths;
    sp.envp = env_array(sh->env, t->env_extra, t->nenv_extra);
    sp.group = !flux_shell_option_on(sh, "nosetpgrp", false);
    sp.stop = flux_shell_option_on(sh, "stop-tasks-in-exec", false);
    t->pid = spawn_process(&sp, &t->pidfd);
    if (sp.errnum) {
        r = start_failed(&sp, argv[0], err);
        if (t->pid > 0) {
            waitpid(t->pid, NULL, 0);
            close(t->pidfd);
        }
        t->pid = 0;
        t->pidfd = -1;
    }
    close_child_ends(t);
    free(sp.envp);
    free_argv(sh, argv);
    if (own_paths)
        flux_search_free(sp.paths);
    return r;
}

static int after_start(struct flux_shell *sh, struct flux_shell_task *t, struct flux_error *err)
{
    int r;

    if (flux_shell_option_on(sh, "stop-tasks-in-exec", false))
        leave_stopped(t);
    r = watch_exit(t, err);
    if (r < 0)
        return r;
    sh->running++;
    plugins_task_fork(sh, t);
    return streams_watch(sh, t, err);
}

int tasks_start(struct flux_shell *sh, struct flux_error *err)
{
    char **paths = flux_search_files(sh->argv[0], env_get(sh->env, "PATH"));
    int r = 0;

    for (unsigned i = 0; i < sh->nlocal && r >= 0; i++) {
        r = task_start(sh, &sh->tasks[i], paths, err);
        if (r >= 0)
            r = after_start(sh, &sh->tasks[i], err);
    }
    flux_search_free(paths);
    sh->started = true;
    return r;
}

/* Called whenever one of the conditions may have come true. */
void tasks_maybe_finished(struct flux_shell *sh)
{
    if (!sh->started || sh->running || sh->open_streams || sh->holds)
        return;
    if (!sh->finished) {
        sh->finished = true;
        plugins_finish(sh);
        sinks_close(sh);
        link_finish(sh->link);
    }
    if (link_idle(sh->link))
        uv_stop(&sh->loop);
}

void tasks_done(struct flux_shell *sh)
{
    for (unsigned i = 0; i < sh->nlocal; i++) {
        struct flux_shell_task *t = &sh->tasks[i];

        streams_done(t);
        close_child_ends(t);
        for (unsigned k = 0; k < t->nenv_extra; k++)
            free(t->env_extra[k]);
        free(t->env_extra);
        free(t->cpus);
    }
    free(sh->tasks);
    sh->tasks = NULL;
    sh->nlocal = 0;
}
