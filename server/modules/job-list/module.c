// SPDX-License-Identifier: LGPL-3.0-only
/* job-list as a part of its module. */
#include <stdio.h>
#include <syslog.h>

#include "list.h"

static const struct flux_job_list_ops ops = FLUX_JOB_LIST_OPS(job_list);

static void on_bad_row(void *arg, uint64_t id)
{
    rebuild_job(arg, id);
}

static int start(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err)
{
    const char *dir = flux_attr(h, "statedir");
    FLUX_AUTO_STR path = flux_printf("%s/" HISTORY_FILE, dir ? dir : flux_attr(h, "rundir"));
    struct list *l = flux_alloc(sizeof(*l));
    FLUX_AUTO_STR note = NULL;
    int r;

    l->h = h;
    l->stats = (flux_job_list_stats_response)FLUX_JOB_LIST_STATS_RESPONSE_INIT;
    r = history_open(path, &l->history, &note, err);
    if (note)
        flux_log(h, LOG_ERR, "%s", note);
    if (r == 0) {
        history_on_bad(l->history, on_bad_row, l);
        r = flux_job_list_serve(h, &ops, l, err);
    }
    if (r == 0) {
        rebuild_prepare(l);
        history_count(l->history, &l->stats);
    }
    if (r < 0) {
        history_close(l->history);
        free(l);
        return r;
    }
    journal_follow(l);
    /* Whoever asks first, after a restart, must not be told that an active job is unknown. */
    while (l->journal && !l->caught_up)
        uv_run(flux_loop(h), UV_RUN_ONCE);
    *state = l;
    return 0;
}

static void stop(struct flux *h, void *state)
{
    struct list *l = state;

    journal_stop(l);
    rebuild_stop(l);
    waits_done(l);
    history_close(l->history);
    free(l);
}

const struct flux_part job_list_part = {.name = "job-list", .start = start, .stop = stop};
