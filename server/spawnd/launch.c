// SPDX-License-Identifier: LGPL-3.0-only
/* The one place that makes a process: clone with the parent's memory, the parent asleep until exec
 * (what vfork does), a pidfd in the same call. The child's steps write their failure straight into
 * the shared struct launch. The helper has one thread and no signal handlers, which makes this
 * safe. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <flux/base.h>
#include "launch.h"

#define STACK_SIZE 65536

/* The child leaves its stack by exec, without the returns that would clean what AddressSanitizer
 * wrote about it into the memory it shares with the parent. */
#define IN_CHILD __attribute__((no_sanitize("address"), noinline))

IN_CHILD static int fail(struct launch *l, const char *stage, const char *object)
{
    l->errnum = errno;
    l->stage = stage;
    l->object = object;
    return -1;
}

IN_CHILD static int join_cgroup(struct launch *l)
{
    int fd;

    if (!l->cgroup_procs)
        return 0;
    fd = open(l->cgroup_procs, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) < 0)
        return fail(l, "cannot join cgroup", l->cgroup_procs);
    return 0;
}

/* Sources below the highest target are moved out of the way first, so that no dup2 hits one. */
IN_CHILD static int place_fds(struct launch *l)
{
    for (unsigned i = 0; i < l->nmap; i++) {
        struct fd_map *m = &l->map[i];
        if (m->source <= l->max_target)
            m->source = fcntl(m->source, F_DUPFD_CLOEXEC, l->max_target + 1);
        if (m->source < 0)
            return fail(l, "cannot move a descriptor", NULL);
    }
    for (unsigned i = 0; i < l->nmap; i++) {
        if (dup2(l->map[i].source, l->map[i].target) < 0)
            return fail(l, "cannot set up a descriptor", NULL);
    }
    return 0;
}

/* A script without "#!" is the shell's, as everywhere. */
IN_CHILD static void exec_script(struct launch *l, char *path)
{
    size_t argc = 0;

    while (l->argv[argc])
        argc++;
    char *argv[argc + 3];
    argv[0] = (char *)"sh";
    argv[1] = path;
    for (size_t i = 1; i <= argc; i++)
        argv[i + 1] = l->argv[i];
    if (argc == 0)
        argv[2] = NULL;
    execve("/bin/sh", argv, l->envp);
}

IN_CHILD static int execute(struct launch *l)
{
    int kept = ENOENT;

    for (char **p = l->paths; *p; p++) {
        execve(*p, l->argv, l->envp);
        if (errno == ENOEXEC)
            exec_script(l, *p);
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
            return fail(l, "cannot run", *p);
        if (errno == EACCES)
            kept = EACCES;
    }
    errno = kept;
    return fail(l, "cannot run", l->argv[0]);
}

IN_CHILD static int child_steps(struct launch *l)
{
    sigset_t none;

    sigemptyset(&none);
    if (l->session ? setsid() < 0 : setpgid(0, 0) < 0)
        return fail(l, "cannot make a process group", NULL);
    if (join_cgroup(l) < 0 || place_fds(l) < 0)
        return -1;
    if (chdir(l->cwd) < 0)
        return fail(l, "cannot enter directory", l->cwd);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing runs unsupervised (a setuid program clears it) */
    setrlimit(RLIMIT_NOFILE, &l->nofile); /* last: nothing here may need more */
    sigprocmask(SIG_SETMASK, &none, NULL);
    return execute(l);
}

IN_CHILD static int child_main(void *arg)
{
    child_steps(arg);
    _exit(127);
}

pid_t launch_process(struct launch *l, int *ret_pidfd)
{
    static char stack[STACK_SIZE] __attribute__((aligned(64)));
    int pidfd = -1;
    pid_t pid;

    l->errnum = 0;
    pid = clone(child_main, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, l,
                &pidfd);
    if (pid < 0) {
        fail(l, "cannot make a process", NULL);
        return -l->errnum;
    }
    if (l->errnum != 0) {
        waitpid(pid, NULL, 0);
        close(pidfd);
        return -l->errnum;
    }
    *ret_pidfd = pidfd;
    return pid;
}
