// SPDX-License-Identifier: LGPL-3.0-only
/* posix_spawn and a pidfd in the loop: no fork of a large process, no SIGCHLD handler. */
#include "subproc.h"

#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct subproc {
    uv_poll_t poll;
    pid_t pid;
    int pidfd;
    bool own_group;
    void (*on_exit)(int status, void *arg);
    void *arg;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct subproc *p = poll->data;
    int wstatus;

    if (waitpid(p->pid, &wstatus, WNOHANG) != p->pid)
        return;
    uv_poll_stop(poll);
    p->on_exit(wstatus, p->arg);
    uv_close((uv_handle_t *)poll, on_closed);
    close(p->pidfd);
}

static int spawn(pid_t *pid, const struct subproc_options *opts)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    int r;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    if (opts->own_group) {
        posix_spawnattr_setpgroup(&attr, 0);
        flags |= POSIX_SPAWN_SETPGROUP;
    }
    posix_spawnattr_setflags(&attr, flags);
    posix_spawn_file_actions_init(&files);
    if (opts->output > 0) {
        posix_spawn_file_actions_adddup2(&files, opts->output, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&files, opts->output, STDERR_FILENO);
    }
    r = posix_spawnp(pid, opts->argv[0], &files, &attr, opts->argv, opts->envp);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return -r;
}

int subproc_start(uv_loop_t *loop, const struct subproc_options *opts, struct subproc **ret,
                  struct flux_error *err)
{
    struct subproc *p;
    pid_t pid;
    int fd, r = spawn(&pid, opts);

    if (r < 0)
        return flux_error_sys(err, r, "cannot run %s", opts->argv[0]);
    fd = syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) {
        r = -errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return flux_error_sys(err, r, "pidfd_open");
    }
    p = flux_alloc(sizeof(*p));
    p->pid = pid;
    p->pidfd = fd;
    p->own_group = opts->own_group;
    p->on_exit = opts->on_exit;
    p->arg = opts->arg;
    uv_poll_init(loop, &p->poll, fd);
    p->poll.data = p;
    uv_poll_start(&p->poll, UV_READABLE, on_readable);
    *ret = p;
    return 0;
}

void subproc_kill(struct subproc *p, int signum)
{
    kill(p->own_group ? -p->pid : p->pid, signum);
}
