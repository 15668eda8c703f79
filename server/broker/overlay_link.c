// SPDX-License-Identifier: LGPL-3.0-only
/* Sockets of the overlay in the event loop. ZeroMQ's descriptors tell of edges, not levels, and any
 * call on a socket may swallow one: a socket that was used is marked dirty and looked at before the
 * loop next sleeps. What a connection sent before it ended is read before its peer counts as lost.
 */
#include "overlay_peer.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include <flux/buf.h>

#define TURN_MAX 256         /* messages of one socket handled in a row */
#define SEND_HIGH_WATER 4096 /* messages that ZeroMQ keeps for one peer */
#define READ_HIGH_WATER 1024 /* ... and from one */
#define HEARTBEAT_LIMIT_MS 300000
#define LINGER_MS 1000
#define HANDSHAKE_LOG_SECONDS 10

void overlay_log(struct overlay_link *l, int level, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    l->conf.ops.log(l->conf.arg, level, text);
}

/* --- peers --- */

void overlay_drop(struct overlay_link *l, struct overlay_peer *p, enum overlay_peer_event ev,
                  const char *why)
{
    if (p->is_parent)
        l->parent = NULL;
    else {
        HASH_DELETE(hh, l->by_id, p);
        HASH_DELETE(hh_rank, l->by_rank, p);
    }
    l->conf.ops.on_peer(l->conf.arg, p->rank, ev, p->hostname, why);
    overlay_peer_done(p);
    free(p);
}

void overlay_reap(struct overlay_link *l)
{
    struct overlay_peer *p, *next;

    HASH_ITER (hh, l->by_id, p, next)
        if (p->closing)
            overlay_drop(l, p, OVERLAY_PEER_LOST, p->why);
    if (l->parent && l->parent->closing)
        overlay_drop(l, l->parent, OVERLAY_PEER_LOST, l->parent->why);
}

static void mark_closing(struct overlay_peer *p, const char *why)
{
    if (!p->closing) {
        p->closing = true;
        p->why = why;
    }
}

/* --- the pump --- */

void overlay_pump(struct overlay_sock *s)
{
    struct overlay_link *l = s->link;
    int budget = TURN_MAX;

    s->dirty = false;
    while (s->open && s->pump(s))
        if (--budget == 0) {
            s->dirty = true;
            break;
        }
    /* A peer is lost once its own socket has nothing more to read. */
    if (!s->dirty && (s == &l->router || s == &l->dealer))
        overlay_reap(l);
}

static struct overlay_sock *sock_at(struct overlay_link *l, int i)
{
    struct overlay_sock *all[] = {&l->zap, &l->router_mon, &l->dealer_mon, &l->dealer, &l->router};

    return i < (int)FLUX_ARRAY_SIZE(all) ? all[i] : NULL;
}

static void on_again(uv_idle_t *idle)
{
}

/* Runs before each sleep. An active idle handle makes the loop come back at once instead. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct overlay_link *l = prepare->data;
    struct overlay_sock *s;
    bool more = false;

    for (int i = 0; (s = sock_at(l, i)); i++)
        if (s->open && s->dirty)
            overlay_pump(s);
    for (int i = 0; (s = sock_at(l, i)); i++)
        more = more || (s->open && s->dirty);
    if (more)
        uv_idle_start(&l->again, on_again);
    else
        uv_idle_stop(&l->again);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    overlay_pump(poll->data);
}

static int sock_watch(struct overlay_link *l, struct overlay_sock *s, struct flux_error *err)
{
    size_t len = sizeof(int);
    int fd, r;

    zmq_getsockopt(s->zsock, ZMQ_FD, &fd, &len);
    s->link = l;
    s->poll.data = s;
    if ((r = uv_poll_init(l->conf.loop, &s->poll, fd)) < 0)
        return flux_error_set(err, r, "overlay: cannot watch a socket: %s", uv_strerror(r));
    l->handles++;
    uv_poll_start(&s->poll, UV_READABLE, on_readable);
    s->open = true;
    s->dirty = true;
    return 0;
}

/* --- messages --- */

static void close_wrapper(void *arg)
{
    zmq_msg_close(arg);
    free(arg);
}

