// SPDX-License-Identifier: LGPL-3.0-only
/* The broker's place in the tree. Each connected neighbour is a port of the router. What is known
 * of the subtree is kept as sets of ranks and told to the parent whenever they change, once a turn.
 */
#include "overlay.h"

#include <math.h>
#include <stdio.h>
#include <sys/wait.h>
#include <syslog.h>

#include <flux/fsd.h>
#include <flux/hostlist.h>
#include <flux/v1/broker.h>
#include <flux/v1/overlay.h>

/* --- ports --- */

static struct overlay *overlay_of(struct port *p)
{
    if (p->kind == PORT_PARENT)
        return FLUX_CONTAINER_OF(p, struct overlay, parent);
    return FLUX_CONTAINER_OF(p, struct overlay_child, port)->overlay;
}

static void port_send(struct port *p, struct flux_msg *m)
{
    /* If the peer has just gone its loss is about to be told, and fails the call. */
    overlay_link_send(overlay_of(p)->link, p->rank, m);
}

static const struct port_ops port_ops = {.send = port_send};

struct overlay_child *overlay_child(struct overlay *ov, uint32_t rank)
{
    for (uint32_t i = 0; i < ov->nchildren; i++)
        if (ov->children[i].rank == rank)
            return &ov->children[i];
    return NULL;
}

static void port_open(struct overlay *ov, struct port *p, enum port_kind kind, uint32_t rank,
                      const char *hostname)
{
    *p = (struct port){.kind = kind, .ops = &port_ops, .rank = rank};
    snprintf(p->name, sizeof(p->name), "rank %u (%.24s)", rank, hostname);
    router_add(ov->b->router, p);
}

/* --- what is known of the subtree --- */

static void set_state(struct overlay_child *c, flux_overlay_state state)
{
    if (c->state == state)
        return;
    c->state = state;
    c->since = flux_monotime();
}

flux_overlay_state overlay_own_state(struct overlay *ov)
{
    flux_overlay_state worst = FLUX_OVERLAY_STATE_FULL;

    for (uint32_t i = 0; ov && i < ov->nchildren; i++) {
        flux_overlay_state st = ov->children[i].state;
        if (st == FLUX_OVERLAY_STATE_LOST || st == FLUX_OVERLAY_STATE_DEGRADED)
            return FLUX_OVERLAY_STATE_DEGRADED;
        if (st != FLUX_OVERLAY_STATE_FULL)
            worst = FLUX_OVERLAY_STATE_PARTIAL;
    }
    return worst;
}

static void merge_sets(struct overlay *ov)
{
    flux_idset_clear(ov->online);
    flux_idset_clear(ov->torpids);
    flux_idset_clear(ov->lost);
    if (ov->self_online)
        flux_idset_add(ov->online, ov->b->rank);
    for (uint32_t i = 0; i < ov->nchildren; i++) {
        struct overlay_child *c = &ov->children[i];
        flux_idset_add_set(ov->online, c->online);
        flux_idset_add_set(ov->torpids, c->torpids);
        flux_idset_add_set(ov->lost, c->lost);
        if (c->torpid)
            flux_idset_add(ov->torpids, c->rank);
    }
}

static void tell_parent(struct overlay *ov)
{
    flux_overlay_report_request in = FLUX_OVERLAY_REPORT_REQUEST_INIT;
    FLUX_AUTO_STR online = flux_idset_encode(ov->online, FLUX_IDSET_RANGE);
    FLUX_AUTO_STR torpid = flux_idset_encode(ov->torpids, FLUX_IDSET_RANGE);
    FLUX_AUTO_STR lost = flux_idset_encode(ov->lost, FLUX_IDSET_RANGE);
    struct flux_to to = FLUX_RANK(ov->parent.rank);

    to.no_answer = true;
    in.online = online;
    in.torpid = torpid;
    in.lost = lost;
    in.state = overlay_own_state(ov);
    flux_overlay_report_async(ov->b->h, to, &in);
}

