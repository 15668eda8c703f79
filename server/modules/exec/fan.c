// SPDX-License-Identifier: LGPL-3.0-only
/* Fan-out over the tree and fan-in of what is reported. Invariant: a rank is in `pending` of
 * exactly one child (or is the local part) until its end has gone into the collection, once. */
#include "fan.h"

#include <uv.h>

#include <flux/hostlist.h>
#include <flux/topology.h>

#define HOLD_MS 250 /* how late a rank's start or end may be told because of others */

/* The check handle runs after each poll of the loop; the idle one keeps that poll from waiting. The
 * timer runs only while a fan holds something back. */
struct fan_loop {
    struct flux *h;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t timer;
    int open;
    TAILQ_HEAD(, fan) dirty;
    TAILQ_HEAD(, fan) held;
};

static void fan_flush(struct fan *f);

static void on_idle(uv_idle_t *idle)
{
}

static void on_check(uv_check_t *check)
{
    struct fan_loop *loop = check->data;
    struct fan *f;

    while ((f = TAILQ_FIRST(&loop->dirty))) {
        TAILQ_REMOVE(&loop->dirty, f, link);
        f->dirty = false;
        fan_flush(f);
    }
    uv_idle_stop(&loop->idle);
    uv_check_stop(&loop->check);
}

struct fan_loop *fan_loop_new(struct flux *h)
{
    struct fan_loop *loop = flux_alloc(sizeof(*loop));

    loop->h = h;
    TAILQ_INIT(&loop->dirty);
    TAILQ_INIT(&loop->held);
    uv_timer_init(flux_loop(h), &loop->timer);
    uv_check_init(flux_loop(h), &loop->check);
    uv_idle_init(flux_loop(h), &loop->idle);
    loop->check.data = loop->idle.data = loop->timer.data = loop;
    loop->open = 3;
    return loop;
}

static void on_closed(uv_handle_t *handle)
{
    struct fan_loop *loop = handle->data;

    if (--loop->open == 0)
        free(loop);
}

void fan_loop_free(struct fan_loop *loop)
{
    uv_close((uv_handle_t *)&loop->check, on_closed);
    uv_close((uv_handle_t *)&loop->idle, on_closed);
    uv_close((uv_handle_t *)&loop->timer, on_closed);
}

void fan_touch(struct fan *f)
{
    if (f->dirty)
        return;
    f->dirty = true;
    TAILQ_INSERT_TAIL(&f->loop->dirty, f, link);
    uv_check_start(&f->loop->check, on_check);
    uv_idle_start(&f->loop->idle, on_idle);
}

static void on_timer(uv_timer_t *timer)
{
    struct fan_loop *loop = timer->data;
    struct fan *f;

    TAILQ_FOREACH (f, &loop->held, held_link) {
        f->due = true;
        fan_touch(f);
    }
}

static void hold(struct fan *f)
{
    if (f->held)
        return;
    f->held = true;
    if (TAILQ_EMPTY(&f->loop->held))
        uv_timer_start(&f->loop->timer, on_timer, HOLD_MS, 0);
    TAILQ_INSERT_TAIL(&f->loop->held, f, held_link);
}

static void unhold(struct fan *f)
{
    f->due = false;
    if (!f->held)
        return;
    f->held = false;
    TAILQ_REMOVE(&f->loop->held, f, held_link);
    if (TAILQ_EMPTY(&f->loop->held))
        uv_timer_stop(&f->loop->timer);
}

/* --- the collection --- */

static void add_started(struct fan *f, const struct flux_idset *ranks)
{
    if (!f->started)
        f->started = flux_idset_new();
    flux_idset_add_set(f->started, ranks);
    f->nstarted += flux_idset_count(ranks);
    fan_touch(f);
}

static void add_exit(struct fan *f, const struct flux_idset *ranks, int status)
{
    struct fan_exits *e = NULL;

    for (size_t i = 0; i < f->nexits && !e; i++) {
        if (f->exits[i].status == status)
            e = &f->exits[i];
    }
    if (!e) {
        f->exits = flux_realloc(f->exits, f->nexits + 1, sizeof(*e));
        e = &f->exits[f->nexits++];
        *e = (struct fan_exits){.status = status, .ranks = flux_idset_new()};
    }
    flux_idset_add_set(e->ranks, ranks);
    fan_touch(f);
}