/* The bytes of a received part: small ones copied, large ones kept where they are. */
static struct flux_bytes *take_part(zmq_msg_t *part)
{
    zmq_msg_t *kept;

    if (zmq_msg_size(part) <= 2048) {
        struct flux_bytes *b = flux_bytes_copy(zmq_msg_data(part), zmq_msg_size(part));
        zmq_msg_close(part);
        return b;
    }
    kept = flux_alloc(sizeof(*kept));
    zmq_msg_init(kept);
    zmq_msg_move(kept, part);
    zmq_msg_close(part);
    return flux_bytes_adopt(zmq_msg_data(kept), zmq_msg_size(kept), close_wrapper, kept);
}

/* Read and forget what is left of a message. Returns how many parts that was. */
static int skip_parts(void *zsock)
{
    int more = 0, n = 0;
    size_t len = sizeof(more);

    while (zmq_getsockopt(zsock, ZMQ_RCVMORE, &more, &len) == 0 && more) {
        zmq_msg_t part;
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, zsock, ZMQ_DONTWAIT) < 0)
            break;
        zmq_msg_close(&part);
        n++;
    }
    return n;
}

/* One message off the socket: its decoded form, or NULL if it is malformed. Returns 0 when there is
 * none. */
static int receive(struct overlay_sock *s, struct flux_msg **m, int *fd, char *key)
{
    struct flux_bytes *bytes;
    const char *user;
    zmq_msg_t part;

    zmq_msg_init(&part);
    if (zmq_msg_recv(&part, s->zsock, ZMQ_DONTWAIT) < 0)
        return 0;
    *fd = zmq_msg_get(&part, ZMQ_SRCFD);
    user = zmq_msg_gets(&part, "User-Id");
    snprintf(key, CERT_KEY_SIZE, "%s", user ? user : "");
    bytes = take_part(&part);
    *m = NULL;
    if (skip_parts(s->zsock) == 0 && flux_msg_decode(bytes, 0, bytes->len, m, NULL) < 0)
        *m = NULL;
    flux_bytes_unref(bytes);
    return 1;
}

static void heard_from(struct overlay_link *l, struct overlay_peer *p)
{
    p->heard = flux_monotime();
    if (p->torpid) {
        p->torpid = false;
        l->conf.ops.on_peer(l->conf.arg, p->rank, OVERLAY_PEER_LIVELY, p->hostname, "");
    }
}

static void from_stranger(struct overlay_link *l, const void *id, size_t id_len, int fd,
                          const char *key, struct flux_msg *m)
{
    if (m && m->kind == FLUX_MSG_CONTROL && m->control == FLUX_MSG_HELLO &&
        id_len <= OVERLAY_ID_MAX)
        overlay_hello_from_child(l, id, id_len, fd, key, m);
    else if (!m || m->kind != FLUX_MSG_CONTROL)
        overlay_send_control(l, id, id_len, FLUX_MSG_GOODBYE, EPROTO,
                             "you are not connected (any more): say hello first", NULL);
    flux_msg_free(m);
}

static void from_peer(struct overlay_link *l, struct overlay_peer *p, struct flux_msg *m)
{
    heard_from(l, p);
    if (!m && p->closing)
        return;
    if (!m) {
        overlay_log(l, LOG_ERR, "%s (rank %u) sent something that is no message", p->hostname,
                    p->rank);
        if (!p->is_parent)
            overlay_send_control(l, p->id, p->id_len, FLUX_MSG_GOODBYE, EPROTO,
                                 "you sent something that is no message", NULL);
        mark_closing(p, "sent something that is no message");
    } else if (m->kind != FLUX_MSG_CONTROL || m->tag) {
        l->conf.ops.on_message(l->conf.arg, p->rank, m);
        return;
    } else if (m->control == FLUX_MSG_GOODBYE) {
        overlay_drop(l, p, m->status ? OVERLAY_PEER_LOST : OVERLAY_PEER_GONE,
                     m->text ? m->text : "");
    }
    flux_msg_free(m);
}

