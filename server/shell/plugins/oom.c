// SPDX-License-Identifier: LGPL-3.0-only
/* Option oom.adjust=N: how readily the kernel ends a task when memory runs out (-1000 to 1000). */
#include "plugins.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    const char *text = flux_shell_option_text(sh, "oom.adjust", NULL);
    char *end;
    long n;

    if (!text)
        return 0;
    n = strtol(text, &end, 10);
    if (*end || end == text || n < -1000 || n > 1000)
        return flux_error_set(err, -EINVAL, "adjust: '%.16s' is not from -1000 to 1000", text);
    *data = flux_printf("%ld", n);
    return 0;
}

/* To lower it takes a privilege: without it the task runs as it is. */
static int task_exec(struct flux_shell *sh, struct flux_shell_task *t, void *data)
{
    const char *text = data;
    int fd = text ? open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return 0;
    if (write(fd, text, strlen(text)) < 0 && errno != EACCES && errno != EPERM)
        return -errno;
    close(fd);
    return 0;
}

static void done(struct flux_shell *sh, void **data)
{
    free(*data);
}

const struct flux_shell_plugin shell_plugin_oom = {
    .api = FLUX_SHELL_API,
    .name = "oom",
    .init = init,
    .task_exec = task_exec,
    .exit = done,
};
