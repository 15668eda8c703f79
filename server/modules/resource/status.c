// SPDX-License-Identifier: LGPL-3.0-only
/* Node states and the events that made them. */
#include "status.h"

void status_init(struct status *st)
{
    st->all = flux_rset_new();
    st->ranks = flux_idset_new();
    st->online = flux_idset_new();
    st->torpid = flux_idset_new();
    st->exclude = flux_idset_new();
    st->events.max = (size_t)8 << 20;
}

static void forget_drain(struct status *st, struct drain *d)
{
    HASH_DEL(st->drains, d);
    free(d->reason);
    free(d);
}

void status_done(struct status *st)
{
    struct drain *d, *tmp;

    HASH_ITER (hh, st->drains, d, tmp) {
        forget_drain(st, d);
    }
    flux_rset_free(st->all);
    flux_idset_free(st->ranks);
    flux_idset_free(st->online);
    flux_idset_free(st->torpid);
    flux_idset_free(st->exclude);
    flux_buf_done(&st->events);
}

void status_set_inventory(struct status *st, struct flux_rset *all, struct flux_idset *exclude)
{
    struct drain *d, *tmp;

    flux_rset_free(st->all);
    flux_idset_free(st->ranks);
    flux_idset_free(st->exclude);
    st->all = all;
    st->ranks = flux_rset_ranks(all);
    st->exclude = exclude;
    flux_idset_keep_set(st->online, st->ranks);
    flux_idset_keep_set(st->torpid, st->ranks);
    HASH_ITER (hh, st->drains, d, tmp) {
        if (!flux_idset_contains(st->ranks, d->rank))
            forget_drain(st, d);
    }
}

static struct drain *find_drain(const struct status *st, unsigned rank)
{
    struct drain *d;

    HASH_FIND(hh, st->drains, &rank, sizeof(rank), d);
    return d;
}

struct flux_idset *status_drained(const struct status *st)
{
    struct flux_idset *set = flux_idset_new();

    for (const struct drain *d = st->drains; d; d = d->hh.next)
        flux_idset_add(set, d->rank);
    return set;
}

struct flux_idset *status_up(const struct status *st)
{
    FLUX_AUTO(idset) drained = status_drained(st);
    struct flux_idset *up = flux_idset_copy(st->online);

    flux_idset_remove_set(up, st->torpid);
    flux_idset_remove_set(up, st->exclude);
    flux_idset_remove_set(up, drained);
    return up;
}

/* ---- events */

static char *nodelist_of(const struct status *st, const struct flux_idset *ranks)
{
    FLUX_AUTO(rset) some = flux_rset_copy_ranks(st->all, ranks);

    return flux_rset_nodelist(some);
}

static void put_member(struct flux_buf *b, const char *key, const char *value)
{
    flux_buf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", key);
    flux_eventlog_put_string(b, value, strlen(value));
}

/* One event about ranks: {idset, nodelist[, reason][, overwrite]}. */
static void log_ranks(struct status *st, double now, const char *name,
                      const struct flux_idset *ranks, const char *reason, int overwrite)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);
    FLUX_AUTO_STR ids = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
    FLUX_AUTO_STR nodes = nodelist_of(st, ranks);

    flux_buf_putc(&b, '{');
    put_member(&b, "idset", ids);
    put_member(&b, "nodelist", nodes);
    if (reason)
        put_member(&b, "reason", reason);
    if (overwrite >= 0)
        flux_buf_printf(&b, ",\"overwrite\":%d", overwrite);
    flux_buf_putc(&b, '}');
    flux_eventlog_encode_text(&st->events, now, name, b.data, b.len, NULL);
}

void status_log_restart(struct status *st, double now)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);
    FLUX_AUTO_STR ranks = flux_idset_encode(st->ranks, FLUX_IDSET_RANGE);
    FLUX_AUTO_STR online = flux_idset_encode(st->online, FLUX_IDSET_RANGE);
    FLUX_AUTO_STR nodes = flux_rset_nodelist(st->all);

    flux_buf_putc(&b, '{');
    put_member(&b, "ranks", ranks);
    put_member(&b, "online", online);
    put_member(&b, "nodelist", nodes);
    flux_buf_putc(&b, '}');
    flux_eventlog_encode_text(&st->events, now, "restart", b.data, b.len, NULL);
}