static int router_pump(struct overlay_sock *s)
{
    struct overlay_link *l = s->link;
    struct overlay_peer *p = NULL;
    char id[256], key[CERT_KEY_SIZE];
    struct flux_msg *m;
    int n, fd;

    n = zmq_recv(s->zsock, id, sizeof(id), ZMQ_DONTWAIT);
    if (n < 0 || !receive(s, &m, &fd, key))
        return 0;
    HASH_FIND(hh, l->by_id, id, (size_t)n, p);
    if (p)
        from_peer(l, p, m);
    else
        from_stranger(l, id, n, fd, key, m);
    return 1;
}

static int dealer_pump(struct overlay_sock *s)
{
    struct overlay_link *l = s->link;
    char key[CERT_KEY_SIZE];
    struct flux_msg *m;
    int fd;

    if (!receive(s, &m, &fd, key))
        return 0;
    if (l->refused) {
        flux_msg_free(m);
    } else if (l->parent) {
        from_peer(l, l->parent, m);
    } else if (m && m->kind == FLUX_MSG_CONTROL && m->control == FLUX_MSG_HELLO) {
        overlay_hello_from_parent(l, fd, m);
        flux_msg_free(m);
    } else if (m && m->kind == FLUX_MSG_CONTROL && m->control == FLUX_MSG_GOODBYE) {
        l->refused = true;
        l->conf.ops.on_peer(l->conf.arg, l->parent_rank, OVERLAY_PEER_REFUSED, "",
                            m->text ? m->text : "no reason given");
        flux_msg_free(m);
    } else {
        flux_msg_free(m);
    }
    return 1;
}

/* --- the state of connections --- */

static void connection_ended(struct overlay_link *l, struct overlay_sock *mon, int fd)
{
    struct overlay_peer *p, *next;

    if (mon == &l->dealer_mon) {
        if (l->parent)
            mark_closing(l->parent, "connection lost");
        else if (l->shook_hands && !l->refused)
            overlay_say_hello(l, NULL,
                              0); /* the one before went to a parent that was on its way out */
        l->shook_hands = false;
        l->dealer.dirty = true;
        return;
    }
    HASH_ITER (hh, l->by_id, p, next)
        if (p->fd == fd)
            mark_closing(p, "connection lost");
    l->router.dirty = true;
}

/* Garbage, or another certificate than ours. At most one line in ten seconds. */
static void handshake_failed(struct overlay_link *l, const struct overlay_sock *mon)
{
    double now = flux_monotime();

    l->handshakes_failed++;
    if (l->handshake_logged > 0 && now - l->handshake_logged < HANDSHAKE_LOG_SECONDS)
        return;
    l->handshake_logged = now;
    if (mon == &l->dealer_mon)
        overlay_log(l, LOG_ERR,
                    "the handshake with the parent (rank %u) failed: do both have the "
                    "same certificate?",
                    l->parent_rank);
    else
        overlay_log(l, LOG_WARNING,
                    "%u handshakes have failed: not brokers, or with another certificate",
                    l->handshakes_failed);
    l->handshakes_failed = 0;
}

static void connection_event(struct overlay_link *l, struct overlay_sock *mon, unsigned event,
                             int value)
{
    if (l->conf.debug)
        overlay_log(l, LOG_DEBUG, "socket event 0x%x value %d (%s)", event, value,
                    mon == &l->dealer_mon ? "parent" : "children");
    if (event == ZMQ_EVENT_DISCONNECTED)
        connection_ended(l, mon, value);
    else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH && mon == &l->dealer_mon && !l->refused) {
        l->refused = true;
        l->conf.ops.on_peer(l->conf.arg, l->parent_rank, OVERLAY_PEER_REFUSED, "",
                            "it does not know our public key");
    } else if (event == ZMQ_EVENT_CONNECT_RETRIED) {
        overlay_wait_retried(l);
    } else if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        l->shook_hands |= mon == &l->dealer_mon;
    } else if (event &
               (ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)) {
        handshake_failed(l, mon);
    }
}

static int monitor_pump(struct overlay_sock *s)
{
    uint8_t frame[6];
    uint16_t event;
    int32_t value;

    if (zmq_recv(s->zsock, frame, sizeof(frame), ZMQ_DONTWAIT) != sizeof(frame))
        return 0;
    skip_parts(s->zsock);
    memcpy(&event, frame, sizeof(event));
    memcpy(&value, frame + sizeof(event), sizeof(value));
    connection_event(s->link, s, event, value);
    return 1;
}