static void add_failure(struct fan *f, const struct flux_idset *ranks, int errnum, const char *text)
{
    struct fan_failures *e = NULL;

    for (size_t i = 0; i < f->nfailures && !e; i++) {
        if (f->failures[i].errnum == errnum && strcmp(f->failures[i].text, text) == 0)
            e = &f->failures[i];
    }
    if (!e) {
        f->failures = flux_realloc(f->failures, f->nfailures + 1, sizeof(*e));
        e = &f->failures[f->nfailures++];
        *e = (struct fan_failures){
            .errnum = errnum, .text = flux_strdup(text), .ranks = flux_idset_new()};
    }
    flux_idset_add_set(e->ranks, ranks);
    fan_touch(f);
}

static void collection_reset(struct fan *f)
{
    if (f->started)
        flux_idset_free(f->started);
    for (size_t i = 0; i < f->nexits; i++)
        flux_idset_free(f->exits[i].ranks);
    for (size_t i = 0; i < f->nfailures; i++) {
        flux_idset_free(f->failures[i].ranks);
        free(f->failures[i].text);
    }
    free(f->exits);
    free(f->failures);
    f->started = NULL;
    f->exits = NULL;
    f->failures = NULL;
    f->nexits = f->nfailures = 0;
}

/* --- sending --- */

/* Messages around the collection; everything in them is freed by items_done(). */
static void items_init(struct fan_items *it, const struct fan *f)
{
    it->started = f->started ? flux_idset_encode(f->started, FLUX_IDSET_RANGE) : flux_strdup("");
    it->n_exits = f->nexits;
    it->exits = flux_realloc(NULL, f->nexits + 1, sizeof(*it->exits));
    for (size_t i = 0; i < f->nexits; i++) {
        it->exits[i] = flux_alloc(sizeof(flux_exec_exit));
        *it->exits[i] = (flux_exec_exit)FLUX_EXEC_EXIT_INIT;
        it->exits[i]->ranks = flux_idset_encode(f->exits[i].ranks, FLUX_IDSET_RANGE);
        it->exits[i]->status = f->exits[i].status;
    }
    it->n_failures = f->nfailures;
    it->failures = flux_realloc(NULL, f->nfailures + 1, sizeof(*it->failures));
    for (size_t i = 0; i < f->nfailures; i++) {
        it->failures[i] = flux_alloc(sizeof(flux_exec_failure));
        *it->failures[i] = (flux_exec_failure)FLUX_EXEC_FAILURE_INIT;
        it->failures[i]->ranks = flux_idset_encode(f->failures[i].ranks, FLUX_IDSET_RANGE);
        it->failures[i]->errnum = f->failures[i].errnum;
        it->failures[i]->text = f->failures[i].text;
    }
}

static void items_done(struct fan_items *it)
{
    for (size_t i = 0; i < it->n_exits; i++) {
        free((char *)it->exits[i]->ranks);
        free(it->exits[i]);
    }
    for (size_t i = 0; i < it->n_failures; i++) {
        free((char *)it->failures[i]->ranks);
        free(it->failures[i]);
    }
    free(it->exits);
    free(it->failures);
    free((char *)it->started);
}

static bool fan_finished(const struct fan *f)
{
    if (f->local_pending)
        return false;
    for (size_t i = 0; i < f->nchildren; i++) {
        if (f->children[i].future)
            return false;
    }
    return true;
}

/* Bad news, a whole, and what has waited go up; of good news in part there will be more. */
static bool worth_telling(const struct fan *f)
{
    if (!f->ops->gathers || f->due || f->nfailures > 0 || fan_finished(f))
        return true;
    for (size_t i = 0; i < f->nexits; i++) {
        if (f->exits[i].status != 0)
            return true;
    }
    return f->started && f->nstarted >= f->nranks;
}

static void fan_flush(struct fan *f)
{
    struct flux_call *call = f->call;
    struct fan_items items;
    enum fan_sent sent;

    if (!worth_telling(f)) {
        hold(f);
        return;
    }
    unhold(f);
    items_init(&items, f);
    sent = f->ops->send(f, &items);
    items_done(&items);
    if (sent == FAN_SENT_STARTED && f->started)
        flux_idset_clear(f->started);
    if (sent != FAN_SENT_ALL)
        return;
    collection_reset(f);
    if (!fan_finished(f))
        return;
    fan_cancel(f);
    f->ops->end(f);
    flux_call_finish(call);
}

