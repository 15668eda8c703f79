// SPDX-License-Identifier: LGPL-3.0-only
/* Ranks whose broker is away: crashed, restarting, cut off. Their shells go on under the spawn
 * helper. Who is online says when to ask such a rank again; a timer does so, too, as the two kinds
 * of news come on different ways. A job waits for exec.lost-timeout, counted from the loss, or from
 * our own start for a rank that we have not seen yet; then it fails with node-failure. */
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <syslog.h>

#include <flux/fluid.h>
#include <flux/fsd.h>
#include <flux/hostlist.h>
#include <flux/v1/exec.h>
#include <flux/v1/overlay.h>

#include "exec.h"

#define RETRY_MS 500
#define JOIN_SECONDS 30. /* at least so long after a restart, even if exec.lost-timeout is 0 */
#define MISSED_MAX 64    /* signals kept for one job */

char *away_describe(struct jobexec *je, const struct flux_idset *ranks)
{
    FLUX_AUTO_STR text = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
    FLUX_AUTO(hostlist) some = NULL;
    FLUX_AUTO_STR names = NULL;

    if (!je->hosts || flux_idset_last(ranks) >= flux_hostlist_count(je->hosts))
        return flux_printf("rank %s", text);
    some = flux_hostlist_pick(je->hosts, ranks);
    names = flux_hostlist_encode(some);
    return flux_printf("%s (rank %s)", names, text);
}

/* Told to who reads the log of the instance, and to who reads that of the job. */
static void tell(struct running *job, int level, const char *text)
{
    json_t *o =
        json_pack("{s:s,s:s,s:s}", "component", "job-exec", "stream", "stderr", "data", text);
    FLUX_AUTO_STR context = json_dumps(o, JSON_COMPACT);

    json_decref(o);
    flux_log(job->je->h, level, "%s: %s", flux_fluid_f58(job->id), text);
    running_event(job, "log", context);
}

/* --- patience --- */

static double deadline(const struct jobexec *je, unsigned rank)
{
    if (je->seen[rank])
        return je->gone_since[rank] + je->lost_timeout;
    return je->began + fmax(je->lost_timeout, JOIN_SECONDS);
}

static void on_patience(uv_timer_t *timer);

static void arm(struct running *job)
{
    double next = INFINITY, left;

    FLUX_IDSET_FOREACH(job->away, rank)
    next = fmin(next, deadline(job->je, rank));
    left = fmax(next - flux_monotime(), 0);
    if (isinf(next))
        uv_timer_stop(&job->patience);
    else
        uv_timer_start(&job->patience, on_patience, (uint64_t)ceil(fmin(left, 86400) * 1000), 0);
}

/* One that is back, but was not asked in time: it was told that its shells are wanted. */
static void kill_returned(struct running *job, const struct flux_idset *ranks)
{
    flux_exec_kill_request in = FLUX_EXEC_KILL_REQUEST_INIT;
    struct jobexec *je = job->je;

    FLUX_IDSET_FOREACH(ranks, rank)
    {
        FLUX_AUTO_STR text = flux_printf("%u", rank);
        struct flux_to to = FLUX_RANK(rank);
        if (!je->online || !flux_idset_contains(je->online, rank))
            continue;
        to.no_answer = true;
        in.id = job->id;
        in.ranks = text;
        in.signum = SIGKILL;
        in.group = true;
        flux_exec_kill_async(je->h, to, &in);
    }
}

static void on_patience(uv_timer_t *timer)
{
    struct running *job = timer->data;
    FLUX_AUTO(idset) overdue = flux_idset_new();
    FLUX_AUTO(idset) all = flux_idset_copy(job->away);
    FLUX_AUTO_STR who = NULL;
    FLUX_AUTO_STR text = NULL;
    double now = flux_monotime();

    FLUX_IDSET_FOREACH(job->away, rank)
    if (deadline(job->je, rank) <= now)
        flux_idset_add(overdue, rank);
    if (flux_idset_empty(overdue)) {
        arm(job);
        return;
    }
    who = away_describe(job->je, overdue);
    text = flux_printf("lost contact with %s and it did not come back in time", who);
    flux_log(job->je->h, LOG_ERR, "%s: %s", flux_fluid_f58(job->id), text);
    kill_returned(job, all);
    run_node_failure(job, all, text);
    run_settle(job);
}