void overlay_watch_monitor(struct overlay_link *l)
{
    while (l->router_mon.open && monitor_pump(&l->router_mon))
        continue;
    l->router_mon.dirty = true;
}

static int monitor_open(struct overlay_link *l, struct overlay_sock *mon, void *of,
                        struct flux_error *err)
{
    const char *endpoint =
        mon == &l->dealer_mon ? "inproc://overlay-dealer" : "inproc://overlay-router";
    int events = ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED |
                 ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

    mon->zsock = zmq_socket(l->zctx, ZMQ_PAIR);
    mon->pump = monitor_pump;
    if (!mon->zsock ||
        zmq_socket_monitor(of, endpoint, l->conf.debug ? ZMQ_EVENT_ALL : events) < 0 ||
        zmq_connect(mon->zsock, endpoint) < 0)
        return flux_error_set(err, -errno, "overlay: cannot watch connections: %s",
                              zmq_strerror(errno));
    return sock_watch(l, mon, err);
}

/* --- life --- */

static void set_int(void *zsock, int option, int value)
{
    zmq_setsockopt(zsock, option, &value, sizeof(value));
}

static void common_options(struct overlay_link *l, void *zsock, const char *endpoint)
{
    int timeout_ms = l->conf.tcp_user_timeout * 1000;
    int64_t max = FLUX_MESSAGE_MAX + 65536;

    set_int(zsock, ZMQ_LINGER, LINGER_MS);
    set_int(zsock, ZMQ_SNDHWM, SEND_HIGH_WATER);
    /* One more: ZeroMQ counts a peer's routing id, too. */
    set_int(zsock, ZMQ_RCVHWM,
            l->conf.child_rcvhwm > 0 ? l->conf.child_rcvhwm + 1 : READ_HIGH_WATER);
    zmq_setsockopt(zsock, ZMQ_MAXMSGSIZE, &max, sizeof(max));
    if (l->conf.enable_ipv6)
        set_int(zsock, ZMQ_IPV6, 1);
    if (strncmp(endpoint, "tcp:", 4) || timeout_ms <= 0)
        return;
    /* A dead host leaves data unacknowledged: heartbeats see to it that there is some. */
    set_int(zsock, ZMQ_TCP_MAXRT, timeout_ms);
    set_int(zsock, ZMQ_HEARTBEAT_IVL, timeout_ms / 2 > 1 ? timeout_ms / 2 : 1);
    set_int(zsock, ZMQ_HEARTBEAT_TIMEOUT,
            timeout_ms > HEARTBEAT_LIMIT_MS ? timeout_ms : HEARTBEAT_LIMIT_MS);
}

int overlay_link_new(const struct overlay_link_conf *conf, struct overlay_link **ret,
                     struct flux_error *err)
{
    struct overlay_link *l = flux_alloc(sizeof(*l));
    int r;

    l->conf = *conf;
    if (!l->conf.protocol_max) {
        l->conf.protocol_min = OVERLAY_PROTOCOL_MIN;
        l->conf.protocol_max = OVERLAY_PROTOCOL_MAX;
    }
    if (!l->conf.queue_max)
        l->conf.queue_max = OVERLAY_QUEUE_MAX;
    l->cert = *conf->cert;
    l->cert.name = NULL;
    l->hostname = flux_strdup(conf->hostname);
    l->version = flux_strdup(conf->version);
    l->uuid = flux_strdup(conf->uuid);
    l->parent_rank = flux_topology_parent(conf->topology, conf->rank);
    l->zctx = zmq_ctx_new();
    zmq_ctx_set(l->zctx, ZMQ_IO_THREADS, conf->io_threads > 0 ? conf->io_threads : 1);
    uv_prepare_init(conf->loop, &l->prepare);
    uv_idle_init(conf->loop, &l->again);
    uv_timer_init(conf->loop, &l->timer);
    uv_timer_init(conf->loop, &l->retry);
    l->prepare.data = l->again.data = l->timer.data = l->retry.data = l;
    l->handles = 4;
    uv_prepare_start(&l->prepare, on_prepare);
    r = overlay_zap_open(l, err);
    if (r == 0)
        r = sock_watch(l, &l->zap, err);
    if (r < 0) {
        overlay_link_close(l, NULL, NULL);
        return r;
    }
    *ret = l;
    return 0;
}