/* --- the parts --- */

static void local_set(struct flux_idset **set, uint32_t rank)
{
    *set = flux_idset_new();
    flux_idset_add(*set, rank);
}

void fan_local_started(struct fan *f, uint32_t rank)
{
    FLUX_AUTO(idset) set = NULL;

    local_set(&set, rank);
    add_started(f, set);
}

void fan_local_exited(struct fan *f, uint32_t rank, int status)
{
    FLUX_AUTO(idset) set = NULL;

    local_set(&set, rank);
    f->local_pending = false;
    add_exit(f, set, status);
}

void fan_local_failed(struct fan *f, uint32_t rank, int errnum, const char *fmt, ...)
{
    FLUX_AUTO(idset) set = NULL;
    FLUX_AUTO_STR text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = flux_vprintf(fmt, ap);
    va_end(ap);
    local_set(&set, rank);
    f->local_pending = false;
    add_failure(f, set, errnum, text);
}

/* What a child says of ranks that it still has to account for; NULL when there is none. */
static struct flux_idset *child_set(const struct fan_child *c, const char *ranks)
{
    struct flux_idset *set;

    if (flux_idset_decode(ranks, &set, NULL) < 0)
        return NULL;
    flux_idset_keep_set(set, c->pending);
    if (!flux_idset_empty(set))
        return set;
    flux_idset_free(set);
    return NULL;
}

void fan_merge(struct fan *f, struct fan_child *c, const struct fan_items *items)
{
    struct flux_idset *set;

    if (items->started[0] && (set = child_set(c, items->started))) {
        add_started(f, set);
        flux_idset_free(set);
    }
    for (size_t i = 0; i < items->n_exits; i++) {
        if (!(set = child_set(c, items->exits[i]->ranks)))
            continue;
        add_exit(f, set, items->exits[i]->status);
        flux_idset_remove_set(c->pending, set);
        flux_idset_free(set);
    }
    for (size_t i = 0; i < items->n_failures; i++) {
        if (!(set = child_set(c, items->failures[i]->ranks)))
            continue;
        add_failure(f, set, items->failures[i]->errnum, items->failures[i]->text);
        flux_idset_remove_set(c->pending, set);
        flux_idset_free(set);
    }
}

/* "node[3-4] (rank 3-4)" */
static char *name_ranks(const struct fan *f, const struct flux_idset *ranks)
{
    FLUX_AUTO_STR text = flux_idset_encode(ranks, FLUX_IDSET_RANGE);

    if (!f->hosts || flux_idset_last(ranks) >= flux_hostlist_count(f->hosts))
        return flux_printf("rank %s", text);
    FLUX_AUTO(hostlist) some = flux_hostlist_pick(f->hosts, ranks);
    FLUX_AUTO_STR hosts = flux_hostlist_encode(some);
    return flux_printf("%s (rank %s)", hosts, text);
}

/* Its stream has ended: whatever it has not accounted for is lost. */
static void child_ended(struct fan_child *c, int r, const char *why)
{
    struct fan *f = c->fan;

    flux_future_free(c->future);
    c->future = NULL;
    if (!flux_idset_empty(c->pending)) {
        bool lost = r == -ECONNRESET || r == -EHOSTUNREACH || r == -ENOTCONN || r == -EPIPE;
        FLUX_AUTO_STR who = name_ranks(f, c->pending);
        FLUX_AUTO_STR text = lost ? flux_printf("lost contact with %s: %s", who, why)
                                  : flux_printf("%s: %s", who, why);
        add_failure(f, c->pending, lost ? EHOSTUNREACH : -r, text);
        flux_idset_clear(c->pending);
    }
    fan_touch(f);
}

static void on_child(struct flux_future *future, void *arg)
{
    struct fan_child *c = arg;
    struct flux_error err = {.text = ""};
    int r = c->fan->ops->take_item(c->fan, c, &err);

    if (r == -ENODATA)
        child_ended(c, -EPROTO, "the broker ended the call without telling of it");
    else if (r < 0)
        child_ended(c, r, err.text[0] ? err.text : strerror(-r));
}

