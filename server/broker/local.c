// SPDX-License-Identifier: LGPL-3.0-only
/* Clients. Each is a port; what it sends is stamped with who it is by the router. A client that
 * does not read is cut off when its backlog passes a ceiling: streams under flow control never get
 * there. Users other than the owner are held to bounds with all of their connections together. */
#include "local.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#include <flux/paths.h>
#include <flux/v1/envelope.pb-c.h>

#include "guests.h"

#define GROUPS_MAX 65536
#define GOODBYE_SECONDS 0.5
#define ACCEPT_BURST 64
#define PROTOCOL 1

struct client {
    struct port port; /* first: the router hands it to us */
    struct local *local;
    struct flux_stream *stream;
    struct guest_link link;
    struct client *next, *prev;
};

struct local {
    uv_loop_t *loop;
    struct router *router;
    struct local_options opts;
    char *path;
    int fd;
    uv_poll_t *poll;
    struct client *clients;
    struct guests guests;
    unsigned serial;
};

static void drop(struct client *c, const char *why)
{
    DL_DELETE(c->local->clients, c);
    guest_leave(&c->local->guests, &c->link);
    router_remove(c->local->router, &c->port, why);
    flux_stream_close(c->stream);
    free(c);
}

static void client_send(struct port *p, struct flux_msg *m)
{
    struct client *c = (struct client *)p;

    if (guest_reads_too_slowly(&c->link)) {
        /* We may be deep in the router: the loop will see the end of the connection. */
        shutdown(flux_stream_fd(c->stream), SHUT_RDWR);
        flux_msg_free(m);
        return;
    }
    flux_stream_send(c->stream, m);
}

static void client_pause(struct port *p, bool on)
{
    struct client *c = (struct client *)p;

    guest_pause(&c->link, on);
}

static const struct port_ops client_ops = {.send = client_send, .pause = client_pause};

static void on_msg(struct flux_msg *m, void *arg)
{
    struct client *c = arg;

    m->nroute = 0;
    guest_partial(&c->link, 0);
    /* Clients serve nothing, so nothing of theirs can be an answer. */
    if (m->kind == FLUX_MSG_RESPONSE ||
        (m->kind == FLUX_MSG_CONTROL && m->control >= FLUX_MSG_HELLO)) {
        flux_msg_free(m);
        return;
    }
    router_receive(c->local->router, &c->port, m);
}

static void say_goodbye(struct client *c, int r, const struct flux_error *err)
{
    struct flux_msg *m = flux_msg_new(FLUX_MSG_CONTROL);

    m->control = FLUX_MSG_GOODBYE;
    m->status = -r;
    flux_msg_set_text(m, err->text);
    flux_stream_send(c->stream, m);
    flux_stream_drain(c->stream, 0);
}

static bool on_bad(const struct flux_error *err, int r, void *arg)
{
    say_goodbye(arg, r, err);
    return r == -EMSGSIZE; /* the frame was skipped; the connection lives on */
}

static void on_eof(int r, void *arg)
{
    drop(arg, "has disconnected");
}

static void on_partial(size_t have, void *arg)
{
    struct client *c = arg;

    guest_partial(&c->link, have);
}

static const struct flux_stream_ops stream_ops = {on_msg, on_bad, on_eof, on_partial};

static struct flux_msg *hello(struct local *l, uint32_t userid, uint32_t roles, int r,
                              const struct flux_error *err)
{
    Flux__V1__Hello h = FLUX__V1__HELLO__INIT;
    struct flux_msg *m = flux_msg_new(FLUX_MSG_CONTROL);
    struct flux_bytes *b;

    h.protocol_min = h.protocol_max = PROTOCOL;
    h.version = FLUX_VERSION;
    h.rank = l->opts.rank;
    h.size = l->opts.size;
    h.userid = userid;
    h.roles = roles;
    h.owner = l->opts.owner;
    h.max_message = FLUX_MESSAGE_MAX;
    b = flux_bytes_new(protobuf_c_message_get_packed_size(&h.base));
    protobuf_c_message_pack(&h.base, b->data);
    m->control = FLUX_MSG_HELLO;
    m->status = r < 0 ? -r : 0;
    if (r < 0)
        flux_msg_set_text(m, err->text);
    flux_msg_set_body(m, b);
    return m;
}