void status_log_define(struct status *st, const char *method, double now)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);

    flux_buf_putc(&b, '{');
    put_member(&b, "method", method);
    flux_buf_putc(&b, '}');
    flux_eventlog_encode_text(&st->events, now, "resource-define", b.data, b.len, NULL);
}

void status_log_truncate(struct status *st, double now)
{
    json_t *drains = json_object(), *context, *o;

    for (const struct drain *d = st->drains; d; d = d->hh.next) {
        FLUX_AUTO(idset) one = flux_idset_new();
        FLUX_AUTO_STR host = NULL;
        FLUX_AUTO_STR rank = flux_printf("%u", d->rank);

        flux_idset_add(one, d->rank);
        host = nodelist_of(st, one);
        o = json_pack("{s:f s:s s:s?}", "timestamp", d->timestamp, "nodelist", host, "reason",
                      d->reason);
        json_object_set_new(drains, rank, o);
    }
    context = json_pack("{s:o}", "drain", drains);
    flux_eventlog_encode(&st->events, now, "truncate", context, NULL);
    json_decref(context);
}

/* ---- drain and undrain */

static void set_drain(struct status *st, unsigned rank, const char *reason, double timestamp)
{
    struct drain *d = find_drain(st, rank);

    if (!d) {
        d = flux_alloc(sizeof(*d));
        d->rank = rank;
        HASH_ADD(hh, st->drains, rank, sizeof(d->rank), d);
    }
    free(d->reason);
    d->reason = reason && *reason ? flux_strdup(reason) : NULL;
    d->timestamp = timestamp;
}

static int refuse(const struct flux_idset *ranks, int r, const char *what, struct flux_error *err)
{
    FLUX_AUTO_STR text = flux_idset_encode(ranks, FLUX_IDSET_RANGE);

    return flux_error_set(err, r, "rank(s) %.200s %s", text, what);
}

int status_drain(struct status *st, const struct flux_idset *ranks, const char *reason,
                 enum drain_mode mode, double now, struct flux_error *err)
{
    FLUX_AUTO(idset) drained = status_drained(st);
    FLUX_AUTO(idset) excluded = flux_idset_intersect(ranks, st->exclude);
    FLUX_AUTO(idset) again = flux_idset_intersect(ranks, drained);
    FLUX_AUTO(idset) todo = flux_idset_copy(ranks);

    if (!flux_idset_empty(excluded))
        return refuse(excluded, -EINVAL, "excluded by configuration, cannot be drained", err);
    if (mode == DRAIN_NEW && !flux_idset_empty(again))
        return refuse(again, -EEXIST, "already drained", err);
    if (reason && strlen(reason) > STATUS_REASON_MAX)
        return flux_error_set(err, -EINVAL, "the reason is longer than %d bytes",
                              STATUS_REASON_MAX);
    if (mode == DRAIN_SKIP)
        flux_idset_remove_set(todo, again);
    if (flux_idset_empty(todo))
        return 0;
    FLUX_IDSET_FOREACH(todo, rank)
    {
        struct drain *d = find_drain(st, rank);
        set_drain(st, rank, reason, d && mode == DRAIN_OVERWRITE ? d->timestamp : now);
    }
    log_ranks(st, now, "drain", todo, reason && *reason ? reason : NULL,
              mode == DRAIN_REPLACE     ? 2
              : mode == DRAIN_OVERWRITE ? 1
                                        : 0);
    return 0;
}

int status_undrain(struct status *st, const struct flux_idset *ranks, const char *reason,
                   bool force, double now, struct flux_error *err)
{
    FLUX_AUTO(idset) drained = status_drained(st);
    FLUX_AUTO(idset) todo = flux_idset_intersect(ranks, drained);
    FLUX_AUTO(idset) not = flux_idset_difference(ranks, drained);

    if (!force && !flux_idset_empty(not ))
        return refuse(not, -ENOENT, "not drained", err);
    if (reason && strlen(reason) > STATUS_REASON_MAX)
        return flux_error_set(err, -EINVAL, "the reason is longer than %d bytes",
                              STATUS_REASON_MAX);
    if (flux_idset_empty(todo))
        return 0;
    FLUX_IDSET_FOREACH(todo, rank)
    {
        forget_drain(st, find_drain(st, rank));
    }
    log_ranks(st, now, "undrain", todo, reason && *reason ? reason : NULL, -1);
    return 0;
}