void overlay_link_authorize(struct overlay_link *l, const char *public_key, uint32_t rank)
{
    struct overlay_key *k = NULL;

    HASH_FIND_STR(l->keys, public_key, k);
    if (!k) {
        k = flux_alloc(sizeof(*k));
        snprintf(k->key, sizeof(k->key), "%s", public_key);
        HASH_ADD_STR(l->keys, key, k);
    }
    k->rank = rank;
}

static int curve_server(struct overlay_link *l, void *zsock)
{
    set_int(zsock, ZMQ_CURVE_SERVER, 1);
    set_int(zsock, ZMQ_ROUTER_MANDATORY, 1);
    if (zmq_setsockopt(zsock, ZMQ_CURVE_SECRETKEY, l->cert.secret_key, CERT_KEY_SIZE) < 0 ||
        zmq_setsockopt(zsock, ZMQ_ZAP_DOMAIN, "flux", 4) < 0)
        return -errno;
    return 0;
}

static int bind_error(const char *endpoint, int errnum, struct flux_error *err)
{
    const char *advice = errnum == EADDRINUSE ? ": does another broker run on this host?"
                         : errnum == ENODEV || errnum == EADDRNOTAVAIL
                             ? ": name an interface or an address of this host, or '*' for all"
                             : "";

    return flux_error_set(err, -errnum, "overlay: cannot listen on %s: %s%s", endpoint,
                          zmq_strerror(errnum), advice);
}

int overlay_link_bind(struct overlay_link *l, const char *endpoint, char **actual,
                      struct flux_error *err)
{
    char last[256];
    size_t len = sizeof(last);
    int r;

    l->router.zsock = zmq_socket(l->zctx, ZMQ_ROUTER);
    l->router.pump = router_pump;
    if (!l->router.zsock || curve_server(l, l->router.zsock) < 0)
        return flux_error_set(err, -errno, "overlay: cannot set up CURVE: %s", zmq_strerror(errno));
    common_options(l, l->router.zsock, endpoint);
    if ((r = monitor_open(l, &l->router_mon, l->router.zsock, err)) < 0)
        return r;
    if (zmq_bind(l->router.zsock, endpoint) < 0)
        return bind_error(endpoint, errno, err);
    zmq_getsockopt(l->router.zsock, ZMQ_LAST_ENDPOINT, last, &len);
    if (!strncmp(last, "ipc://", 6))
        l->ipc_path = flux_strdup(last + 6);
    if (actual)
        *actual = flux_strdup(last);
    overlay_beat_start(l);
    return sock_watch(l, &l->router, err);
}

int overlay_link_connect(struct overlay_link *l, const char *endpoint, const char *public_key,
                         struct flux_error *err)
{
    void *z;
    int r;

    l->dealer.pump = dealer_pump;
    z = l->dealer.zsock = zmq_socket(l->zctx, ZMQ_DEALER);
    if (!z || zmq_setsockopt(z, ZMQ_CURVE_SERVERKEY, public_key, CERT_KEY_SIZE) < 0 ||
        zmq_setsockopt(z, ZMQ_CURVE_PUBLICKEY, l->cert.public_key, CERT_KEY_SIZE) < 0 ||
        zmq_setsockopt(z, ZMQ_CURVE_SECRETKEY, l->cert.secret_key, CERT_KEY_SIZE) < 0)
        return flux_error_set(err, -errno,
                              "overlay: cannot set up CURVE (parent's key '%.40s'): %s", public_key,
                              zmq_strerror(errno));
    common_options(l, z, endpoint);
    set_int(z, ZMQ_RECONNECT_IVL, 50);
    set_int(z, ZMQ_RECONNECT_IVL_MAX, 2000);
    if (l->conf.connect_timeout > 0)
        set_int(z, ZMQ_CONNECT_TIMEOUT, l->conf.connect_timeout * 1000);
    if ((r = monitor_open(l, &l->dealer_mon, z, err)) < 0)
        return r;
    if (zmq_connect(z, endpoint) < 0)
        return flux_error_set(err, -errno, "overlay: cannot connect to %s: %s", endpoint,
                              zmq_strerror(errno));
    if ((r = sock_watch(l, &l->dealer, err)) < 0)
        return r;
    overlay_beat_start(l);
    overlay_wait_begin(l, endpoint);
    overlay_say_hello(l, NULL, 0);
    return 0;
}

