// SPDX-License-Identifier: LGPL-3.0-only
/* Service Resource, at rank 0: the inventory and the nodes' states, told to schedulers as they
 * change (RFC 28), and asked for and changed by administrators. */
#include "resource.h"

#include <syslog.h>
#include <utlist.h>

#include <flux/v1/overlay.h>
#include <flux/v1/sched.h>

#define HISTORY_SECONDS (90.0 * 86400)
#define JOURNAL_MAX 100000
#define STATUS_TIMEOUT 5.0 /* for the scheduler's part of a status */

FLUX_RESOURCE_HANDLERS(resource);

/* ---- telling followers */

static void send_delta(struct resource *res, const struct flux_idset *up,
                       const struct flux_idset *down)
{
    flux_resource_acquire_response item = FLUX_RESOURCE_ACQUIRE_RESPONSE_INIT;
    FLUX_AUTO_STR up_text = flux_idset_encode(up, FLUX_IDSET_RANGE);
    FLUX_AUTO_STR down_text = flux_idset_encode(down, FLUX_IDSET_RANGE);
    struct follower *f;

    item.up = up_text;
    item.down = down_text;
    DL_FOREACH(res->followers, f)
    {
        flux_resource_acquire_send(f->call, &item);
    }
}

/* Which nodes may get work has perhaps changed. */
static void tell(struct resource *res)
{
    FLUX_AUTO(idset) now = status_up(&res->st);
    FLUX_AUTO(idset) up = flux_idset_difference(now, res->told);
    FLUX_AUTO(idset) down = flux_idset_difference(res->told, now);

    if (flux_idset_empty(up) && flux_idset_empty(down))
        return;
    flux_idset_free(res->told);
    res->told = FLUX_GIVE(now);
    send_delta(res, up, down);
}

/* The inventory as schedulers see it: without the nodes that are excluded. */
static void send_all(struct resource *res, struct flux_call *call)
{
    flux_resource_acquire_response item = FLUX_RESOURCE_ACQUIRE_RESPONSE_INIT;
    FLUX_AUTO(idset) usable = flux_idset_difference(res->st.ranks, res->st.exclude);
    FLUX_AUTO(rset) some = flux_rset_copy_ranks(res->st.all, usable);
    FLUX_AUTO_STR r = flux_rset_encode(some);
    FLUX_AUTO_STR up = flux_idset_encode(res->told, FLUX_IDSET_RANGE);

    item.r = r;
    item.up = up;
    item.expiration = flux_rset_expiration(res->st.all);
    flux_resource_acquire_send(call, &item);
}

static void changed(struct resource *res, struct flux_call *call)
{
    journal_write(res->journal, &res->st.events, call);
    tell(res);
}

/* ---- calls that wait for the inventory */

static void forget_waiting(struct flux_call *call, void *arg)
{
    struct resource *res = flux_call_data(call);
    struct waiting *w = arg;

    DL_DELETE(res->waiting, w);
    free(w);
}

static int wait_for_inventory(struct resource *res, struct flux_call *call, const void *in,
                              int (*answer)(struct flux_call *call, const void *in))
{
    struct waiting *w = flux_alloc(sizeof(*w));

    *w = (struct waiting){.call = call, .in = in, .answer = answer};
    DL_APPEND(res->waiting, w);
    flux_call_on_cancel(call, forget_waiting, w);
    return FLUX_CALL_LATER;
}

static void answer_waiting(struct resource *res)
{
    while (res->waiting) {
        struct waiting *w = res->waiting;

        DL_DELETE(res->waiting, w);
        flux_call_on_cancel(w->call, NULL, NULL);
        w->answer(w->call, w->in);
        free(w);
    }
}

/* ---- the inventory becomes known */

static const char *method_name(enum inventory_method method)
{
    static const char *const names[] = {"configuration", "fake-resources", "job-info",
                                        "dynamic-discovery"};

    return names[method];
}

