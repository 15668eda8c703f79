// SPDX-License-Identifier: LGPL-3.0-only
/* Start and stop of the leader. Where the store is: in the state directory, synced; without one in
 * the run directory, not synced, and gone with it. */
#include "leader.h"

#include <flux/fsd.h>
#include <syslog.h>
#include <unistd.h>

static const struct flux_kvs_ops kvs_ops = FLUX_KVS_OPS(kvs_leader);
static const struct flux_content_ops content_ops = FLUX_CONTENT_OPS(kvs_leader_content);

static void on_damaged(void *arg, const char *text)
{
    struct kvs_leader *l = arg;

    flux_log(l->h, LOG_ERR, "%s", text);
}

static void on_report(void *arg, const char *text)
{
    struct kvs_leader *l = arg;

    flux_log(l->h, LOG_ERR, "%s", text);
}

static void remove_store(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(suffixes); i++) {
        FLUX_AUTO_STR name = flux_printf("%s%s", path, suffixes[i]);
        unlink(name);
    }
}

/* content-sqlite.synchronous: FULL, NORMAL (as FULL) or OFF. */
static bool wants_sync(struct kvs_leader *l)
{
    const char *text = json_string_value(flux_conf_get(l->h, "content-sqlite.synchronous"));

    return text ? strcasecmp(text, "OFF") != 0 : !l->temporary;
}

static int open_store(struct kvs_leader *l, struct flux_error *err)
{
    const char *statedir = flux_attr(l->h, "statedir");
    const char *rundir = flux_attr(l->h, "rundir");
    struct store_options sopt = {.damaged = on_damaged, .arg = l};
    struct kvs_options kopt = {
        .owner = flux_owner(l->h),
        .cache_bytes = 2 << 20,
        .log_bytes = 1 << 20,
        .report = on_report,
        .arg = l,
    };
    int r;

    l->temporary = !statedir || !*statedir;
    if (l->temporary && (!rundir || !*rundir))
        return flux_error_set(err, -EINVAL, "kvs: neither statedir nor rundir is set");
    l->path = flux_printf("%s/content.sqlite", l->temporary ? rundir : statedir);
    sopt.sync = wants_sync(l);
    sopt.keep = !l->temporary;
    kopt.no_log = l->temporary && !sopt.sync;
    if (l->temporary)
        remove_store(l->path);
    r = store_open(&l->store, l->path, &sopt, err);
    return r < 0 ? r : kvs_open(&l->kvs, l->store, &kopt, err);
}

static void init_loop(struct kvs_leader *l)
{
    uv_loop_t *loop = flux_loop(l->h);

    uv_check_init(loop, &l->check);
    uv_idle_init(loop, &l->idle);
    uv_timer_init(loop, &l->settle);
    uv_timer_init(loop, &l->period);
    uv_unref((uv_handle_t *)&l->settle);
    uv_unref((uv_handle_t *)&l->period);
    l->check.data = l->idle.data = l->settle.data = l->period.data = l;
}

static void free_leader(struct kvs_leader *l)
{
    kvs_watches_free(l->watches);
    kvs_close(l->kvs);
    store_close(l->store);
    if (l->temporary && l->path)
        remove_store(l->path);
    free(l->path);
    free(l);
}

int kvs_leader_start(struct flux *h, struct kvs_leader **ret, struct flux_error *err)
{
    struct kvs_leader *l = flux_alloc(sizeof(*l));
    int r;

    l->h = h;
    TAILQ_INIT(&l->pending);
    TAILQ_INIT(&l->staged);
    TAILQ_INIT(&l->waiters);
    TAILQ_INIT(&l->openings);
    r = open_store(l, err);
    if (r < 0) {
        free_leader(l);
        return r;
    }
    l->watches = kvs_watches_new(l->kvs);
    init_loop(l);
    if ((r = kvs_leader_configure(l, flux_conf(h), false, err)) < 0 ||
        (r = flux_kvs_serve(h, &kvs_ops, l, err)) < 0 ||
        (r = flux_content_serve(h, &content_ops, l, err)) < 0) {
        kvs_leader_stop(l);
        return r;
    }
    kvs_leader_configure(l, flux_conf(h), true, NULL);
    kvs_leader_kick(l); /* what recovery has begun */
    *ret = l;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct kvs_leader *l = handle->data;

    l->closing--;
}

static void close_loop(struct kvs_leader *l)
{
    uv_handle_t *handles[] = {(uv_handle_t *)&l->check, (uv_handle_t *)&l->idle,
                              (uv_handle_t *)&l->settle, (uv_handle_t *)&l->period};

    l->closing = FLUX_ARRAY_SIZE(handles);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(handles); i++)
        uv_close(handles[i], on_closed);
    while (l->closing)
        uv_run(flux_loop(l->h), UV_RUN_NOWAIT);
}

/* A checkpoint, so that the next start has no log to replay. */
static void tidy_up(struct kvs_leader *l)
{
    struct kvs_stats stats;

    kvs_get_stats(l->kvs, &stats);
    if (stats.log_records)
        kvs_checkpoint_start(l->kvs);
    kvs_leader_drain(l);
}

void kvs_leader_stop(struct kvs_leader *l)
{
    struct kvs_waiter *w;

    kvs_leader_check_stop(l);
    kvs_leader_openings_done(l);
    kvs_leader_drain(l);
    if (!l->temporary)
        tidy_up(l);
    TAILQ_FOREACH (w, &l->waiters, next)
        flux_call_on_cancel(w->call, NULL, NULL);
    close_loop(l);
    free_leader(l);
}

static void on_period(uv_timer_t *timer)
{
    struct kvs_leader *l = timer->data;

    kvs_checkpoint_start(l->kvs);
    kvs_leader_kick(l);
}

int kvs_leader_configure(struct kvs_leader *l, const json_t *conf, bool apply,
                         struct flux_error *err)
{
    const json_t *period = json_object_get(json_object_get(conf, "kvs"), "checkpoint-period");
    const json_t *gc = json_object_get(json_object_get(conf, "kvs"), "gc-threshold");
    double seconds = 0;
    int r;

    if (json_is_number(period))
        seconds = json_number_value(period);
    else if (period) {
        r = json_is_string(period) ? flux_fsd_parse(json_string_value(period), &seconds, err)
                                   : -EINVAL;
        if (r < 0)
            return flux_error_set(err, r, "kvs.checkpoint-period: not a duration such as \"30m\"");
    }
    if (gc && (!json_is_integer(gc) || json_integer_value(gc) < 0))
        return flux_error_set(err, -EINVAL, "kvs.gc-threshold: not a number of commits");
    if (!apply)
        return 0;
    uv_timer_stop(&l->period);
    if (seconds > 0 && seconds < 1e9)
        uv_timer_start(&l->period, on_period, seconds * 1000, seconds * 1000);
    return 0;
}
