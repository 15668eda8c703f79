// SPDX-License-Identifier: LGPL-3.0-only
/* Option pty: a terminal for all tasks, for those of pty.ranks, or (pty.interactive) for the first.
 * What is written to it is the task's standard output; its input is the task's. */
#include "../shell.h"
#include "plugins.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct pty {
    bool all;
    struct flux_idset *ranks;
    struct winsize size;
};

static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    bool interactive = flux_shell_option_on(sh, "pty.interactive", false);
    const char *ranks = flux_shell_option_text(sh, "pty.ranks", interactive ? "0" : "all");
    struct pty *p;

    if (!flux_shell_option_on(sh, "pty", false))
        return 0;
    *data = p = flux_alloc(sizeof(*p));
    p->size.ws_row = atoi(flux_shell_option_text(sh, "pty.rows", "24"));
    p->size.ws_col = atoi(flux_shell_option_text(sh, "pty.cols", "80"));
    p->all = !strcmp(ranks, "all");
    return p->all ? 0 : flux_idset_decode(ranks, &p->ranks, err);
}

static int task_init(struct flux_shell *sh, struct flux_shell_task *t, void **data,
                     struct flux_error *err)
{
    struct pty *p = *data;
    char name[64];
    int fd;

    if (!p || (!p->all && !flux_idset_contains(p->ranks, t->rank)))
        return 0;
    t->pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (t->pty < 0 || grantpt(t->pty) < 0 || unlockpt(t->pty) < 0 ||
        ptsname_r(t->pty, name, sizeof(name)) != 0 ||
        (fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
        return flux_error_sys(err, -errno, "cannot open a terminal");
    ioctl(t->pty, TIOCSWINSZ, &p->size);
    fcntl(t->pty, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 3; i++)
        t->stdio[i] = fd;
    t->stdin_fd = t->pty;
    t->streams[STREAM_OUT].fd = t->pty;
    t->streams[STREAM_ERR].merged = true;
    return 0;
}

static void done(struct flux_shell *sh, void **data)
{
    struct pty *p = *data;

    if (p)
        flux_idset_free(p->ranks);
    free(p);
}

const struct flux_shell_plugin shell_plugin_pty = {
    .api = FLUX_SHELL_API,
    .name = "pty",
    .init = init,
    .task_init = task_init,
    .exit = done,
};