/* Bring the states to what the stored log says. Returns whether the log is to be begun anew: it has
 * grown past its bounds, or holds what is not an event. */
static bool replay(struct resource *res, const char *log, size_t len)
{
    double oldest = flux_walltime() - flux_conf_fsd(res->h, "resource.history", HISTORY_SECONDS);
    double most = flux_conf_fsd(res->h, "resource.journal-max", JOURNAL_MAX);
    struct flux_eventlog_cursor c = {log, log + len, 0};
    struct flux_eventlog_entry e;
    struct flux_error err;
    bool old = false;
    int r;

    while ((r = flux_eventlog_next(&c, &e, &err)) > 0) {
        status_replay(&res->st, &e);
        old = old || e.timestamp < oldest;
        flux_eventlog_entry_done(&e);
    }
    if (r < 0)
        flux_log(res->h, LOG_ERR, "resource eventlog: %s: the rest of it is dropped", err.text);
    return r < 0 || old || c.line > most;
}

/* A configured inventory has been checked at start; a discovered one may lack a host named here. */
static void take_exclude(struct resource *res, const struct flux_rset *all, struct flux_idset **ret)
{
    struct flux_error err;

    if (inventory_exclude(flux_conf(res->h), all, ret, &err) == 0)
        return;
    flux_log(res->h, LOG_ERR, "%s: no node is excluded", err.text);
    *ret = flux_idset_new();
}

static void follow_online(struct resource *res);
static void drain_early(struct resource *res);

static void on_journal(void *arg, const char *log, size_t len)
{
    struct resource *res = arg;
    struct flux_idset *exclude;
    bool anew;

    take_exclude(res, res->coming, &exclude);
    status_set_inventory(&res->st, FLUX_GIVE(res->coming), exclude);
    anew = replay(res, log, len);
    status_undrain_excluded(&res->st, flux_walltime());
    if (anew) {
        journal_replace(res->journal);
        status_log_truncate(&res->st, flux_walltime());
    }
    res->have_journal = true;
    drain_early(res);
    follow_online(res);
}

/* The first word of who is online completes the picture: nobody is told of a half of it. */
static void complete(struct resource *res)
{
    double now = flux_walltime();
    FLUX_AUTO_STR text = flux_rset_encode(res->st.all);

    status_log_restart(&res->st, now);
    status_log_define(&res->st, method_name(res->inv.method), now);
    journal_put_r(res->journal, text);
    res->have_inventory = true;
    changed(res, NULL);
    answer_waiting(res);
}

static void stored(struct flux_call *call, int r, const char *text);

static const struct journal_ops journal_ops = {.on_read = on_journal, .on_stored = stored};

void resource_define(struct resource *res, struct flux_rset *all)
{
    res->coming = all;
    res->journal = journal_open(res->h, &journal_ops, res);
}

static void drain_mismatch(struct resource *res, unsigned rank, const char *reason)
{
    FLUX_AUTO(idset) ranks = flux_idset_new();
    struct flux_error err;

    flux_idset_add(ranks, rank);
    if (flux_idset_contains(res->st.ranks, rank) &&
        status_drain(&res->st, ranks, reason, DRAIN_SKIP, flux_walltime(), &err) < 0)
        flux_log(res->h, LOG_WARNING, "%s", err.text);
}

/* Mismatches that came before the journal was read are in force after it has been replayed. */
static void drain_early(struct resource *res)
{
    struct drain *d, *tmp;

    HASH_ITER (hh, res->early, d, tmp) {
        if (res->have_journal)
            drain_mismatch(res, d->rank, d->reason);
        HASH_DEL(res->early, d);
        free(d->reason);
        free(d);
    }
}

void resource_mismatch(struct resource *res, unsigned rank, const char *reason)
{
    struct drain *d;

    if (res->have_journal) {
        drain_mismatch(res, rank, reason);
        changed(res, NULL);
        return;
    }
    HASH_FIND(hh, res->early, &rank, sizeof(rank), d);
    if (d || rank >= res->size)
        return;
    d = flux_alloc(sizeof(*d));
    d->rank = rank;
    d->reason = flux_strdup(reason);
    HASH_ADD(hh, res->early, rank, sizeof(d->rank), d);
}