void away_reload(struct jobexec *je)
{
    struct running *job, *next;

    HASH_ITER (hh, je->jobs, job, next)
        if (job->away && !flux_idset_empty(job->away))
            arm(job);
}

/* --- away and back --- */

static bool waits_at_all(const struct jobexec *je, unsigned rank)
{
    return rank < flux_size(je->h) && (je->lost_timeout > 0 || !je->seen[rank]);
}

static void tell_lost(struct running *job, const char *why)
{
    FLUX_AUTO_STR text = NULL;
    double left = fmax(uv_timer_get_due_in(&job->patience) / 1000., 0);

    text = flux_printf("%s: waiting for up to %.0fs", why, left);
    tell(job, LOG_WARNING, text);
}

static void on_retry(uv_timer_t *timer);

void away_add(struct running *job, const struct flux_idset *ranks, const char *why)
{
    struct jobexec *je = job->je;
    FLUX_AUTO(idset) hopeless = flux_idset_new();
    FLUX_AUTO(idset) wait = flux_idset_intersect(ranks, job->pending);

    FLUX_IDSET_FOREACH(wait, rank)
    {
        if (!waits_at_all(je, rank))
            flux_idset_add(hopeless, rank);
        else if (je->gone_since[rank] == 0)
            je->gone_since[rank] = flux_monotime();
    }
    flux_idset_remove_set(wait, hopeless);
    flux_idset_add_set(job->away, wait);
    if (!flux_idset_empty(hopeless))
        run_node_failure(job, hopeless, why);
    if (flux_idset_empty(wait))
        return;
    arm(job);
    tell_lost(job, why);
    if (!uv_is_active((uv_handle_t *)&je->retry))
        uv_timer_start(&je->retry, on_retry, RETRY_MS, RETRY_MS);
}

static void try_again(struct running *job)
{
    FLUX_AUTO(idset) back = NULL;

    if (!job->away || flux_idset_empty(job->away))
        return;
    back = flux_idset_intersect(job->away, job->je->online);
    if (flux_idset_empty(back))
        return;
    flux_idset_remove_set(job->away, back);
    arm(job);
    run_again(job, back);
}

void away_begin(struct running *job)
{
    struct jobexec *je = job->je;

    flux_idset_add_set(job->away, job->pending);
    FLUX_IDSET_FOREACH(job->away, rank)
    if (je->gone_since[rank] == 0)
        je->gone_since[rank] = flux_monotime();
    arm(job);
    if (je->online)
        try_again(job);
}

static void try_all(struct jobexec *je)
{
    struct running *job, *next;

    HASH_ITER (hh, je->jobs, job, next)
        try_again(job);
}

static void on_retry(uv_timer_t *timer)
{
    struct jobexec *je = timer->data;
    struct running *job, *next;
    bool any = false;

    if (je->online)
        try_all(je);
    HASH_ITER (hh, je->jobs, job, next)
        any = any || (job->away && !flux_idset_empty(job->away));
    if (!any)
        uv_timer_stop(timer);
}

static void deliver_missed(struct running *job, const struct flux_idset *ranks)
{
    struct missed *m, *next;

    for (m = STAILQ_FIRST(&job->missed); m; m = next) {
        FLUX_AUTO(idset) hit = flux_idset_intersect(m->ranks, ranks);
        next = STAILQ_NEXT(m, link);
        if (!flux_idset_empty(hit))
            run_kill_ranks(job, hit, m->signum, false);
        flux_idset_remove_set(m->ranks, hit);
        if (!flux_idset_empty(m->ranks))
            continue;
        STAILQ_REMOVE(&job->missed, m, missed, link);
        flux_idset_free(m->ranks);
        free(m);
    }
    if (job->aborting)
        run_kill_ranks(job, ranks, job->kills > 0 ? job->je->killing.last : job->je->killing.first,
                       job->kills > 1);
}