/* An instance may say without which of its brokers it makes no sense. */
static void check_critical(struct overlay *ov)
{
    const char *text = attrs_get(ov->b->attrs, "broker.critical-ranks");
    FLUX_AUTO(idset) critical = NULL;
    FLUX_AUTO(idset) gone = NULL;
    FLUX_AUTO_STR who = NULL;

    if (ov->b->rank > 0 || !text || flux_idset_empty(ov->lost) || ov->ending ||
        flux_idset_decode(text, &critical, NULL) < 0)
        return;
    gone = flux_idset_intersect(critical, ov->lost);
    if (flux_idset_empty(gone))
        return;
    who = overlay_describe(ov->b, gone);
    broker_log(ov->b, LOG_CRIT, "critical brokers were lost: %s: the instance ends", who);
    broker_fail(ov->b);
}

static void on_report(uv_timer_t *timer)
{
    struct overlay *ov = timer->data;

    merge_sets(ov);
    check_critical(ov);
    if (ov->parent_up)
        tell_parent(ov);
    /* those who follow are told before a quorum starts the initial program, which may ask them */
    broker_service_changed(ov->b);
    overlay_service_changed(ov->b);
    state_check_quorum(ov->b->state);
}

static void changed(struct overlay *ov)
{
    if (!ov->closed && !uv_is_active((uv_handle_t *)&ov->report))
        uv_timer_start(&ov->report, on_report, 0, 0);
}

void overlay_state_changed(struct broker *b)
{
    enum broker_state st = state_get(b->state);
    bool online = st >= STATE_QUORUM && st < STATE_SHUTDOWN;

    if (!b->overlay || b->overlay->self_online == online)
        return;
    b->overlay->self_online = online;
    if (online)
        flux_idset_add(b->overlay->online, b->rank);
    changed(b->overlay);
}

static void replace(struct flux_idset **set, struct flux_idset *by)
{
    flux_idset_free(*set);
    *set = by;
}

void overlay_child_reported(struct overlay *ov, struct overlay_child *c, flux_overlay_state state,
                            struct flux_idset *online, struct flux_idset *torpids,
                            struct flux_idset *lost)
{
    set_state(c, state);
    replace(&c->online, online);
    replace(&c->torpids, torpids);
    replace(&c->lost, lost);
    changed(ov);
}

/* --- peers come and go --- */

static void ask_to_end(struct overlay *ov, struct overlay_child *c)
{
    flux_broker_shutdown_request in = FLUX_BROKER_SHUTDOWN_REQUEST_INIT;
    struct flux_to to = FLUX_RANK(c->rank);

    to.no_answer = true;
    flux_broker_shutdown_async(ov->b->h, to, &in);
}

static void check_children_gone(struct overlay *ov)
{
    for (uint32_t i = 0; i < ov->nchildren; i++)
        if (ov->children[i].up)
            return;
    if (ov->ending)
        state_post(ov->b->state, EVENT_CHILDREN_COMPLETE);
}

static void child_up(struct overlay *ov, struct overlay_child *c, const char *hostname)
{
    bool leaf = flux_topology_descendants(ov->b->topo, c->rank) == 0;

    snprintf(c->hostname, sizeof(c->hostname), "%s", hostname);
    c->error[0] = '\0';
    c->up = true;
    c->torpid = false;
    port_open(ov, &c->port, PORT_CHILD, c->rank, hostname);
    set_state(c, leaf ? FLUX_OVERLAY_STATE_FULL : FLUX_OVERLAY_STATE_PARTIAL);
    flux_idset_clear(c->lost);
    if (ov->ending)
        ask_to_end(ov, c);
    changed(ov);
}

