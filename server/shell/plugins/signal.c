// SPDX-License-Identifier: LGPL-3.0-only
/* Option signal={signum,timeleft}: warn the tasks by a signal before the job's time is over. */
#include "../shell.h"
#include "plugins.h"

#include <signal.h>

#include <flux/fsd.h>

#define DEFAULT_TIMELEFT 60.

struct warning {
    struct flux_shell *sh;
    int signum;
    double timeleft;
    bool armed;
    uv_timer_t timer;
};

static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    const json_t *o = flux_shell_option(sh, "signal"), *v;
    struct warning *w;

    if (!o || json_is_false(o))
        return 0;
    *data = w = flux_alloc(sizeof(*w));
    w->sh = sh;
    w->signum = SIGUSR1;
    w->timeleft = DEFAULT_TIMELEFT;
    if (json_is_object(o)) {
        if ((v = json_object_get(o, "signum")))
            w->signum = json_integer_value(v);
        if ((v = json_object_get(o, "timeleft")))
            w->timeleft = json_number_value(v);
    } else if (json_is_integer(o))
        w->signum = json_integer_value(o);
    if (w->signum < 1 || w->signum > SIGRTMAX || w->timeleft < 0)
        return flux_error_set(err, -EINVAL, "signum or timeleft out of range");
    return 0;
}

static void on_time(uv_timer_t *timer)
{
    struct warning *w = timer->data;
    char text[FLUX_FSD_MAX];

    flux_shell_log(w->sh, FLUX_SHELL_NOTICE, "signal", "Will expire in %s. Sending %s to all tasks",
                   flux_fsd_format(w->timeleft, text), strsignal(w->signum));
    flux_shell_kill(w->sh, w->signum);
}

static int start(struct flux_shell *sh, void **data, struct flux_error *err)
{
    struct warning *w = *data;
    double expiration = flux_rset_expiration(sh->r), in;

    if (!w || expiration <= 0)
        return 0;
    in = expiration - w->timeleft - flux_walltime();
    uv_timer_init(flux_shell_loop(sh), &w->timer);
    w->timer.data = w;
    w->armed = true;
    return uv_timer_start(&w->timer, on_time, in > 0 ? in * 1e3 : 0, 0);
}

static void finish(struct flux_shell *sh, void **data)
{
    struct warning *w = *data;

    if (w && w->armed)
        uv_timer_stop(&w->timer);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void done(struct flux_shell *sh, void **data)
{
    struct warning *w = *data;

    if (w && w->armed)
        uv_close((uv_handle_t *)&w->timer, on_closed);
    else
        free(w);
}

const struct flux_shell_plugin shell_plugin_signal = {
    .api = FLUX_SHELL_API,
    .name = "signal",
    .init = init,
    .start = start,
    .finish = finish,
    .exit = done,
};