/* ---- who is online */

static void set_online(struct resource *res, const char *online, const char *torpid)
{
    FLUX_AUTO(idset) up = NULL;
    FLUX_AUTO(idset) slow = NULL;
    size_t before = res->st.events.len;

    if (flux_idset_decode(online, &up, NULL) < 0 || flux_idset_decode(torpid, &slow, NULL) < 0) {
        flux_log(res->h, LOG_ERR, "overlay sent bad ranks '%.64s' '%.64s'", online, torpid);
        return;
    }
    flux_idset_add(up, 0); /* our own broker, whatever state it calls itself */
    if (status_set_online(&res->st, up, slow, flux_walltime()) && res->have_inventory)
        changed(res, NULL);
    if (!res->have_inventory) {
        res->st.events.len = before; /* the restart event tells it */
        complete(res);
    }
}

static void on_online(struct flux_future *f, void *arg)
{
    struct resource *res = arg;
    const flux_overlay_online_response *item;
    struct flux_error err = {"stream ended"};

    if (flux_overlay_online_result(f, &item, &err) == 0) {
        set_online(res, item->online, item->torpid);
        return;
    }
    flux_log(res->h, LOG_ERR, "overlay: %s: only rank 0 counts as online", err.text);
    set_online(res, "0", "");
    flux_future_free(FLUX_GIVE(res->online));
}

static void follow_online(struct resource *res)
{
    flux_overlay_online_request in = FLUX_OVERLAY_ONLINE_REQUEST_INIT;

    if (res->inv.method == INVENTORY_FAKE) {
        FLUX_AUTO_STR all = flux_idset_encode(res->st.ranks, FLUX_IDSET_RANGE);
        set_online(res, all, "");
    } else if (res->size == 1)
        set_online(res, "0", "");
    else {
        res->online = flux_overlay_online_stream(res->h, FLUX_RANK(0), &in);
        flux_future_then(res->online, on_online, res);
    }
}

/* ---- Acquire, Get */

static void follower_gone(struct flux_call *call, void *arg)
{
    struct resource *res = flux_call_data(call);
    struct follower *f = arg;

    DL_DELETE(res->followers, f);
    free(f);
}

static int do_acquire(struct flux_call *call, const void *in)
{
    struct resource *res = flux_call_data(call);
    struct follower *f = flux_alloc(sizeof(*f));

    f->call = call;
    DL_APPEND(res->followers, f);
    flux_call_on_cancel(call, follower_gone, f);
    send_all(res, call);
    return FLUX_CALL_LATER;
}

int resource_acquire(struct flux_call *call, const flux_resource_acquire_request *in)
{
    struct resource *res = flux_call_data(call);

    return res->have_inventory ? do_acquire(call, in)
                               : wait_for_inventory(res, call, in, do_acquire);
}

static char *r_text(struct resource *res)
{
    if (!res->r_text)
        res->r_text = flux_rset_encode(res->st.all);
    return res->r_text;
}

static int do_get(struct flux_call *call, const void *in)
{
    flux_resource_get_response out = FLUX_RESOURCE_GET_RESPONSE_INIT;

    out.r = r_text(flux_call_data(call));
    flux_resource_get_reply(call, &out);
    return FLUX_CALL_LATER;
}

int resource_get(struct flux_call *call, const flux_resource_get_request *in,
                 flux_resource_get_response *out)
{
    struct resource *res = flux_call_data(call);

    return res->have_inventory ? do_get(call, in) : wait_for_inventory(res, call, in, do_get);
}

/* ---- Status */

