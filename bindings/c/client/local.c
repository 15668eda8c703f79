// SPDX-License-Identifier: LGPL-3.0-only
/* The connection of a client: a UNIX socket of a broker, of this host or, through ssh, of another.
 * After a loss it may connect again: calls that may be repeated are sent once more under their old
 * tags, the others fail. */
#include "private.h"

#include <unistd.h>

#include <flux/uri.h>

#include "../wire/stream.h"

#define SYSTEM_URI "local:///run/flux/local"
#define DRAIN_SECONDS 10.
#define RETRY_MS 50

struct local_conn {
    struct conn conn;
    struct flux *h;
    struct flux_stream *stream;
    uv_timer_t *retry;
    double give_up; /* monotonic time; 0: since the last loss the broker has spoken to us */
    bool refused;   /* by a broker that will soon be another, or have room */
    bool keep_alive;
    pid_t ssh; /* 0: the socket is on this host */
};

static void attach(struct local_conn *l, int fd);

/* A connected socket; with *ssh the process behind it, or 0. */
static int dial(const char *uri, pid_t *ssh, struct flux_error *err)
{
    struct flux_uri u;
    int r = flux_uri_parse(uri, &u, err);

    *ssh = 0;
    if (r == 0)
        r = flux_uri_is_here(&u) ? flux_socket_dial(u.path, err) : ssh_dial(&u, ssh, err);
    flux_uri_done(&u);
    return r;
}

/* Who has not set FLUX_URI may not know what is missing. */
static int dial_system(struct flux_error *err)
{
    struct flux_error why = {""};
    pid_t none;
    int fd = dial(SYSTEM_URI, &none, &why);

    if (fd == -ENOENT || fd == -ECONNREFUSED)
        return flux_error_set(
            err, fd, "%s: is flux.service running on this host? FLUX_URI is not set", why.text);
    return fd < 0 ? flux_error_set(err, fd, "%s", why.text) : fd;
}

/* A broker admits no guests any more when it ends, and no more of them than it has room for. */
static bool is_refused_for_now(const struct flux_msg *m)
{
    return m->kind == FLUX_MSG_CONTROL && m->control == FLUX_MSG_HELLO &&
           (m->status == ESHUTDOWN || m->status == EAGAIN);
}

static void on_msg(struct flux_msg *m, void *arg)
{
    struct local_conn *l = arg;

    if (l->h->reconnect > 0 && is_refused_for_now(m)) {
        l->refused = true; /* it hangs up now */
        flux_msg_free(m);
        return;
    }
    l->give_up = 0;
    handle_receive(l->h, m, false);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

static void stop_retry(struct local_conn *l)
{
    if (l->retry)
        uv_close((uv_handle_t *)l->retry, on_timer_closed);
    l->retry = NULL;
}

static void give_up(struct local_conn *l, int r, const char *text)
{
    struct flux *h = l->h;

    stop_retry(l);
    handle_lost(h, r, text);
}

static void on_retry(uv_timer_t *timer)
{
    struct local_conn *l = timer->data;
    struct flux_error err;
    int fd = dial(l->h->uri, &l->ssh, &err);

    if (fd < 0) {
        if (flux_monotime() >= l->give_up)
            give_up(l, fd, err.text);
        return;
    }
    stop_retry(l);
    attach(l, fd);
    futures_resend(l->h, true);
    if (l->h->on_reconnect)
        l->h->on_reconnect(l->h, l->h->on_reconnect_arg);
}

static void hang_up(struct local_conn *l)
{
    flux_stream_close(l->stream);
    l->stream = NULL;
    if (l->ssh)
        ssh_end(l->ssh);
    l->ssh = 0;
}

static void lost(struct local_conn *l, int r, const char *text)
{
    hang_up(l);
    if (l->h->reconnect <= 0 || l->h->lost) {
        give_up(l, r, text);
        return;
    }
    l->give_up = flux_monotime() + l->h->reconnect;
    l->retry = flux_alloc(sizeof(*l->retry));
    uv_timer_init(l->h->loop, l->retry);
    l->retry->data = l;
    uv_timer_start(l->retry, on_retry, l->refused ? RETRY_MS : 0, RETRY_MS);
    l->refused = false;
}

static void on_eof(int r, void *arg)
{
    struct local_conn *l = arg;

    lost(l, r < 0 ? r : -ECONNRESET,
         l->ssh ? "ssh has ended, and the connection to the broker with it"
                : "the connection to the broker was lost");
}

static bool on_bad(const struct flux_error *err, int r, void *arg)
{
    return r == -EMSGSIZE;
}

static const struct flux_stream_ops stream_ops = {on_msg, on_bad, on_eof};

static void attach(struct local_conn *l, int fd)
{
    l->stream = flux_stream_new(l->h->loop, fd, &stream_ops, l);
    flux_stream_keep_alive(l->stream, l->keep_alive);
}

static void local_send(struct conn *c, struct flux_msg *m)
{
    struct local_conn *l = FLUX_CONTAINER_OF(c, struct local_conn, conn);

    if (l->stream)
        flux_stream_send(l->stream, m);
    else
        flux_msg_free(m); /* between two connections: what may be repeated will be */
}

static void local_keep_alive(struct conn *c, bool on)
{
    struct local_conn *l = FLUX_CONTAINER_OF(c, struct local_conn, conn);

    l->keep_alive = on;
    if (l->stream)
        flux_stream_keep_alive(l->stream, on);
}

static void local_close(struct conn *c)
{
    struct local_conn *l = FLUX_CONTAINER_OF(c, struct local_conn, conn);

    if (l->stream && flux_stream_backlog(l->stream))
        flux_stream_drain(l->stream, DRAIN_SECONDS);
    hang_up(l);
    stop_retry(l);
    free(l);
}

static const struct conn_ops local_ops = {local_send, local_keep_alive, local_close};

int flux_open(const char *uri, struct flux **ret, struct flux_error *err)
{
    return flux_open_in(NULL, uri, ret, err);
}

int flux_open_in(uv_loop_t *loop, const char *uri, struct flux **ret, struct flux_error *err)
{
    struct local_conn *l;
    pid_t ssh = 0;
    int fd;

    if (!uri)
        uri = getenv("FLUX_URI");
    fd = uri && *uri ? dial(uri, &ssh, err) : dial_system(err);
    if (fd < 0)
        return fd;
    if (!uri || !*uri)
        uri = SYSTEM_URI;
    l = flux_alloc(sizeof(*l));
    l->conn.ops = &local_ops;
    l->ssh = ssh;
    l->h = handle_new(loop);
    l->h->uri = flux_strdup(uri);
    l->h->conn = &l->conn;
    attach(l, fd);
    *ret = l->h;
    return 0;
}
