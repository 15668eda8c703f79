// SPDX-License-Identifier: LGPL-3.0-only
/* A control group for each shell, below the one that systemd has delegated to our unit: what a job
 * starts can then be found and killed, whatever it calls itself. Elsewhere there is none, and
 * process groups must do. The IMP knows a job's by its name: "flux-" and the job. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <flux/fluid.h>

#include "exec.h"

#define MOUNT "/sys/fs/cgroup"
#define PREFIX "flux-"

/* systemd marks what it has delegated. */
static bool is_delegated(const char *dir)
{
    char value[8];

    return access(dir, W_OK) == 0 && getxattr(dir, "user.delegate", value, sizeof(value)) == 1 &&
           value[0] == '1';
}

char *cgroup_find(void)
{
    FLUX_AUTO_STR dir = NULL;
    char line[4096];
    FILE *f = fopen("/proc/self/cgroup", "re");

    while (f && !dir && fgets(line, sizeof(line), f))
        if (strncmp(line, "0::/", 4) == 0)
            dir = flux_printf(MOUNT "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
    if (f)
        fclose(f);
    if (!dir || !is_delegated(dir))
        return NULL;
    cgroup_sweep(dir);
    return FLUX_GIVE(dir);
}

char *cgroup_path(const char *own, uint64_t id)
{
    char text[FLUX_FLUID_MAX];

    if (!own || flux_fluid_encode(id, FLUX_FLUID_F58_ASCII, text, sizeof(text)) < 0)
        return NULL;
    return flux_printf("%s/" PREFIX "%s", own, text);
}

char *cgroup_make(const char *own, uint64_t id)
{
    FLUX_AUTO_STR path = cgroup_path(own, id);

    if (!path || (mkdir(path, 0755) < 0 && errno != EEXIST))
        return NULL;
    return FLUX_GIVE(path);
}

/* Its files are ours, so this reaches processes of other users too. There are some only if an IMP
 * was killed, or an owner's job left something behind. */
static void kill_all(const char *path)
{
    FLUX_AUTO_STR file = flux_printf("%s/cgroup.kill", path);
    FLUX_AUTO_FD int fd = open(file, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, "1", 1) < 0)
        return; /* an old kernel, or nobody is left: the directory stays and shows it */
}

void cgroup_remove(const char *path)
{
    if (path)
        rmdir(path);
}

void cgroup_clear(const char *path)
{
    if (!path || rmdir(path) == 0)
        return;
    kill_all(path);
    rmdir(path); /* busy: they are not gone yet, and the next sweep tries again */
}

void cgroup_sweep(const char *own)
{
    DIR *dir = opendir(own);
    struct dirent *e;

    while (dir && (e = readdir(dir)))
        if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0)
            unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
    if (dir)
        closedir(dir);
}