void status_undrain_excluded(struct status *st, double now)
{
    FLUX_AUTO(idset) drained = status_drained(st);
    FLUX_AUTO(idset) both = flux_idset_intersect(drained, st->exclude);

    if (!flux_idset_empty(both))
        status_undrain(st, both, "excluded by configuration", false, now, NULL);
}

/* Make *have the part of `now_have` that we know; log what came and what went. */
static bool follow(struct status *st, struct flux_idset **have, const struct flux_idset *now_have,
                   const char *came, const char *went, double now)
{
    FLUX_AUTO(idset) known = flux_idset_intersect(now_have, st->ranks);
    FLUX_AUTO(idset) more = flux_idset_difference(known, *have);
    FLUX_AUTO(idset) less = flux_idset_difference(*have, known);

    if (!flux_idset_empty(more))
        log_ranks(st, now, came, more, NULL, -1);
    if (!flux_idset_empty(less))
        log_ranks(st, now, went, less, NULL, -1);
    if (flux_idset_empty(more) && flux_idset_empty(less))
        return false;
    flux_idset_free(*have);
    *have = FLUX_GIVE(known);
    return true;
}

bool status_set_online(struct status *st, const struct flux_idset *online,
                       const struct flux_idset *torpid, double now)
{
    bool a = follow(st, &st->online, online, "online", "offline", now);
    bool b = follow(st, &st->torpid, torpid, "torpid", "lively", now);

    return a || b;
}

/* ---- replay */

/* Ranks that an event is about, by the hosts that they had then. */
static struct flux_idset *event_ranks(const struct status *st, const char *ids, const char *nodes)
{
    FLUX_AUTO(idset) ranks = NULL;
    FLUX_AUTO(hostlist) hosts = NULL;
    FLUX_AUTO_STR mine = NULL;
    struct flux_idset *found = NULL;

    if (!ids || flux_idset_decode(ids, &ranks, NULL) < 0)
        return NULL;
    mine = nodelist_of(st, ranks);
    if (nodes && strcmp(mine, nodes) != 0 && flux_hostlist_decode(nodes, &hosts, NULL) == 0) {
        flux_idset_clear(ranks);
        FLUX_HOSTLIST_FOREACH(hosts, it, host)
        {
            FLUX_AUTO(hostlist) one = flux_hostlist_new();

            flux_hostlist_append_host(one, host);
            if (flux_rset_host_ranks(st->all, one, &found, NULL) == 0) {
                flux_idset_add_set(ranks, found);
                flux_idset_free(found);
            }
        }
    }
    flux_idset_keep_set(ranks, st->ranks);
    return FLUX_GIVE(ranks);
}

static const char *string_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static void replay_truncate(struct status *st, const json_t *drains)
{
    const char *key;
    json_t *v;

    json_object_foreach ((json_t *)drains, key, v) {
        FLUX_AUTO(idset) ranks = event_ranks(st, key, string_of(v, "nodelist"));

        if (!ranks)
            continue;
        FLUX_IDSET_FOREACH(ranks, rank)
        {
            set_drain(st, rank, string_of(v, "reason"),
                      json_number_value(json_object_get(v, "timestamp")));
        }
    }
}

void status_replay(struct status *st, const struct flux_eventlog_entry *e)
{
    bool drain = strcmp(e->name, "drain") == 0, undrain = strcmp(e->name, "undrain") == 0;
    bool keep_time = json_integer_value(json_object_get(e->context, "overwrite")) == 1;
    FLUX_AUTO(idset) ranks = NULL;

    if (strcmp(e->name, "truncate") == 0)
        replay_truncate(st, json_object_get(e->context, "drain"));
    if (!drain && !undrain)
        return;
    ranks = event_ranks(st, string_of(e->context, "idset"), string_of(e->context, "nodelist"));
    if (!ranks)
        return;
    FLUX_IDSET_FOREACH(ranks, rank)
    {
        struct drain *d = find_drain(st, rank);

        if (drain)
            set_drain(st, rank, string_of(e->context, "reason"),
                      d && keep_time ? d->timestamp : e->timestamp);
        else if (d)
            forget_drain(st, d);
    }
}
