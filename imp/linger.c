// SPDX-License-Identifier: LGPL-3.0-only
/* Signals come through a signalfd, one after another, in a plain loop: there are no handlers. */
#include "linger.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kin.h"
#include "signals.h"

enum {
    KILL_AGAIN = 100,  /* ms: what is being killed may be in the midst of a fork */
    LOOK_AGAIN = 1000, /* ms: the end of processes that are not our descendants is not told */
};

static const int forwarded[] = IMP_SIGNALS_FORWARDED;

struct job {
    pid_t pid;
    bool group, ended, killing;
    int status;
    struct kin kin;
};

static void signals(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
        sigaddset(set, forwarded[i]);
    sigaddset(set, IMP_SIGNAL_CARRIER);
    sigaddset(set, IMP_SIGNAL_KILL);
    sigaddset(set, SIGCHLD);
}

int linger_begin(void)
{
    sigset_t set, all;
    int fd;

    signals(&set);
    sigfillset(&all);
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd < 0 || sigprocmask(SIG_BLOCK, &all, NULL) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return -errno;
    return fd;
}

int linger_follow(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, IMP_SIGNAL_KILL);
    return getppid() == parent ? 0 : -ESRCH;
}

int linger_unblock(pid_t parent)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of ids before this would have cleared it */
    if (getppid() != parent)
        return -ESRCH;
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &dfl, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return 0;
}

static void reap(struct job *job)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != job->pid)
            continue; /* left behind by the job */
        job->ended = true;
        job->status = status;
    }
}

/* The signal that is meant, or 0. */
static int meant(const struct signalfd_siginfo *si)
{
    if ((int)si->ssi_signo != IMP_SIGNAL_CARRIER)
        return si->ssi_signo;
    return si->ssi_code == SI_QUEUE && si->ssi_int > 0 && si->ssi_int < NSIG ? si->ssi_int : 0;
}

static void take(struct job *job, const struct signalfd_siginfo *si)
{
    int signum;

    if (si->ssi_signo == SIGCHLD)
        return; /* reap() looks each time */
    if ((int)si->ssi_signo == IMP_SIGNAL_KILL) {
        job->killing = true;
        return;
    }
    signum = meant(si);
    if (job->ended || !signum)
        return;
    /* It is not reaped, so the pid is its own. It may not have made its group yet. */
    if (!job->group || kill(-job->pid, signum) < 0)
        kill(job->pid, signum);
}

/* Is there something still to wait for? */
static bool busy(const struct job *job)
{
    if (!job->ended || job->killing)
        return true;
    return job->kin.alone && kin_left(&job->kin);
}

static int patience(const struct job *job)
{
    if (job->killing)
        return KILL_AGAIN;
    return job->ended ? LOOK_AGAIN : -1;
}

static void wait_signal(struct job *job, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct signalfd_siginfo si;

    if (poll(&p, 1, patience(job)) > 0 && read(fd, &si, sizeof(si)) == sizeof(si))
        take(job, &si);
}

int linger_wait(int fd, pid_t pid, bool group)
{
    struct job job = {.pid = pid, .group = group};

    kin_init(&job.kin);
    while (busy(&job)) {
        wait_signal(&job, fd);
        if (job.killing && kin_kill(&job.kin) == 0 && job.ended)
            job.killing = false;
        reap(&job);
    }
    close(fd);
    return job.status;
}

noreturn void linger_exit(int status)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t set;

    if (WIFSIGNALED(status)) {
        sigaction(WTERMSIG(status), &dfl, NULL);
        sigemptyset(&set);
        sigaddset(&set, WTERMSIG(status));
        raise(WTERMSIG(status));
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        _exit(128 + WTERMSIG(status));
    }
    _exit(WEXITSTATUS(status));
}
