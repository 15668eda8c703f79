// SPDX-License-Identifier: LGPL-3.0-only
/* Options exit-timeout and exit-on-error: end the job some time after its first task has exited
 * (30 s unless told; never with one task), or at once when one fails. */
#include "plugins.h"

#include <math.h>
#include <sys/wait.h>

#include <flux/fsd.h>

#define DEFAULT_TIMEOUT 30.

struct doom {
    struct flux_shell *sh;
    double timeout; /* seconds; INFINITY: never */
    bool on_error, armed;
    unsigned first; /* rank of the task that exited first */
    uv_timer_t timer;
};

static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    const char *text = flux_shell_option_text(sh, "exit-timeout", NULL);
    struct doom *d = *data = flux_alloc(sizeof(*d));
    int r;

    d->sh = sh;
    d->on_error = flux_shell_option_on(sh, "exit-on-error", false);
    d->timeout = flux_shell_ntasks(sh) > 1 ? DEFAULT_TIMEOUT : INFINITY;
    if (text && !strcmp(text, "none"))
        d->timeout = INFINITY;
    else if (text) {
        r = flux_fsd_parse(text, &d->timeout, err);
        if (r < 0)
            return flux_error_prefix(err, r, "exit-timeout");
    }
    return 0;
}

static void on_timeout(uv_timer_t *timer)
{
    struct doom *d = timer->data;
    char text[FLUX_FSD_MAX];

    flux_shell_raise(d->sh, "task %u on host %s exited and exit-timeout=%s has expired", d->first,
                     flux_shell_hostname(d->sh), flux_fsd_format(d->timeout, text));
}

static void task_exit(struct flux_shell *sh, struct flux_shell_task *t, void **data)
{
    struct doom *d = *data;

    if (d->on_error && flux_shell_task_status(t) != 0) {
        flux_shell_raise(sh, "task %u on host %s failed and exit-on-error is set",
                         flux_shell_task_rank(t), flux_shell_hostname(sh));
        return;
    }
    if (d->armed || isinf(d->timeout))
        return;
    d->armed = true;
    d->first = flux_shell_task_rank(t);
    uv_timer_init(flux_shell_loop(sh), &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_timeout, d->timeout * 1e3, 0);
}

static void finish(struct flux_shell *sh, void **data)
{
    struct doom *d = *data;

    if (d->armed)
        uv_timer_stop(&d->timer);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void done(struct flux_shell *sh, void **data)
{
    struct doom *d = *data;

    if (d && d->armed)
        uv_close((uv_handle_t *)&d->timer, on_closed);
    else
        free(d);
}

const struct flux_shell_plugin shell_plugin_doom = {
    .api = FLUX_SHELL_API,
    .name = "doom",
    .init = init,
    .task_exit = task_exit,
    .finish = finish,
    .exit = done,
};