static void child_down(struct overlay *ov, struct overlay_child *c, bool lost, const char *why)
{
    if (!c->up)
        return;
    c->up = c->torpid = false;
    if (lost) {
        broker_log(ov->b, LOG_ERR, "%s (rank %u) was lost: %s", c->hostname, c->rank, why);
        snprintf(c->error, sizeof(c->error), "%s", why);
        flux_idset_add_set(c->lost, c->online);
        flux_idset_add(c->lost, c->rank);
    }
    flux_idset_clear(c->online);
    flux_idset_clear(c->torpids);
    set_state(c, lost ? FLUX_OVERLAY_STATE_LOST : FLUX_OVERLAY_STATE_OFFLINE);
    router_remove(ov->b->router, &c->port, lost ? "was lost" : "has left");
    collective_service_lost(ov->b, c->rank);
    changed(ov);
    check_children_gone(ov);
}

static void child_event(struct overlay *ov, uint32_t rank, enum overlay_peer_event ev,
                        const char *hostname, const char *why)
{
    struct overlay_child *c = overlay_child(ov, rank);

    if (!c)
        return;
    switch (ev) {
    case OVERLAY_PEER_UP:
        child_up(ov, c, hostname);
        break;
    case OVERLAY_PEER_GONE:
    case OVERLAY_PEER_LOST:
        child_down(ov, c, ev == OVERLAY_PEER_LOST, why);
        break;
    case OVERLAY_PEER_TORPID:
    case OVERLAY_PEER_LIVELY:
        c->torpid = ev == OVERLAY_PEER_TORPID;
        broker_log(ov->b, LOG_WARNING, "%s (rank %u) is %s", c->hostname, rank,
                   c->torpid ? "torpid: not heard from for long" : "lively again");
        changed(ov);
        break;
    case OVERLAY_PEER_REFUSED:
        break;
    }
}

static void parent_gone(struct overlay *ov, enum overlay_peer_event ev, const char *why)
{
    struct broker *b = ov->b;

    if (ev == OVERLAY_PEER_REFUSED)
        broker_log(b, LOG_CRIT, "refused by the parent (rank %u): %s",
                   flux_topology_parent(b->topo, b->rank), why);
    else if (ov->parent_up)
        broker_log(b, LOG_ERR, "the parent %s %s%s%s", ov->parent.name,
                   ev == OVERLAY_PEER_LOST ? "was lost" : "has left", *why ? ": " : "", why);
    if (ov->parent_up) {
        ov->parent_up = false;
        router_remove(b->router, &ov->parent, "was lost");
    }
    if (state_get(b->state) < STATE_SHUTDOWN && !b->exit_status)
        b->exit_status = broker_failure_status(b);
    collective_service_lost(b, flux_topology_parent(b->topo, b->rank));
    state_post(b->state, EVENT_PARENT_FAIL);
}

static void on_peer(void *arg, uint32_t rank, enum overlay_peer_event ev, const char *hostname,
                    const char *why)
{
    struct overlay *ov = arg;

    if (rank != flux_topology_parent(ov->b->topo, ov->b->rank)) {
        child_event(ov, rank, ev, hostname, why);
    } else if (ev == OVERLAY_PEER_UP) {
        port_open(ov, &ov->parent, PORT_PARENT, rank, hostname);
        ov->parent_up = true;
        changed(ov);
        state_post(ov->b->state, EVENT_PARENT_READY);
    } else if (ev != OVERLAY_PEER_TORPID && ev != OVERLAY_PEER_LIVELY) {
        parent_gone(ov, ev, why);
    }
}

static void on_message(void *arg, uint32_t rank, struct flux_msg *m)
{
    struct overlay *ov = arg;
    struct overlay_child *c;

    if (ov->parent_up && rank == ov->parent.rank)
        router_receive(ov->b->router, &ov->parent, m);
    else if ((c = overlay_child(ov, rank)) && c->up)
        router_receive(ov->b->router, &c->port, m);
    else
        flux_msg_free(m);
}

static void on_log(void *arg, int level, const char *text)
{
    struct overlay *ov = arg;

    broker_log(ov->b, level, "overlay: %s", text);
}

/* --- for messages --- */

