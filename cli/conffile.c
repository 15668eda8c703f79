// SPDX-License-Identifier: LGPL-3.0-only
/* Runs the reader with both of its outputs in pipes: the object, or what is wrong with it. */
#include "conffile.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <flux/buf.h>
#include <flux/paths.h>

extern char **environ;

enum { OUTPUT_MAX = 64 << 20 };

static int spawn_reader(const char *program, const char *path, const int *out, const int *err,
                        pid_t *pid)
{
    char *argv[] = {(char *)program, (char *)path, NULL};
    posix_spawn_file_actions_t actions;
    int r;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    r = posix_spawn(pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -r;
}

static bool read_some(struct pollfd *p, struct flux_buf *to)
{
    char *room = p->revents ? flux_buf_reserve(to, 65536) : NULL;
    ssize_t n;

    if (!p->revents)
        return true;
    n = room ? read(p->fd, room, 65536) : 0;
    if (n > 0)
        to->len += (size_t)n;
    else
        p->fd = -1;
    return n > 0;
}

static void read_both(int out, int err, struct flux_buf *object, struct flux_buf *text)
{
    struct pollfd fds[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};

    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        (void)poll(fds, 2, -1);
        read_some(&fds[0], object);
        read_some(&fds[1], text);
    }
}

/* The directory of a configuration space of the installation, or the path itself. */
static char *place(const char *path)
{
    static const char *const spaces[] = {"system", "security", "imp"};
    FLUX_AUTO_STR confdir = flux_path_get("confdir");

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(spaces); i++)
        if (strcmp(path, spaces[i]) == 0)
            return flux_printf("%s/%s/conf.d", confdir, path);
    return flux_strdup(path);
}

int cli_configfile_read(const char *path, json_t **ret, struct flux_error *err)
{
    FLUX_AUTO_STR from = place(path);
    FLUX_AUTO_STR program = flux_path_get("configfile_path");
    FLUX_AUTO_BUF object = FLUX_BUF_INIT(OUTPUT_MAX);
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(OUTPUT_MAX);
    int out[2], wrong[2], status = 0, r;
    json_error_t e;
    pid_t pid;

    if (pipe2(out, O_CLOEXEC) < 0)
        return flux_error_sys(err, -errno, "pipe");
    if (pipe2(wrong, O_CLOEXEC) < 0) {
        close(out[0]);
        close(out[1]);
        return flux_error_sys(err, -errno, "pipe");
    }
    r = spawn_reader(program, from, out, wrong, &pid);
    close(out[1]);
    close(wrong[1]);
    if (r == 0) {
        read_both(out[0], wrong[0], &object, &text);
        waitpid(pid, &status, 0);
    }
    close(out[0]);
    close(wrong[0]);
    if (r < 0)
        return flux_error_sys(err, r, "%s", program);
    if (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    if (status != 0)
        return flux_error_set(err, -EINVAL, "%.*s", (int)text.len, text.len ? text.data : "");
    *ret = json_loadb(object.data ? object.data : "", object.len, 0, &e);
    return *ret ? 0 : flux_error_set(err, -EPROTO, "%s: %s", from, e.text);
}

int cli_configfile_check(const char *space, const char *path, bool quiet)
{
    FLUX_AUTO_STR program = flux_path_get("configfile_path");
    char *argv[] = {program, quiet ? "--check-quietly" : "--check", (char *)space, (char *)path,
                    NULL};
    int status, r;
    pid_t pid;

    fflush(stdout);
    if ((r = posix_spawn(&pid, program, NULL, NULL, argv, environ)) != 0)
        return -r;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}