void away_found(struct running *job, const struct flux_idset *ranks)
{
    FLUX_AUTO_STR who = away_describe(job->je, ranks);
    FLUX_AUTO_STR text = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
    FLUX_AUTO_STR context = flux_printf("{\"ranks\":\"%s\"}", text);

    FLUX_IDSET_FOREACH(ranks, rank)
    job->je->gone_since[rank] = 0;
    flux_log(job->je->h, LOG_INFO, "%s: found again on %s", flux_fluid_f58(job->id), who);
    running_event(job, "reattach", context);
    deliver_missed(job, ranks);
    if (flux_idset_count(job->pending) < job->nranks)
        run_exit_timer(job);
}

bool away_all(const struct running *job)
{
    return job->away && !flux_idset_empty(job->away) && flux_idset_equal(job->away, job->pending);
}

void away_missed(struct running *job, const struct flux_idset *ranks, unsigned signum)
{
    FLUX_AUTO(idset) wait = flux_idset_intersect(ranks, job->pending);
    struct missed *m;
    unsigned n = 0;

    STAILQ_FOREACH (m, &job->missed, link)
        n++;
    if (flux_idset_empty(wait) || n >= MISSED_MAX)
        return;
    m = flux_alloc(sizeof(*m));
    m->ranks = FLUX_GIVE(wait);
    m->signum = signum;
    STAILQ_INSERT_TAIL(&job->missed, m, link);
}

struct flux_idset *away_signal(struct running *job, unsigned signum)
{
    /* The kill sequence goes on with those that come back by itself. */
    if (!job->aborting)
        away_missed(job, job->away, signum);
    return flux_idset_difference(job->pending, job->away);
}

void away_forget(struct running *job)
{
    struct missed *m;

    while ((m = STAILQ_FIRST(&job->missed))) {
        STAILQ_REMOVE_HEAD(&job->missed, link);
        flux_idset_free(m->ranks);
        free(m);
    }
}

/* --- who is online --- */

static void set_online(struct jobexec *je, struct flux_idset *online)
{
    double now = flux_monotime();

    flux_idset_add(online, 0);
    for (unsigned rank = 0; rank < flux_size(je->h); rank++) {
        if (flux_idset_contains(online, rank)) {
            je->seen[rank] = true;
            if (!je->online || !flux_idset_contains(je->online, rank))
                je->gone_since[rank] = 0;
        } else if (je->online && flux_idset_contains(je->online, rank) && !je->gone_since[rank]) {
            je->gone_since[rank] = now;
        }
    }
    flux_idset_free(je->online);
    je->online = online;
    try_all(je);
}

static void on_online(struct flux_future *f, void *arg)
{
    struct jobexec *je = arg;
    const flux_overlay_online_response *out;
    struct flux_idset *online;
    struct flux_error err = {"the stream has ended"};

    if (flux_overlay_online_result(f, &out, &err) == 0) {
        if (flux_idset_decode(out->online, &online, NULL) == 0)
            set_online(je, online);
        return;
    }
    flux_log(je->h, LOG_ERR, "cannot follow who is online: %s", err.text);
    flux_future_free(FLUX_GIVE(je->follow));
}

void away_start(struct jobexec *je)
{
    flux_overlay_online_request in = FLUX_OVERLAY_ONLINE_REQUEST_INIT;
    const char *hosts = flux_attr(je->h, "hostlist");
    uint32_t size = flux_size(je->h);

    je->began = flux_monotime();
    je->gone_since = flux_alloc(size * sizeof(*je->gone_since) + 1);
    je->seen = flux_alloc(size * sizeof(*je->seen) + 1);
    je->seen[0] = true;
    if (hosts && flux_hostlist_decode(hosts, &je->hosts, NULL) < 0)
        je->hosts = NULL;
    uv_timer_init(flux_loop(je->h), &je->retry);
    je->retry.data = je;
    if (size < 2)
        return;
    je->follow = flux_overlay_online_stream(je->h, FLUX_RANK(0), &in);
    flux_future_then(je->follow, on_online, je);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void away_stop(struct jobexec *je)
{
    flux_future_free(je->follow);
    flux_idset_free(je->online);
    flux_hostlist_free(je->hosts);
    free(je->gone_since);
    free(je->seen);
    uv_close((uv_handle_t *)&je->retry, on_closed);
}