/* Drains with the same time and reason, as one entry. */
static void fill_drains(struct resource *res, struct flux_call *call,
                        flux_resource_status_response *out)
{
    size_t n = HASH_COUNT(res->st.drains);
    FLUX_AUTO(idset) done = flux_idset_new();

    out->drain = flux_call_alloc(call, n * sizeof(*out->drain));
    for (const struct drain *d = res->st.drains; d; d = d->hh.next) {
        FLUX_AUTO(idset) same = NULL;
        FLUX_AUTO_STR text = NULL;
        flux_resource_drain_info *info;

        if (flux_idset_contains(done, d->rank))
            continue;
        same = flux_idset_new();
        for (const struct drain *e = d; e; e = e->hh.next)
            if (e->timestamp == d->timestamp && !e->reason == !d->reason &&
                (!e->reason || strcmp(e->reason, d->reason) == 0))
                flux_idset_add(same, e->rank);
        flux_idset_add_set(done, same);
        text = flux_idset_encode(same, FLUX_IDSET_RANGE);
        info = flux_call_alloc(call, sizeof(*info));
        *info = (flux_resource_drain_info)FLUX_RESOURCE_DRAIN_INFO_INIT;
        info->ranks = flux_call_strdup(call, text);
        info->timestamp = d->timestamp;
        info->reason = d->reason ? d->reason : "";
        out->drain[out->n_drain++] = info;
    }
}

static char *ids_for(struct flux_call *call, const struct flux_idset *set)
{
    FLUX_AUTO_STR text = flux_idset_encode(set, FLUX_IDSET_RANGE);

    return flux_call_strdup(call, text);
}

static void send_status(struct flux_call *call, const char *allocated)
{
    struct resource *res = flux_call_data(call);
    flux_resource_status_response out = FLUX_RESOURCE_STATUS_RESPONSE_INIT;

    out.r = r_text(res);
    out.online = ids_for(call, res->st.online);
    out.exclude = ids_for(call, res->st.exclude);
    out.torpid = ids_for(call, res->st.torpid);
    out.allocated = flux_call_strdup(call, allocated);
    fill_drains(res, call, &out);
    flux_resource_status_reply(call, &out);
}

static void on_sched_status(struct flux_future *f, void *arg)
{
    struct flux_call *call = arg;
    const flux_sched_status_response *out;
    FLUX_AUTO(rset) held = NULL;
    FLUX_AUTO(idset) ranks = NULL;
    FLUX_AUTO_STR text = NULL;

    flux_call_on_cancel(call, NULL, NULL);
    if (flux_sched_status_result(f, &out, NULL) == 0 &&
        flux_rset_decode(out->allocated, &held, NULL) == 0) {
        ranks = flux_rset_ranks(held);
        text = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
    }
    send_status(call, text ? text : "");
    flux_future_free(f);
}

static void status_canceled(struct flux_call *call, void *arg)
{
    flux_future_free(arg);
}

/* Which nodes have work on them is the scheduler's to know; without one, none. */
static int do_status(struct flux_call *call, const void *in)
{
    struct resource *res = flux_call_data(call);
    flux_sched_status_request ask = FLUX_SCHED_STATUS_REQUEST_INIT;
    struct flux_to to = FLUX_ANY;
    struct flux_future *f;

    if (!res->followers) {
        send_status(call, "");
        return FLUX_CALL_LATER;
    }
    to.timeout = STATUS_TIMEOUT;
    f = flux_sched_status_async(res->h, to, &ask);
    flux_call_on_cancel(call, status_canceled, f);
    flux_future_then(f, on_sched_status, call);
    return FLUX_CALL_LATER;
}

int resource_status(struct flux_call *call, const flux_resource_status_request *in,
                    flux_resource_status_response *out)
{
    struct resource *res = flux_call_data(call);

    return res->have_inventory ? do_status(call, in) : wait_for_inventory(res, call, in, do_status);
}

/* ---- Drain, Undrain: answered when stored */

static void journal_client_gone(struct flux_call *call, void *arg)
{
    struct resource *res = flux_call_data(call);

    journal_forget(res->journal, call);
}

