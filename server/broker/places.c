// SPDX-License-Identifier: LGPL-3.0-only
/* Run directory and state directory: what a broker takes for its own must be its user's. */
#include "places.h"

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker.h"

static char made[] = "/tmp/flux-XXXXXX"; /* our run directory, once it is made */

/* For a start that fails: what has content is the business of places_remove(). */
static void remove_empty_rundir(void)
{
    rmdir(made);
}

static int make_temporary(struct broker *b, struct flux_error *err)
{
    if (!mkdtemp(made))
        return flux_error_sys(err, -errno, "cannot make a run directory %s", made);
    atexit(remove_empty_rundir);
    attrs_set(b->attrs, "rundir", made, 0);
    return 0;
}

static int make_rundir(struct broker *b, struct flux_error *err)
{
    const char *dir = attrs_get(b->attrs, "rundir");
    long cleanup = attrs_get_int(b->attrs, "rundir-cleanup", !dir);
    struct stat st;

    b->rundir_made = cleanup != 0;
    attrs_set(b->attrs, "rundir-cleanup", cleanup ? "1" : "0", 0);
    if (!dir)
        return make_temporary(b, err);
    if (mkdir(dir, 0755) < 0 && errno != EEXIST)
        return flux_error_sys(err, -errno, "cannot make the run directory %s", dir);
    if (stat(dir, &st) < 0)
        return flux_error_sys(err, -errno, "run directory %s", dir);
    if (!S_ISDIR(st.st_mode))
        return flux_error_sys(err, -ENOTDIR, "run directory %s", dir);
    if (st.st_uid != geteuid())
        return flux_error_set(
            err, -EPERM, "the run directory %s belongs to user %u, this broker runs as user %u",
            dir, st.st_uid, geteuid());
    return 0;
}

static int check_statedir(struct broker *b, struct flux_error *err)
{
    const char *dir = attrs_get(b->attrs, "statedir");
    struct stat st;

    if (!dir)
        return 0;
    if (stat(dir, &st) < 0)
        return flux_error_sys(err, -errno, "statedir %s", dir);
    if (!S_ISDIR(st.st_mode))
        return flux_error_sys(err, -ENOTDIR, "statedir %s", dir);
    if (access(dir, W_OK) < 0)
        return flux_error_sys(err, -errno, "statedir %s cannot be written to by user %u", dir,
                              geteuid());
    b->statedir_made = attrs_get_int(b->attrs, "statedir-cleanup", 0) > 0;
    return 0;
}

int places_make(struct broker *b, struct flux_error *err)
{
    int r = check_statedir(b, err);

    return r < 0 ? r : make_rundir(b, err);
}

static void remove_tree(const char *dir)
{
    const char *argv[] = {"rm", "-rf", "--", dir, NULL};
    extern char **environ;
    pid_t pid;

    if (!dir || rmdir(dir) == 0)
        return;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ) == 0)
        waitpid(pid, NULL, 0);
}

void places_remove(struct broker *b)
{
    if (b->rundir_made)
        remove_tree(attrs_get(b->attrs, "rundir"));
    if (b->statedir_made)
        remove_tree(attrs_get(b->attrs, "statedir"));
}
