// SPDX-License-Identifier: LGPL-3.0-only
/* FLUX_JOB_TMPDIR: a directory of the job's own on this node, gone when the job is. */
#include "../shell.h"
#include "plugins.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <flux/fluid.h>

/* The instance's directory may not be the user's to write to; then the usual places. */
static char *make(struct flux_shell *sh, const char *parent)
{
    char id[FLUX_FLUID_MAX];
    FLUX_AUTO_STR path = NULL;

    if (!parent || parent[0] != '/')
        return NULL;
    flux_fluid_encode(sh->start->job_id, FLUX_FLUID_F58_ASCII, id, sizeof(id));
    path = flux_printf("%s/jobtmp-%u-%s", parent, sh->rank, id);
    if (mkdir(path, 0700) < 0) {
        struct stat st;

        /* Left by an earlier attempt of this job: ours, and nobody else's. */
        if (errno != EEXIST || lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) ||
            st.st_uid != geteuid() || (st.st_mode & 077))
            return NULL;
    }
    return FLUX_GIVE(path);
}

const char *flux_shell_tmpdir(struct flux_shell *sh)
{
    if (sh->tmpdir)
        return sh->tmpdir;
    sh->tmpdir_made = true;
    sh->tmpdir = make(sh, sh->start->rundir);
    if (!sh->tmpdir)
        sh->tmpdir = make(sh, env_get(sh->env, "TMPDIR"));
    if (!sh->tmpdir)
        sh->tmpdir = make(sh, "/tmp");
    if (!sh->tmpdir) {
        sh->tmpdir_made = false;
        sh->tmpdir = flux_strdup("/tmp");
    }
    return sh->tmpdir;
}

static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    flux_shell_setenv(sh, "FLUX_JOB_TMPDIR", "%s", flux_shell_tmpdir(sh));
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    if (remove(path) < 0)
        return 0; /* go on with the rest */
    return 0;
}

static void done(struct flux_shell *sh, void **data)
{
    if (sh->tmpdir_made && rmdir(sh->tmpdir) < 0 && errno != ENOENT)
        nftw(sh->tmpdir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    free(sh->tmpdir);
    sh->tmpdir = NULL;
}

const struct flux_shell_plugin shell_plugin_tmpdir = {
    .api = FLUX_SHELL_API,
    .name = "tmpdir",
    .init = init,
    .exit = done,
};