char *overlay_describe(struct broker *b, const struct flux_idset *ranks)
{
    const char *all = attrs_get(b->attrs, "hostlist");
    FLUX_AUTO_STR text = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
    FLUX_AUTO(hostlist) hosts = NULL;
    FLUX_AUTO(hostlist) some = flux_hostlist_new();
    FLUX_AUTO_STR names = NULL;
    char name[FLUX_HOST_SIZE];

    if (!all || flux_hostlist_decode(all, &hosts, NULL) < 0)
        return flux_printf("(rank %s)", text);
    FLUX_IDSET_FOREACH(ranks, rank)
    if (flux_hostlist_nth(hosts, rank, name))
        flux_hostlist_append_host(some, name);
    names = flux_hostlist_encode(some);
    return flux_printf("%s (rank %s)", names, text);
}

struct flux_idset *overlay_children_up(struct broker *b)
{
    struct flux_idset *up = flux_idset_new();

    for (uint32_t i = 0; b->overlay && i < b->overlay->nchildren; i++)
        if (b->overlay->children[i].up)
            flux_idset_add(up, b->overlay->children[i].rank);
    return up;
}

/* --- begin and end --- */

static void make_children(struct overlay *ov)
{
    struct broker *b = ov->b;

    ov->nchildren = flux_topology_child_count(b->topo, b->rank);
    ov->children = flux_alloc(ov->nchildren * sizeof(*ov->children));
    for (uint32_t i = 0; i < ov->nchildren; i++) {
        struct overlay_child *c = &ov->children[i];
        c->overlay = ov;
        c->rank = flux_topology_child(b->topo, b->rank, i);
        c->state = FLUX_OVERLAY_STATE_OFFLINE;
        c->since = b->started;
        c->online = flux_idset_new();
        c->torpids = flux_idset_new();
        c->lost = flux_idset_new();
    }
}

static double conf_seconds(const json_t *table, const char *key, double otherwise)
{
    const json_t *o = json_object_get(table, key);
    double t = otherwise;

    if (json_is_number(o))
        return json_number_value(o);
    if (json_is_string(o) && flux_fsd_parse(json_string_value(o), &t, NULL) < 0)
        return strcmp(json_string_value(o), "none") ? otherwise : 0;
    return isinf(t) ? 0 : t;
}

static struct overlay_beat read_beat(struct broker *b)
{
    const json_t *heartbeat = json_object_get(b->conf, "heartbeat");
    const json_t *warn = json_object_get(heartbeat, "warn_thresh");

    return (struct overlay_beat){
        .torpid_min = attrs_get_fsd(b->attrs, "tbon.torpid_min", 5),
        .torpid_max = attrs_get_fsd(b->attrs, "tbon.torpid_max", 30),
        .period = conf_seconds(heartbeat, "period", 2),
        .timeout = conf_seconds(heartbeat, "timeout", 300),
        .warn = warn ? json_integer_value(warn) : 3,
    };
}

void broker_overlay_configure(struct broker *b)
{
    struct overlay_beat beat = read_beat(b);

    if (b->overlay)
        overlay_link_tune(b->overlay->link, &beat);
}

int overlay_open(struct broker *b, const struct cert *cert, uint64_t hosts_digest,
                 struct flux_error *err)
{
    struct overlay *ov = flux_alloc(sizeof(*ov));
    struct attrs *a = b->attrs;
    const char *method;
    struct overlay_link_conf conf = {
        .loop = &b->loop, .cert = cert, .topology = b->topo, .arg = ov};
    int r;

