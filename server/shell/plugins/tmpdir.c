// SPDX-License-Identifier: LGPL-3.0-only
/* FLUX_JOB_TMPDIR: a directory of the job's own on this node, gone when the job is. In the run
 * directory of our own instance its name is fixed. Elsewhere others can make directories, too: the
 * name ends at random, and nothing that was there before is ever used. It is emptied through
 * descriptors that no renaming of paths can lead astray. */
#include "../shell.h"
#include "plugins.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <flux/fluid.h>

#define DEPTH_MAX 256

static bool is_ours(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static bool is_private(const char *path)
{
    struct stat st;

    return is_ours(path) && lstat(path, &st) == 0 && !(st.st_mode & 077);
}

/* The instance's directory, unless it is somebody else's: they could exchange what is in it. */
static char *make_in_rundir(struct flux_shell *sh, const char *name)
{
    const char *rundir = sh->start->rundir;
    FLUX_AUTO_STR path = NULL;

    if (rundir[0] != '/' || sh->through_imp || !is_ours(rundir))
        return NULL;
    path = flux_printf("%s/%s", rundir, name);
    /* Left by an earlier attempt of this job: ours, and nobody else's. */
    if (mkdir(path, 0700) < 0 && (errno != EEXIST || !is_private(path)))
        return NULL;
    return FLUX_GIVE(path);
}

static char *make_in(const char *parent, const char *name)
{
    FLUX_AUTO_STR path = NULL;

    if (!parent || parent[0] != '/')
        return NULL;
    path = flux_printf("%s/%s-XXXXXX", parent, name);
    return mkdtemp(path) ? FLUX_GIVE(path) : NULL;
}

const char *flux_shell_tmpdir(struct flux_shell *sh)
{
    char id[FLUX_FLUID_MAX];
    FLUX_AUTO_STR name = NULL;

    if (sh->tmpdir)
        return sh->tmpdir;
    flux_fluid_encode(sh->start->job_id, FLUX_FLUID_F58_ASCII, id, sizeof(id));
    name = flux_printf("jobtmp-%u-%s", sh->rank, id);
    sh->tmpdir = make_in_rundir(sh, name);
    if (!sh->tmpdir)
        sh->tmpdir = make_in(env_get(sh->env, "TMPDIR"), name);
    if (!sh->tmpdir)
        sh->tmpdir = make_in("/tmp", name);
    return sh->tmpdir;
}

static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    const char *path = flux_shell_tmpdir(sh);

    if (!path)
        return flux_error_sys(err, -errno, "no directory for the job in TMPDIR or /tmp");
    flux_shell_setenv(sh, "FLUX_JOB_TMPDIR", "%s", path);
    return 0;
}

/* Takes `fd`. What cannot be removed stays. */
static void empty(int fd, dev_t device, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    struct dirent *e;

    if (!dir) {
        close(fd);
        return;
    }
    while ((e = readdir(dir))) {
        struct stat st;
        int sub;

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || unlinkat(fd, e->d_name, 0) == 0)
            continue;
        sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (sub >= 0 && depth < DEPTH_MAX && fstat(sub, &st) == 0 && st.st_dev == device)
            empty(sub, device, depth + 1);
        else if (sub >= 0)
            close(sub);
        unlinkat(fd, e->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
}

static void done(struct flux_shell *sh, void **data)
{
    struct stat st;
    int fd;

    if (sh->tmpdir && rmdir(sh->tmpdir) < 0 && errno != ENOENT) {
        fd = open(sh->tmpdir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &st) == 0)
            empty(fd, st.st_dev, 0);
        rmdir(sh->tmpdir);
    }
    free(sh->tmpdir);
    sh->tmpdir = NULL;
}

const struct flux_shell_plugin shell_plugin_tmpdir = {
    .api = FLUX_SHELL_API,
    .name = "tmpdir",
    .init = init,
    .exit = done,
};