/* --- the beginning --- */

struct split {
    struct fan *f;
    uint32_t me, parent;
    bool outside;
};

static int on_part(uint32_t hop, const struct flux_idset *ranks, void *arg)
{
    struct split *s = arg;
    struct fan *f = s->f;

    if (hop == s->me) {
        f->local_pending = true;
    } else if (hop == s->parent) {
        s->outside = true;
    } else {
        f->children = flux_realloc(f->children, f->nchildren + 1, sizeof(*f->children));
        f->children[f->nchildren++] = (struct fan_child){.fan = f,
                                                         .rank = hop,
                                                         .ranks = flux_idset_copy(ranks),
                                                         .pending = flux_idset_copy(ranks)};
    }
    return 0;
}

static int split(struct fan *f, struct flux *h, const struct flux_idset *set)
{
    const struct flux_topology *t = flux_topology(h);
    struct split s = {.f = f, .me = flux_rank(h)};
    int r;

    if (!t) { /* an instance of one */
        s.parent = FLUX_TOPOLOGY_NONE;
        if (!flux_idset_contains(set, s.me) || flux_idset_count(set) > 1)
            return -EHOSTUNREACH;
        return on_part(s.me, set, &s);
    }
    s.parent = flux_topology_parent(t, s.me);
    r = flux_topology_split(t, s.me, set, on_part, &s);
    return r < 0 ? r : s.outside ? -EINVAL : 0;
}

static int fan_split(struct fan *f, struct flux_call *call, const char *ranks)
{
    struct flux *h = flux_call_handle(call);
    FLUX_AUTO(idset) set = NULL;
    struct flux_error err;
    int r = flux_idset_decode(ranks, &set, &err);

    if (r < 0)
        return flux_call_fail(call, EINVAL, "%s", err.text);
    if (flux_idset_empty(set))
        return flux_call_fail(call, EINVAL, "the set of ranks is empty");
    f->nranks = flux_idset_count(set);
    r = split(f, h, set);
    if (r == -EHOSTUNREACH)
        return flux_call_fail(call, EHOSTUNREACH, "no such rank: %u (size is %u)",
                              flux_idset_last(set), flux_size(h));
    if (r < 0)
        return flux_call_fail(call, -r, "ranks %s: not all of them are below rank %u", ranks,
                              flux_rank(h));
    return 0;
}

static void on_gone(struct flux_call *call, void *arg)
{
    struct fan *f = arg;

    f->call = NULL;
    f->ops->gone(f);
}

int fan_start(struct fan *f, struct fan_loop *loop, const struct fan_ops *ops,
              struct flux_call *call, const char *ranks)
{
    int r;

    f->loop = loop;
    f->ops = ops;
    f->call = call;
    r = fan_split(f, call, ranks);
    if (r < 0) {
        fan_cancel(f);
        return r;
    }
    flux_call_on_cancel(call, on_gone, f);
    for (size_t i = 0; i < f->nchildren; i++) {
        struct fan_child *c = &f->children[i];
        FLUX_AUTO_STR text = flux_idset_encode(c->ranks, FLUX_IDSET_RANGE);
        c->future = ops->call_child(f, c->rank, text);
        flux_future_then(c->future, on_child, c);
    }
    return 0;
}

char *fan_child_part(const struct fan *f, size_t i, const struct flux_idset *ranks)
{
    const struct fan_child *c = &f->children[i];

    if (!c->future)
        return NULL;
    FLUX_AUTO(idset) part = flux_idset_copy(c->pending);
    if (ranks)
        flux_idset_keep_set(part, ranks);
    return flux_idset_empty(part) ? NULL : flux_idset_encode(part, FLUX_IDSET_RANGE);
}

void fan_cancel(struct fan *f)
{
    if (f->dirty)
        TAILQ_REMOVE(&f->loop->dirty, f, link);
    f->dirty = false;
    unhold(f);
    collection_reset(f);
    for (size_t i = 0; i < f->nchildren; i++) {
        flux_future_free(f->children[i].future);
        flux_idset_free(f->children[i].ranks);
        flux_idset_free(f->children[i].pending);
    }
    free(f->children);
    f->children = NULL;
    f->nchildren = 0;
}