bool overlay_link_is_up(const struct overlay_link *l, uint32_t rank)
{
    struct overlay_peer *p = NULL;

    if (l->parent && l->parent->rank == rank)
        return true;
    HASH_FIND(hh_rank, l->by_rank, &rank, sizeof(rank), p);
    return p != NULL;
}

int overlay_link_disconnect(struct overlay_link *l, uint32_t rank, const char *why)
{
    struct overlay_peer *p = NULL;

    HASH_FIND(hh_rank, l->by_rank, &rank, sizeof(rank), p);
    if (!p)
        return -ENOENT;
    overlay_send_control(l, p->id, p->id_len, FLUX_MSG_GOODBYE, ECONNRESET, why, NULL);
    overlay_drop(l, p, OVERLAY_PEER_LOST, why);
    return 0;
}

void overlay_link_goodbye(struct overlay_link *l)
{
    struct overlay_peer *p, *next;

    if (l->said_goodbye)
        return;
    l->said_goodbye = true;
    if (l->parent)
        overlay_send_control(l, NULL, 0, FLUX_MSG_GOODBYE, 0, NULL, NULL);
    HASH_ITER (hh, l->by_id, p, next)
        overlay_send_control(l, p->id, p->id_len, FLUX_MSG_GOODBYE, 0, NULL, NULL);
}

static void free_peers(struct overlay_link *l)
{
    struct overlay_peer *p, *next;

    HASH_ITER (hh, l->by_id, p, next) {
        HASH_DELETE(hh, l->by_id, p);
        HASH_DELETE(hh_rank, l->by_rank, p);
        overlay_peer_done(p);
        free(p);
    }
    if (l->parent)
        overlay_peer_done(l->parent);
    free(l->parent);
}

static void link_free(struct overlay_link *l)
{
    struct overlay_key *k, *next;
    struct overlay_sock *s;

    /* The one that admits connections goes last. */
    for (int i = 1; (s = sock_at(l, i)); i++)
        if (s->zsock)
            zmq_close(s->zsock);
    zmq_close(l->zap.zsock);
    zmq_ctx_term(l->zctx);
    if (l->ipc_path)
        unlink(l->ipc_path);
    free(l->ipc_path);
    free_peers(l);
    HASH_ITER (hh, l->keys, k, next) {
        HASH_DEL(l->keys, k);
        free(k);
    }
    cert_done(&l->cert);
    free(l->parent_endpoint);
    free(l->refused_line);
    free(l->hostname);
    free(l->version);
    free(l->uuid);
    if (l->on_closed)
        l->on_closed(l->on_closed_arg);
    free(l);
}

void overlay_link_unref(struct overlay_link *l)
{
    if (--l->handles == 0)
        link_free(l);
}

static void on_handle_closed(uv_handle_t *handle)
{
    overlay_link_unref(handle->type == UV_POLL ? ((struct overlay_sock *)handle->data)->link
                                               : handle->data);
}

void overlay_link_close(struct overlay_link *l, void (*closed)(void *arg), void *arg)
{
    struct overlay_sock *s;

    if (l->closed)
        return;
    l->closed = true;
    l->on_closed = closed;
    l->on_closed_arg = arg;
    for (int i = 0; (s = sock_at(l, i)); i++)
        if (s->open) {
            s->open = false;
            uv_close((uv_handle_t *)&s->poll, on_handle_closed);
        }
    if (l->resolving)
        uv_cancel((uv_req_t *)&l->resolve);
    uv_close((uv_handle_t *)&l->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&l->again, on_handle_closed);
    uv_close((uv_handle_t *)&l->timer, on_handle_closed);
    uv_close((uv_handle_t *)&l->retry, on_handle_closed);
}
