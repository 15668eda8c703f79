// SPDX-License-Identifier: LGPL-3.0-only
/* Opening archives: the suffix of the name says which program compresses. */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tar.h"

static const struct {
    const char *suffix, *program;
} filters[] = {
    {".tar", NULL},     {".tgz", "gzip"},      {".tar.gz", "gzip"}, {".tbz", "bzip2"},
    {".tbz2", "bzip2"}, {".tar.bz2", "bzip2"}, {".txz", "xz"},      {".tar.xz", "xz"},
    {".tzst", "zstd"},  {".tar.zst", "zstd"},
};

static int find_filter(const char *name, const char **program, struct flux_error *err)
{
    size_t len = strlen(name);

    *program = NULL;
    if (strcmp(name, "-") == 0)
        return 0;
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(filters); i++) {
        size_t n = strlen(filters[i].suffix);

        if (len > n && strcmp(name + len - n, filters[i].suffix) == 0) {
            *program = filters[i].program;
            return 0;
        }
    }
    return flux_error_set(err, -EINVAL,
                          "%s: the name must end in .tar, .tgz, .tar.gz, .tar.bz2, .tar.xz or "
                          ".tar.zst",
                          name);
}

/* Start `program` with one end on the file and the other on a pipe of ours. */
static int start_filter(struct tar *tar, const char *program, int file, bool write,
                        struct flux_error *err)
{
    char *argv[] = {(char *)program, write ? "-c" : "-dc", NULL};
    posix_spawn_file_actions_t actions;
    int fd[2];
    int r;

    if (pipe2(fd, O_CLOEXEC) < 0)
        return flux_error_sys(err, -errno, "pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, write ? fd[0] : file, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, write ? file : fd[1], STDOUT_FILENO);
    r = posix_spawnp(&tar->pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(fd[write ? 0 : 1]);
    if (r != 0) {
        tar->pid = 0;
        close(fd[write ? 1 : 0]);
        return flux_error_sys(err, -r, "%s", program);
    }
    tar->stream = fdopen(fd[write ? 1 : 0], write ? "w" : "r");
    return 0;
}

int tar_open(struct tar *tar, const char *name, bool write, struct flux_error *err)
{
    const char *program;
    int flags = write ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY;
    int r = find_filter(name, &program, err);
    int fd;

    *tar = (struct tar){.name = name};
    if (r < 0)
        return r;
    if (strcmp(name, "-") == 0) {
        tar->stream = write ? stdout : stdin;
        return 0;
    }
    fd = open(name, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return flux_error_sys(err, -errno, "%s", name);
    if (!program) {
        tar->stream = fdopen(fd, write ? "w" : "r");
        return 0;
    }
    r = start_filter(tar, program, fd, write, err);
    close(fd);
    return r;
}

int tar_close(struct tar *tar, struct flux_error *err)
{
    int status = 0;
    int r = 0;

    if (tar->stream && fclose(tar->stream) != 0)
        r = flux_error_sys(err, -errno, "%s", tar->name);
    if (tar->pid && (waitpid(tar->pid, &status, 0) < 0 || status != 0) && r == 0)
        r = flux_error_set(err, -EIO, "%s: the compression program failed", tar->name);
    tar->stream = NULL;
    return r;
}