    conf.rank = b->rank;
    conf.hostname = attrs_get(a, "hostname");
    conf.version = attrs_get(a, "version");
    conf.uuid = attrs_get(a, "broker.uuid");
    conf.hosts_digest = hosts_digest;
    conf.beat = read_beat(b);
    conf.tcp_user_timeout = attrs_get_fsd(a, "tbon.tcp_user_timeout", 20);
    conf.connect_timeout = attrs_get_fsd(a, "tbon.connect_timeout", 30);
    /* Without a config file everybody was there when endpoints were exchanged. */
    method = attrs_get(a, "broker.boot-method");
    conf.give_up = method && !strcmp(method, "config") ? 0 : 5;
    conf.child_rcvhwm = attrs_get_int(a, "tbon.child_rcvhwm", 0);
    conf.io_threads = attrs_get_int(a, "tbon.zmq_io_threads", 1);
    conf.debug = attrs_get_int(a, "tbon.zmqdebug", 0) > 0;
    conf.enable_ipv6 =
        json_is_true(json_object_get(json_object_get(b->conf, "bootstrap"), "enable_ipv6"));
    conf.ops = (struct overlay_link_ops){on_peer, on_message, on_log};
    ov->b = b;
    if ((r = overlay_link_new(&conf, &ov->link, err)) < 0) {
        free(ov);
        return r;
    }
    make_children(ov);
    ov->online = flux_idset_new();
    ov->torpids = flux_idset_new();
    ov->lost = flux_idset_new();
    uv_timer_init(&b->loop, &ov->report);
    ov->report.data = ov;
    b->overlay = ov;
    return 0;
}

int overlay_listen(struct broker *b, const char *endpoint, char **actual, struct flux_error *err)
{
    char *got = NULL;
    int r = overlay_link_bind(b->overlay->link, endpoint, &got, err);

    if (r < 0)
        return r;
    attrs_set(b->attrs, "tbon.endpoint", got, ATTR_READONLY);
    if (actual)
        *actual = got;
    else
        free(got);
    return 0;
}

void overlay_allow(struct broker *b, const char *public_key, uint32_t rank)
{
    overlay_link_authorize(b->overlay->link, public_key, rank);
}

void overlay_set_parent(struct broker *b, const char *endpoint, const char *public_key)
{
    b->overlay->parent_endpoint = flux_strdup(endpoint);
    b->overlay->parent_key = flux_strdup(public_key);
    attrs_set(b->attrs, "tbon.parent-endpoint", endpoint, ATTR_READONLY);
}

int broker_overlay_start(struct broker *b, struct flux_error *err)
{
    struct overlay *ov = b->overlay;

    if (!ov || !ov->parent_endpoint)
        return 0;
    return overlay_link_connect(ov->link, ov->parent_endpoint, ov->parent_key, err);
}

void broker_overlay_shutdown_children(struct broker *b)
{
    struct overlay *ov = b->overlay;

    if (!ov) {
        state_post(b->state, EVENT_CHILDREN_COMPLETE);
        return;
    }
    ov->ending = true;
    for (uint32_t i = 0; i < ov->nchildren; i++)
        if (ov->children[i].up)
            ask_to_end(ov, &ov->children[i]);
    check_children_gone(ov);
}

void broker_overlay_goodbye(struct broker *b)
{
    if (b->overlay)
        overlay_link_goodbye(b->overlay->link);
    state_post(b->state, EVENT_GOODBYE);
}

static void on_link_closed(void *arg)
{
    struct overlay *ov = arg;

    for (uint32_t i = 0; i < ov->nchildren; i++) {
        flux_idset_free(ov->children[i].online);
        flux_idset_free(ov->children[i].torpids);
        flux_idset_free(ov->children[i].lost);
    }
    flux_idset_free(ov->online);
    flux_idset_free(ov->torpids);
    flux_idset_free(ov->lost);
    free(ov->children);
    free(ov->parent_endpoint);
    free(ov->parent_key);
    free(ov);
}

void broker_overlay_free(struct broker *b)
{
    struct overlay *ov = b->overlay;

    if (!ov)
        return;
    ov->closed = true;
    for (uint32_t i = 0; i < ov->nchildren; i++)
        if (ov->children[i].up)
            router_remove(b->router, &ov->children[i].port, "is left behind");
    if (ov->parent_up)
        router_remove(b->router, &ov->parent, "is left behind");
    uv_close((uv_handle_t *)&ov->report, NULL);
    overlay_link_close(ov->link, on_link_closed, ov);
    b->overlay = NULL;
}

const struct flux_idset *broker_online(struct broker *b)
{
    static struct flux_idset *self;

    if (b->overlay)
        return b->overlay->online;
    if (!self) {
        self = flux_idset_new();
        flux_idset_add(self, b->rank);
    }
    return self;
}
