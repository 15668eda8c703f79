// SPDX-License-Identifier: LGPL-3.0-only
/* Signals, and the two ways to the end: told to stop, or left alone by the broker. A process is
 * signalled only while it is on the running list, so its pid is not reaped and cannot be another's.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "spawnd.h"

#define KILL_PASSES 16
#define TIMEOUT_MAX 86400 /* seconds; what is later is looked at again then */

static int write_file(const char *dir, const char *name, const char *text)
{
    FLUX_AUTO_STR path = flux_printf("%s/%s", dir, name);
    FLUX_AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return -errno;
    return 0;
}

/* Every process of the cgroup, one by one: for signals that the kernel has no file for. */
static int signal_procs(const char *dir, int signum)
{
    FLUX_AUTO_STR path = flux_printf("%s/cgroup.procs", dir);
    FILE *f = fopen(path, "re");
    int pid, r = 0;

    if (!f)
        return -errno;
    while (fscanf(f, "%d", &pid) == 1) {
        if (pid > 1 && kill(pid, signum) < 0 && errno != ESRCH)
            r = -errno;
    }
    fclose(f);
    return r;
}

static int signal_cgroup(const char *dir, int signum)
{
    if (signum == SIGKILL && write_file(dir, "cgroup.kill", "1") == 0)
        return 0;
    return signal_procs(dir, signum);
}

/* Is that process alive and in the session? By /proc; its name may hold anything, ')' and blanks
 * included. */
static bool is_member(const char *pid, pid_t leader)
{
    char path[64], text[512], state;
    FLUX_AUTO_FD int fd = -1;
    int session;
    ssize_t n;
    char *end;

    snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    end = strrchr(text, ')');
    if (!end || sscanf(end + 1, " %c %*d %*d %d", &state, &session) != 2)
        return false;
    return session == leader && state != 'Z' && state != 'X';
}

/* True: there were some. */
static bool kill_members(pid_t leader)
{
    DIR *dir = opendir("/proc");
    struct dirent *d;
    bool found = false;

    while (dir && (d = readdir(dir))) {
        if (d->d_name[0] < '1' || d->d_name[0] > '9' || !is_member(d->d_name, leader))
            continue;
        kill(atoi(d->d_name), SIGKILL);
        found = true;
    }
    if (dir)
        closedir(dir);
    return found;
}

/* The tasks of a job shell have groups of their own, but the session is the shell's: nothing of it
 * may outlive a SIGKILL, which the shell cannot pass on. Until nobody is left, as a task may have
 * had a child, before its turn came, under a number that the pass was past; but who cannot die now
 * is not waited for. */
static void kill_session(pid_t leader)
{
    bool left = getsid(leader) == leader;

    for (int pass = 0; left && pass < KILL_PASSES; pass++)
        left = kill_members(leader);
}

int process_kill(struct process *p, int signum, bool leader_only, bool cgroup)
{
    int r = 0;

    if (signum < 0 || signum >= NSIG)
        return -EINVAL;
    if (signum == SIGKILL && !leader_only)
        kill_session(p->pid);
    if (kill(leader_only ? p->pid : -p->pid, signum) < 0)
        r = -errno;
    if (cgroup && p->cgroup) {
        int r2 = signal_cgroup(p->cgroup, signum);
        r = r < 0 ? r : r2;
    }
    return r;
}

int process_queue(struct process *p, int signum, int value)
{
    return sigqueue(p->pid, signum, (union sigval){.sival_int = value}) < 0 ? -errno : 0;
}

static void kill_all(struct spawnd *d, int signum)
{
    struct process *p;

    TAILQ_FOREACH (p, &d->running, link)
        process_kill(p, signum, false, true);
}

void spawnd_stop(struct spawnd *d, double grace)
{
    d->stopping = true;
    kill_all(d, SIGTERM);
    kill_all(d, SIGCONT); /* a stopped process would not see the SIGTERM */
    d->kill_deadline = flux_monotime() + grace;
}

void spawnd_orphaned(struct spawnd *d)
{
    if (d->orphan_grace >= 0 && !d->stopping && d->orphan_deadline <= 0)
        d->orphan_deadline = flux_monotime() + d->orphan_grace;
}

void spawnd_adopted(struct spawnd *d)
{
    d->orphan_deadline = 0;
}

int spawnd_deadlines(struct spawnd *d)
{
    double now = flux_monotime(), next;

    if (d->orphan_deadline > 0 && now >= d->orphan_deadline) {
        d->orphan_deadline = 0;
        spawnd_stop(d, d->kill_grace);
    }
    if (d->kill_deadline > 0 && now >= d->kill_deadline) {
        /* Again each second: a process may be in the midst of making another. */
        kill_all(d, SIGKILL);
        d->kill_deadline = now + 1.;
    }
    next = d->kill_deadline > 0 ? d->kill_deadline : d->orphan_deadline;
    if (next <= 0)
        return -1;
    if (next - now > TIMEOUT_MAX)
        return TIMEOUT_MAX * 1000;
    return next <= now ? 0 : (int)((next - now) * 1000) + 1;
}

bool spawnd_finished(struct spawnd *d)
{
    if (d->nrunning > 0)
        return false;
    if (d->stopping)
        return !d->client || d->client->out.len == 0;
    if (d->client || !TAILQ_EMPTY(&d->conns))
        return false;
    /* Nobody is there and nothing runs: stay only to tell a later broker what it has not seen, or,
     * for a time, what the one before it may have seen in vain. */
    if (d->linger && d->orphan_deadline > 0)
        return false;
    return d->orphan_grace >= 0 || d->nunseen == 0 || !d->socket_path;
}
