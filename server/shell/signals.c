// SPDX-License-Identifier: LGPL-3.0-only
/* Signals that the shell gets are meant for the tasks: each is read from a signalfd and sent on to
 * every task's process group. */
#include "shell.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static bool forwarded(int signum)
{
    switch (signum) {
    case SIGHUP:
    case SIGINT:
    case SIGQUIT:
    case SIGTERM:
    case SIGUSR1:
    case SIGUSR2:
    case SIGALRM:
    case SIGCONT:
    case SIGTSTP:
    case SIGWINCH:
    case SIGURG:
    case SIGIO:
    case SIGXCPU:
    case SIGXFSZ:
    case SIGVTALRM:
        return true;
    }
    return signum >= SIGRTMIN && signum <= SIGRTMAX;
}

/* All tasks have ended, but something they left behind holds their output open: asked to end, do.
 */
static void let_go(struct flux_shell *sh, int signum)
{
    if (!sh->started || sh->running || (signum != SIGTERM && signum != SIGINT && signum != SIGHUP))
        return;
    for (unsigned i = 0; i < sh->nlocal; i++)
        streams_done(&sh->tasks[i]);
    tasks_maybe_finished(sh);
}

static void on_signal(uv_poll_t *poll, int status, int events)
{
    struct flux_shell *sh = poll->data;
    struct signalfd_siginfo info;

    while (read(sh->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        flux_shell_log(sh, FLUX_SHELL_DEBUG, NULL, "forwarding signal %u to tasks", info.ssi_signo);
        flux_shell_kill(sh, info.ssi_signo);
        let_go(sh, info.ssi_signo);
    }
}

int signals_start(struct flux_shell *sh, struct flux_error *err)
{
    sigset_t set;
    int r;

    sigemptyset(&set);
    for (int i = 1; i < _NSIG; i++)
        if (forwarded(i))
            sigaddset(&set, i);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    sh->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (sh->signal_fd < 0)
        return flux_error_sys(err, -errno, "signalfd");
    r = uv_poll_init(&sh->loop, &sh->signal_poll, sh->signal_fd);
    if (r < 0)
        return flux_error_sys(err, r, "signalfd");
    sh->signal_poll.data = sh;
    uv_poll_start(&sh->signal_poll, UV_READABLE, on_signal);
    return 0;
}

void flux_shell_kill(struct flux_shell *sh, int signum)
{
    if (signum == SIGTERM || signum == SIGKILL || signum == SIGINT || signum == SIGHUP)
        sh->ending = true;
    for (unsigned i = 0; i < sh->nlocal; i++) {
        struct flux_shell_task *t = &sh->tasks[i];

        if (t->pid > 0 && !t->exited && kill(-t->pid, signum) < 0)
            kill(t->pid, signum);
    }
}
