// SPDX-License-Identifier: LGPL-3.0-only
/* `flux-imp kill SIGNUM PID`: a signal for a lingering IMP, which passes it on; 9 becomes USR1, all
 * others are queued on a carrier. It is sent without privileges, so it reaches what the caller
 * could reach himself. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "imp.h"
#include "signals.h"

static int parse(const char *text, long max, const char *what, struct imp_error *err)
{
    char *end;
    long n;

    if (text[0] < '0' || text[0] > '9')
        return imp_error_set(err, -EINVAL, "kill: '%.32s' is not a %s", text, what);
    errno = 0;
    n = strtol(text, &end, 10);
    if (errno || *end || n <= 0 || n > max)
        return imp_error_set(err, -EINVAL, "kill: '%.32s' is not a %s", text, what);
    return n;
}

/* Is it an IMP? By the name of the process; the kernel says whether the caller may signal it. */
static bool is_imp(pid_t pid)
{
    char path[64], comm[32] = "";
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    f = fopen(path, "re");
    if (f && !fgets(comm, sizeof(comm), f))
        comm[0] = '\0';
    if (f)
        fclose(f);
    return strcmp(comm, "flux-imp\n") == 0;
}

static int send(int pidfd, int signum)
{
    siginfo_t carrier = {.si_signo = IMP_SIGNAL_CARRIER, .si_code = SI_QUEUE};

    carrier.si_pid = getpid();
    carrier.si_uid = getuid();
    carrier.si_value.sival_int = signum;
    if (signum == SIGKILL)
        return syscall(SYS_pidfd_send_signal, pidfd, IMP_SIGNAL_KILL, NULL, 0);
    return syscall(SYS_pidfd_send_signal, pidfd, IMP_SIGNAL_CARRIER, &carrier, 0);
}

static int act(struct imp *imp, struct kv *request, struct imp_error *err)
{
    int signum, pid, fd, r = 0;

    if (imp->argc != 3)
        return imp_error_set(err, -EINVAL, "usage: flux-imp kill SIGNUM PID");
    signum = parse(imp->argv[1], NSIG - 1, "signal number", err);
    if (signum < 0)
        return signum;
    pid = parse(imp->argv[2], INT32_MAX, "process id", err);
    if (pid < 0)
        return pid;
    fd = syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || !is_imp(pid))
        r = imp_error_set(err, -ESRCH, "kill: process %d is no flux-imp", pid);
    else if (send(fd, signum) < 0)
        r = imp_error_sys(err, -errno, "kill: process %d", pid);
    if (fd >= 0)
        close(fd);
    return r;
}

const struct command command_kill = {
    .name = "kill",
    .usage = "kill SIGNUM PID",
    .act = act,
};