/* Drain and Undrain have the same, empty, answer. */
static void stored(struct flux_call *call, int r, const char *text)
{
    flux_resource_drain_response out = FLUX_RESOURCE_DRAIN_RESPONSE_INIT;
    flux_resource_undrain_response un = FLUX_RESOURCE_UNDRAIN_RESPONSE_INIT;

    flux_call_on_cancel(call, NULL, NULL);
    if (r < 0)
        flux_call_error(call, -r, "this is in force, and could not be stored yet: %s", text);
    else if (strcmp(flux_call_method(call), flux_resource_drain_method.name) == 0)
        flux_resource_drain_reply(call, &out);
    else
        flux_resource_undrain_reply(call, &un);
}

static int later(struct resource *res, struct flux_call *call)
{
    flux_call_on_cancel(call, journal_client_gone, NULL);
    changed(res, call);
    return FLUX_CALL_LATER;
}

/* The ranks that an administrator means: at least one. */
static int targets_of(struct resource *res, const char *text, struct flux_idset **ret,
                      struct flux_error *err)
{
    int r = inventory_targets(res->st.all, text, ret, err);

    if (r == 0 && flux_idset_empty(*ret))
        return flux_error_set(err, -EINVAL, "'%.64s' names no hosts or ranks", text);
    return r;
}

int resource_drain(struct flux_call *call, const flux_resource_drain_request *in,
                   flux_resource_drain_response *out)
{
    static const enum drain_mode modes[] = {DRAIN_NEW, DRAIN_OVERWRITE, DRAIN_REPLACE, DRAIN_SKIP};
    struct resource *res = flux_call_data(call);
    FLUX_AUTO(idset) ranks = NULL;
    struct flux_error err;
    int r;

    if (!res->have_inventory)
        return flux_call_fail(call, EAGAIN, "resources are not known yet");
    if (in->mode < 0 || (size_t)in->mode >= FLUX_ARRAY_SIZE(modes))
        return flux_call_fail(call, EINVAL, "unknown mode %d", in->mode);
    if ((r = targets_of(res, in->targets, &ranks, &err)) < 0 ||
        (r = status_drain(&res->st, ranks, in->reason, modes[in->mode], flux_walltime(), &err)) < 0)
        return flux_call_fail(call, -r, "%s", err.text);
    return later(res, call);
}

int resource_undrain(struct flux_call *call, const flux_resource_undrain_request *in,
                     flux_resource_undrain_response *out)
{
    struct resource *res = flux_call_data(call);
    FLUX_AUTO(idset) ranks = NULL;
    struct flux_error err;
    int r;

    if (!res->have_inventory)
        return flux_call_fail(call, EAGAIN, "resources are not known yet");
    if ((r = targets_of(res, in->targets, &ranks, &err)) < 0 ||
        (r = status_undrain(&res->st, ranks, in->reason, in->force, flux_walltime(), &err)) < 0)
        return flux_call_fail(call, -r, "%s", err.text);
    return later(res, call);
}

/* ---- Reload */

static void take_inventory(struct resource *res, struct flux_rset *all)
{
    struct flux_idset *exclude;
    struct follower *f;
    FLUX_AUTO_STR text = NULL;

    take_exclude(res, all, &exclude);
    status_set_inventory(&res->st, all, exclude);
    status_undrain_excluded(&res->st, flux_walltime());
    free(FLUX_GIVE(res->r_text));
    status_log_define(&res->st, "reload", flux_walltime());
    text = flux_rset_encode(res->st.all);
    journal_put_r(res->journal, text);
    flux_idset_free(res->told);
    res->told = status_up(&res->st);
    DL_FOREACH(res->followers, f)
    {
        send_all(res, f->call);
    }
    changed(res, NULL);
    flux_future_free(FLUX_GIVE(res->online));
    follow_online(res);
}

static int check_reload(struct resource *res, const char *text, struct flux_rset **ret,
                        struct flux_error *err)
{
    FLUX_AUTO(rset) all = NULL;
    struct flux_rset_node last;
    int r = flux_rset_decode(text, &all, err);

