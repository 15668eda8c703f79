// SPDX-License-Identifier: LGPL-3.0-only
/* Finding and killing the processes of a job. A pid is turned into a pidfd first and then looked at
 * again: a process that has ended and whose number went to another is never hit. */
#include "kin.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    KIN_MAX = 16384, /* processes killed in a round; the next finds the rest */
    STAT_MAX = 1024,
};

struct pids {
    pid_t *pid;
    size_t n;
};

static ssize_t read_file(const char *path, char *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -errno : read(fd, buf, size - 1);

    if (n >= 0)
        buf[n] = '\0';
    if (fd >= 0)
        close(fd);
    return n;
}

int kin_parse_cgroup(const char *text, char *path, size_t size)
{
    const char *line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
    size_t n;

    if (!line)
        return -ENOENT;
    line += line[0] == '\n' ? 4 : 3;
    while (strncmp(line, "/..", 3) == 0 && (line[3] == '/' || line[3] == '\n' || line[3] == '\0'))
        line += 3;
    n = strcspn(line, "\n");
    if (n >= size)
        return -ENOENT;
    memcpy(path, line, n);
    path[n] = '\0';
    return 0;
}

bool kin_cgroup_is_job(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    return strncmp(name, "imp-shell", 9) == 0 || strncmp(name, "flux-", 5) == 0;
}

static const char *cgroup_root(void)
{
    static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    struct statfs fs;

    for (size_t i = 0; i < 2; i++)
        if (statfs(roots[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
            return roots[i];
    return NULL;
}

void kin_init(struct kin *kin)
{
    char text[8192], path[2048];
    const char *root = cgroup_root();

    memset(kin, 0, sizeof(*kin));
    if (!root || read_file("/proc/self/cgroup", text, sizeof(text)) <= 0 ||
        kin_parse_cgroup(text, path, sizeof(path)) < 0)
        return;
    snprintf(kin->cgroup, sizeof(kin->cgroup), "%s%s", root, path);
    kin->alone = kin_cgroup_is_job(path);
}

static void add(struct pids *pids, pid_t pid)
{
    if (pids->n < KIN_MAX && pid > 1 && pid != getpid())
        pids->pid[pids->n++] = pid;
}

static bool has(const struct pids *pids, pid_t pid)
{
    for (size_t i = 0; i < pids->n; i++)
        if (pids->pid[i] == pid)
            return true;
    return false;
}

static void find_in_cgroup(const struct kin *kin, struct pids *pids)
{
    char path[sizeof(kin->cgroup) + 16];
    FILE *f;
    int pid;

    snprintf(path, sizeof(path), "%s/cgroup.procs", kin->cgroup);
    f = fopen(path, "re");
    while (f && fscanf(f, "%d", &pid) == 1)
        add(pids, pid);
    if (f)
        fclose(f);
}

/* By /proc/PID/stat; the name in it may hold anything, ')' and blanks too. -1: gone. */
static pid_t parent_of(pid_t pid)
{
    char path[64], text[STAT_MAX], *end;
    int parent;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (read_file(path, text, sizeof(text)) <= 0)
        return -1;
    end = strrchr(text, ')');
    return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : -1;
}

static void find_children(struct pids *pids)
{
    DIR *dir = opendir("/proc");
    struct dirent *d;

    while (dir && (d = readdir(dir))) {
        pid_t pid = isdigit((unsigned char)d->d_name[0]) ? atoi(d->d_name) : 0;
        pid_t parent = pid > 1 ? parent_of(pid) : -1;
        if (parent > 0 && !has(pids, pid) && (parent == getpid() || has(pids, parent)))
            add(pids, pid);
    }
    if (dir)
        closedir(dir);
}

/* Passes over /proc until one finds nothing new: children may have lower numbers than parents. */
static void find_descendants(struct pids *pids)
{
    size_t before;

    do {
        before = pids->n;
        find_children(pids);
    } while (pids->n > before);
}

static bool still_in_cgroup(const struct kin *kin, pid_t pid)
{
    char path[64], text[8192], found[2048];
    size_t n = strlen(kin->cgroup), m;

    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    if (read_file(path, text, sizeof(text)) <= 0 ||
        kin_parse_cgroup(text, found, sizeof(found)) < 0)
        return false;
    m = strlen(found);
    return m <= n && strcmp(kin->cgroup + n - m, found) == 0;
}

static bool still_ours(const struct kin *kin, const struct pids *pids, pid_t pid)
{
    pid_t parent;

    if (kin->alone)
        return still_in_cgroup(kin, pid);
    parent = parent_of(pid);
    return parent == getpid() || has(pids, parent);
}

static void kill_one(const struct kin *kin, const struct pids *pids, pid_t pid)
{
    int fd = syscall(SYS_pidfd_open, pid, 0);

    if (fd < 0)
        return;
    if (still_ours(kin, pids, pid))
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    close(fd);
}

static int find(const struct kin *kin, struct pids *pids)
{
    pids->n = 0;
    pids->pid = calloc(KIN_MAX, sizeof(*pids->pid));
    if (!pids->pid)
        return -ENOMEM;
    if (kin->alone)
        find_in_cgroup(kin, pids);
    else
        find_descendants(pids);
    return 0;
}

int kin_kill(const struct kin *kin)
{
    struct pids pids;
    int n;

    if (find(kin, &pids) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < pids.n; i++)
        kill_one(kin, &pids, pids.pid[i]);
    n = pids.n;
    free(pids.pid);
    return n;
}

bool kin_left(const struct kin *kin)
{
    struct pids pids;
    bool left;

    if (!kin->alone || find(kin, &pids) < 0)
        return false;
    left = pids.n > 0;
    free(pids.pid);
    return left;
}