/* What the kernel knows of the peer, and what that makes of it. */
static int admit(struct local *l, int fd, struct ucred *cred, uint32_t *roles,
                 struct flux_error *err)
{
    FLUX_AUTO_MEM(gid_t) gids = flux_alloc(sizeof(gid_t));
    socklen_t len = sizeof(*cred), room = 0;
    struct access_peer peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, cred, &len) < 0)
        return flux_error_sys(err, -errno, "cannot tell who you are");
    /* Asked once for the size: ERANGE, with the size that is needed. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &room) < 0 && errno == ERANGE &&
        room <= GROUPS_MAX * sizeof(gid_t)) {
        gids = flux_realloc(gids, room / sizeof(gid_t) + 1, sizeof(gid_t));
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids + 1, &room) < 0)
            room = 0;
    } else {
        room = 0;
    }
    gids[0] = cred->gid;
    peer = (struct access_peer){cred->uid, gids, room / sizeof(gid_t) + 1};
    return l->opts.admit(l->opts.arg, &peer, roles, err);
}

static bool is_owner(uint32_t roles)
{
    return roles & FLUX_ROLE_OWNER;
}

static void set_roles(struct client *c, uint32_t roles)
{
    struct local *l = c->local;

    c->port.roles = roles;
    if (is_owner(roles))
        guest_leave(&l->guests, &c->link);
    else if (!c->link.guest)
        guest_enter(&l->guests, &c->link, c->port.userid);
    c->port.user = is_owner(roles) ? NULL : router_user(l->router, c->port.userid);
}

static void welcome(struct local *l, int fd)
{
    struct ucred cred = {.uid = FLUX_USERID_UNKNOWN};
    struct flux_error err = {""};
    struct client *c;
    uint32_t roles = 0;
    int r;

    r = admit(l, fd, &cred, &roles, &err);
    if (r == 0 && !is_owner(roles))
        r = guests_check(&l->guests, cred.uid, &err);
    c = flux_alloc(sizeof(*c));
    c->local = l;
    c->port = (struct port){.kind = PORT_CLIENT, .ops = &client_ops, .userid = cred.uid};
    snprintf(c->port.name, sizeof(c->port.name), "client %u (pid %d)", ++l->serial, (int)cred.pid);
    c->stream = c->link.stream = flux_stream_new(l->loop, fd, &stream_ops, c);
    set_roles(c, roles);
    DL_APPEND(l->clients, c);
    router_add(l->router, &c->port);
    flux_stream_send(c->stream, hello(l, cred.uid, roles, r, &err));
    if (r < 0) {
        flux_stream_drain(c->stream, 0);
        drop(c, "was refused");
    }
}

void local_readmit(struct local *l)
{
    struct client *c, *next;

    DL_FOREACH_SAFE(l->clients, c, next)
    {
        struct flux_error err = {""};
        struct ucred cred;
        uint32_t roles = 0;
        int r = admit(l, flux_stream_fd(c->stream), &cred, &roles, &err);
        if (r == 0 && c->port.roles & ~roles & (FLUX_ROLE_OWNER | FLUX_ROLE_ADMIN))
            r = flux_error_set(&err, -EPERM,
                               "the instance has taken rights from user %u: "
                               "connect again for those that are left",
                               c->port.userid);
        if (r < 0) {
            say_goodbye(c, r, &err);
            drop(c, "may no longer connect");
        } else {
            set_roles(c, roles);
        }
    }
}

static void on_connect(uv_poll_t *poll, int status, int events)
{
    struct local *l = poll->data;

    for (int i = 0; i < ACCEPT_BURST; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        welcome(l, fd);
    }
}

static int listen_on(const char *path, struct flux_error *err)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    FLUX_AUTO_FD int fd = -1;
    int done;

    if (strlen(path) >= sizeof(sun.sun_path))
        return flux_error_set(err, -ENAMETOOLONG, "local socket path %s is longer than %zu bytes",
                              path, sizeof(sun.sun_path) - 1);
    strcpy(sun.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return flux_error_sys(err, -errno, "socket");
    unlink(path);
    if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
        return flux_error_sys(err, -errno, "cannot bind %s", path);
    if (chmod(path, 0777) < 0 || listen(fd, 1024) < 0)
        return flux_error_sys(err, -errno, "cannot listen on %s", path);
    done = fd;
    fd = -1;
    return done;
}

int local_new(uv_loop_t *loop, struct router *router, const struct local_options *opts,
              struct local **ret, struct flux_error *err)
{
    int fd = listen_on(opts->path, err);
    struct local *l;

    if (fd < 0)
        return fd;
    l = flux_alloc(sizeof(*l));
    l->loop = loop;
    l->router = router;
    l->opts = *opts;
    l->path = flux_strdup(opts->path);
    l->fd = fd;
    guests_init(&l->guests);
    l->poll = flux_alloc(sizeof(*l->poll));
    uv_poll_init(loop, l->poll, fd);
    l->poll->data = l;
    uv_poll_start(l->poll, UV_READABLE, on_connect);
    *ret = l;
    return 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

void local_stop_accepting(struct local *l)
{
    if (!l->poll)
        return;
    uv_close((uv_handle_t *)l->poll, on_poll_closed);
    l->poll = NULL;
    close(l->fd);
    unlink(l->path);
}

void local_free(struct local *l)
{
    double deadline = flux_monotime() + GOODBYE_SECONDS;

    if (!l)
        return;
    local_stop_accepting(l);
    while (l->clients) {
        double left = deadline - flux_monotime();
        flux_stream_drain(l->clients->stream, left > 0 ? left : 0);
        drop(l->clients, "was disconnected: the broker ends");
    }
    free(l->path);
    free(l);
}
