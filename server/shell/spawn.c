// SPDX-License-Identifier: LGPL-3.0-only
/* Start one task: clone with the shell's memory, the shell asleep until exec (what vfork does), the
 * pidfd in the same call. The child's steps write their failure straight into struct spawn. The
 * shell has no signal handlers (it reads signals from a signalfd), so none can run in the child. */
#include "shell.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE 65536

static int fail(struct spawn *sp, int errnum, const char *stage)
{
    sp->errnum = errnum;
    sp->stage = stage;
    return -1;
}

static void reset_signals(void)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;

    sigaction(SIGPIPE, &dfl, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The standard descriptors first; those are never among the passed ones, which only lose CLOEXEC.
 */
static int place_fds(struct spawn *sp)
{
    struct flux_shell_task *t = sp->task;

    for (int i = 0; i < 3; i++)
        if (t->stdio[i] >= 0 && t->stdio[i] != i && dup2(t->stdio[i], i) < 0)
            return fail(sp, errno, "cannot set up standard streams");
    for (unsigned i = 0; i < t->npass; i++)
        if (fcntl(t->pass[i], F_SETFD, 0) < 0)
            return fail(sp, errno, "cannot pass a descriptor");
    return 0;
}

static int own_group(struct spawn *sp)
{
    if (sp->task->pty >= 0) {
        if (setsid() < 0 || ioctl(0, TIOCSCTTY, 0) < 0)
            return fail(sp, errno, "cannot take the terminal");
    } else if (sp->group && setpgid(0, 0) < 0)
        return fail(sp, errno, "cannot make a process group");
    return 0;
}

static int execute(struct spawn *sp)
{
    int kept = ENOENT;

    for (char **p = sp->paths; *p; p++) {
        execve(*p, sp->argv, sp->envp);
        if (errno == ENOEXEC) {
            size_t argc = 0;

            while (sp->argv[argc])
                argc++;
            char *argv[argc + 2];
            argv[0] = (char *)"sh";
            argv[1] = *p;
            for (size_t i = 1; i <= argc; i++)
                argv[i + 1] = sp->argv[i];
            execve("/bin/sh", argv, sp->envp);
        }
        if (errno == EACCES)
            kept = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR)
            return fail(sp, errno, NULL);
    }
    return fail(sp, kept, NULL);
}

static int child_steps(struct spawn *sp)
{
    struct flux_shell_task *t = sp->task;
    int r;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (place_fds(sp) < 0 || own_group(sp) < 0)
        return -1;
    if (t->cpus && sched_setaffinity(0, sizeof(*t->cpus), t->cpus) < 0 &&
        errno != EINVAL) /* EINVAL: none of them is allowed to us; run where we may */
        return fail(sp, errno, "cannot bind to processors");
    if (sp->sh->nofile_raised)
        setrlimit(RLIMIT_NOFILE, &sp->sh->nofile);
    r = plugins_task_exec(sp->sh, t);
    if (r < 0)
        return fail(sp, -r, "a plugin refused");
    reset_signals();
    if (sp->stop && ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        return fail(sp, errno, "cannot stop in exec");
    return execute(sp);
}

static int child_main(void *arg)
{
    struct spawn *sp = arg;

    child_steps(sp);
    _exit(sp->errnum == ENOENT ? 127 : 126);
}

pid_t spawn_process(struct spawn *sp, int *pidfd)
{
    static char stack[STACK_SIZE] __attribute__((aligned(64)));
    pid_t pid;
    int fd = -1;

    sp->errnum = 0;
    pid = clone(child_main, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, sp,
                &fd);
    if (pid < 0) {
        pid = -errno;
        fail(sp, errno, "cannot make a process");
    }
    *pidfd = fd;
    return pid;
}