    if (r < 0)
        return r;
    if (flux_rset_nnodes(all) == 0)
        return flux_error_set(err, -EINVAL, "R has no nodes");
    flux_rset_node(all, flux_rset_nnodes(all) - 1, &last);
    if (last.rank >= res->size && res->inv.method != INVENTORY_FAKE)
        return flux_error_set(err, -EOVERFLOW, "R has rank %u, this instance %u brokers", last.rank,
                              res->size);
    *ret = FLUX_GIVE(all);
    return 0;
}

static void on_reload_status(struct flux_future *f, void *arg)
{
    struct waiting *w = arg;
    struct resource *res = flux_call_data(w->call);
    flux_resource_reload_response out = FLUX_RESOURCE_RELOAD_RESPONSE_INIT;
    const flux_sched_status_response *st;
    FLUX_AUTO(rset) held = NULL;
    struct flux_rset *all;
    struct flux_error err;

    flux_call_on_cancel(w->call, NULL, NULL);
    if (flux_sched_status_result(f, &st, NULL) == 0 &&
        flux_rset_decode(st->allocated, &held, NULL) == 0 && flux_rset_nnodes(held) > 0)
        flux_call_error(w->call, EBUSY, "jobs are running: force to reload all the same");
    else if (check_reload(res, ((const flux_resource_reload_request *)w->in)->r, &all, &err) == 0) {
        take_inventory(res, all);
        flux_resource_reload_reply(w->call, &out);
    } else
        flux_call_error(w->call, EINVAL, "%s", err.text);
    flux_future_free(f);
}

static void reload_canceled(struct flux_call *call, void *arg)
{
    flux_future_free(arg);
}

int resource_reload(struct flux_call *call, const flux_resource_reload_request *in,
                    flux_resource_reload_response *out)
{
    struct resource *res = flux_call_data(call);
    flux_sched_status_request ask = FLUX_SCHED_STATUS_REQUEST_INIT;
    struct flux_to to = FLUX_ANY;
    struct flux_rset *all;
    struct flux_error err;
    struct waiting *w;
    struct flux_future *f;
    int r;

    if (!res->have_inventory)
        return flux_call_fail(call, EAGAIN, "resources are not known yet");
    r = check_reload(res, in->r, &all, &err);
    if (r < 0)
        return flux_call_fail(call, -r, "%s", err.text);
    if (in->force || !res->followers) {
        take_inventory(res, all);
        return 0;
    }
    flux_rset_free(all);
    to.timeout = STATUS_TIMEOUT;
    w = flux_call_alloc(call, sizeof(*w));
    *w = (struct waiting){.call = call, .in = in};
    f = flux_sched_status_async(res->h, to, &ask);
    flux_call_on_cancel(call, reload_canceled, f);
    flux_future_then(f, on_reload_status, w);
    return FLUX_CALL_LATER;
}

/* ---- start and stop */

static const struct flux_resource_ops ops = FLUX_RESOURCE_OPS(resource);

int service_start(struct resource *res, struct flux_error *err)
{
    status_init(&res->st);
    res->told = flux_idset_new();
    return flux_resource_serve(res->h, &ops, res, err);
}

void service_stop(struct resource *res)
{
    flux_future_free(res->online);
    journal_close(res->journal);
    while (res->waiting) {
        struct waiting *w = res->waiting;

        DL_DELETE(res->waiting, w);
        flux_call_on_cancel(w->call, NULL, NULL);
        flux_call_error(w->call, ENOSYS, "the resource service has stopped");
        free(w);
    }
    while (res->followers) {
        struct follower *f = res->followers;

        DL_DELETE(res->followers, f);
        flux_call_on_cancel(f->call, NULL, NULL);
        flux_call_finish(f->call);
        free(f);
    }
    status_done(&res->st);
    res->have_journal = false;
    drain_early(res);
    flux_rset_free(res->coming);
    flux_idset_free(res->told);
    free(res->r_text);
}
