// SPDX-License-Identifier: LGPL-3.0-only
/* Switching. An open call stands in two tables: that of the port that made it, by the caller's tag,
 * and that of the port that answers it, by ours. It lives until its final answer has passed, even
 * when its caller is gone, so a tag is never given out twice at a time. */
#include "router.h"

#include <stdarg.h>
#include <stdio.h>
#include <uthash.h>
#include <utlist.h>

#include <flux/v1/options.h>
#include <flux/services.h>

#define HELD_MAX 65536       /* requests that wait for services during start */
#define CLIENT_OPEN_MAX 4096 /* over this a client is not read from until calls end */

/* Bytes of requests under way of one user. Over the first bound small ones still pass: an answer
 * may wait for one of them. */
#define USER_BYTES_MAX ((size_t)64 << 20)
#define USER_BYTES_LAST ((size_t)96 << 20)
#define SMALL_REQUEST 4096
#define CALL_COST 512 /* what a call costs besides its body, about */

struct open_call {
    struct port *from; /* NULL: the caller is gone */
    struct port *to;
    uint32_t from_tag, to_tag;
    bool silent;            /* the caller wants no answer; counted all the same */
    struct port_user *user; /* whose `bytes` it counts for, or NULL */
    size_t bytes;
    char *method; /* for the tap; NULL: nobody looked */
    UT_hash_handle hh;
};

struct service_entry {
    const struct flux_service *svc;
    struct flux_service_stats *stats;
    struct port *port;
    UT_hash_handle hh;
};

struct router {
    uint32_t rank, owner;
    const struct flux_topology *topo;
    struct port *parent;
    struct port **children; /* by rank: only direct children are set */
    uint32_t nchildren;
    struct service_entry *services;
    struct port_user *users;
    struct flux_msg *held, *held_tail;
    unsigned nheld;
    bool loading;
    uint64_t messages;
    unsigned open_calls, clients;
    router_tap *tap;
    void *tap_arg;
};

struct router *router_new(uint32_t rank, uint32_t owner)
{
    struct router *r = flux_alloc(sizeof(*r));

    r->rank = rank;
    r->owner = owner;
    return r;
}

void router_free(struct router *r)
{
    struct service_entry *e, *next;
    struct port_user *u, *more;

    HASH_ITER (hh, r->services, e, next) {
        HASH_DEL(r->services, e);
        free(e);
    }
    HASH_ITER (hh, r->users, u, more) {
        HASH_DEL(r->users, u);
        free(u);
    }
    while (r->held) {
        struct flux_msg *m = r->held;
        r->held = m->next;
        flux_msg_free(m);
    }
    free(r->children);
    free(r);
}

void router_set_topology(struct router *r, const struct flux_topology *topo)
{
    r->topo = topo;
    r->nchildren = flux_topology_size(topo);
    r->children = flux_realloc(r->children, r->nchildren, sizeof(*r->children));
    memset(r->children, 0, r->nchildren * sizeof(*r->children));
}

void router_set_tap(struct router *r, router_tap *tap, void *arg)
{
    r->tap = tap;
    r->tap_arg = arg;
}

static void look(struct router *r, const struct port *p, bool out, const char *method,
                 const struct flux_msg *m)
{
    if (r->tap && method)
        r->tap(r->tap_arg, p, out, method, m);
}

static void hand_over(struct router *r, struct port *p, const char *method, struct flux_msg *m)
{
    look(r, p, true, method, m);
    p->ops->send(p, m);
}

/* --- open calls --- */

static void grow_out(struct port *p)
{
    uint32_t n = p->nout ? p->nout * 2 : 16;

    p->out = flux_realloc(p->out, n, sizeof(*p->out));
    p->next_free = flux_realloc(p->next_free, n, sizeof(*p->next_free));
    for (uint32_t i = n; i > p->nout; i--) {
        p->out[i - 1] = NULL;
        p->next_free[i - 1] = p->free_out;
        p->free_out = i;
    }
    p->nout = n;
}

static struct open_call *open_call(struct router *r, struct port *from, uint32_t tag,
                                   struct port *to)
{
    struct open_call *c = flux_alloc(sizeof(*c));

    if (!to->free_out)
        grow_out(to);
    c->to_tag = to->free_out;
    to->free_out = to->next_free[c->to_tag - 1];
    to->out[c->to_tag - 1] = c;
    c->from = from;
    c->to = to;
    c->from_tag = tag;
    c->silent = tag == 0;
    if (tag)
        HASH_ADD_INT(from->in, from_tag, c);
    from->open_in++;
    r->open_calls++;
    return c;
}

static void resume(struct port *p)
{
    if (p->paused && p->open_in < CLIENT_OPEN_MAX / 2) {
        p->paused = false;
        p->ops->pause(p, false);
    }
}

static void forget_caller(struct open_call *c)
{
    struct port *from = c->from;

    if (!from)
        return;
    if (!c->silent)
        HASH_DEL(from->in, c);
    c->from = NULL;
    from->open_in--;
    resume(from);
}

static void close_call(struct router *r, struct open_call *c)
{
    struct port *to = c->to;

    forget_caller(c);
    to->out[c->to_tag - 1] = NULL;
    to->next_free[c->to_tag - 1] = to->free_out;
    to->free_out = c->to_tag;
    r->open_calls--;
    if (c->user)
        c->user->bytes -= c->bytes;
    free(c->method);
    free(c);
}

static void send_error(struct port *p, uint32_t tag, int errnum, const char *text)
{
    struct flux_msg *m;

    if (!tag)
        return;
    m = flux_msg_new(FLUX_MSG_RESPONSE);
    m->tag = tag;
    m->status = errnum;
    flux_msg_set_text(m, text);
    p->ops->send(p, m);
}

/* --- ports --- */

struct port_user *router_user(struct router *r, uint32_t userid)
{
    struct port_user *u;

    HASH_FIND_INT(r->users, &userid, u);
    if (u)
        return u;
    u = flux_alloc(sizeof(*u));
    u->userid = userid;
    HASH_ADD_INT(r->users, userid, u);
    return u;
}

void router_add(struct router *r, struct port *p)
{
    p->router = r;
    if (p->kind == PORT_PARENT)
        r->parent = p;
    else if (p->kind == PORT_CHILD && p->rank < r->nchildren)
        r->children[p->rank] = p;
    else if (p->kind == PORT_CLIENT)
        r->clients++;
}

static void fail_calls_to(struct router *r, struct port *p, const char *why)
{
    int errnum = p->kind == PORT_MODULE ? ENOSYS : EHOSTUNREACH;
    char text[160];

    snprintf(text, sizeof(text), "%s%s %s", p->kind == PORT_MODULE ? "module " : "", p->name, why);
    for (uint32_t i = 0; i < p->nout; i++) {
        struct open_call *c = p->out[i];
        struct port *from = c ? c->from : NULL;
        uint32_t tag = c ? c->from_tag : 0;
        if (!c)
            continue;
        close_call(r, c);
        if (from && from != p)
            send_error(from, tag, errnum, text);
    }
}

static void cancel_calls_from(struct port *p)
{
    struct open_call *c, *next;

    HASH_ITER (hh, p->in, c, next) {
        struct flux_msg *m = flux_msg_new(FLUX_MSG_CONTROL);
        struct port *to = c->to;
        m->control = FLUX_MSG_CANCEL;
        m->tag = c->to_tag;
        forget_caller(c);
        to->ops->send(to, m);
    }
}

/* Calls without an answer are in no table of the caller: find them with those who serve them. */
static void forget_silent(struct port *p, struct port *to)
{
    for (uint32_t i = 0; i < to->nout && p->open_in; i++)
        if (to->out[i] && to->out[i]->from == p)
            forget_caller(to->out[i]);
}

static void forget_silent_calls(struct router *r, struct port *p)
{
    struct service_entry *e, *next;

    if (r->parent)
        forget_silent(p, r->parent);
    for (uint32_t i = 0; i < r->nchildren && p->open_in; i++)
        if (r->children[i])
            forget_silent(p, r->children[i]);
    HASH_ITER (hh, r->services, e, next)
        forget_silent(p, e->port);
}

static void drop_held(struct router *r, struct port *p)
{
    struct flux_msg *list = r->held, *m;

    r->held = r->held_tail = NULL;
    r->nheld = 0;
    while ((m = list)) {
        list = m->next;
        if (m->port == p) {
            flux_msg_free(m);
            continue;
        }
        m->next = NULL;
        if (r->held_tail)
            r->held_tail->next = m;
        else
            r->held = m;
        r->held_tail = m;
        r->nheld++;
    }
}

void router_remove(struct router *r, struct port *p, const char *why)
{
    struct service_entry *e, *next;

    p->paused = false;
    if (r->parent == p)
        r->parent = NULL;
    if (p->kind == PORT_CHILD && p->rank < r->nchildren && r->children[p->rank] == p)
        r->children[p->rank] = NULL;
    if (p->kind == PORT_CLIENT)
        r->clients--;
    HASH_ITER (hh, r->services, e, next)
        if (e->port == p) {
            HASH_DEL(r->services, e);
            free(e);
        }
    drop_held(r, p);
    fail_calls_to(r, p, why);
    cancel_calls_from(p);
    if (p->open_in)
        forget_silent_calls(r, p);
    free(p->out);
    free(p->next_free);
    p->out = NULL;
    p->next_free = NULL;
    p->nout = p->free_out = 0;
}

/* --- services --- */

static struct service_entry *find_service(struct router *r, const char *method)
{
    struct service_entry *e;

    HASH_FIND(hh, r->services, method, strcspn(method, "/"), e);
    return e;
}

static const struct flux_service *known_service(const char *method)
{
    size_t n = strcspn(method, "/");

    for (const struct flux_service *const *s = flux_services; *s; s++)
        if (strlen((*s)->name) == n && memcmp((*s)->name, method, n) == 0)
            return *s;
    return NULL;
}

static void release_held(struct router *r)
{
    struct flux_msg *list = r->held;

    r->held = r->held_tail = NULL;
    r->nheld = 0;
    while (list) {
        struct flux_msg *m = list;
        list = m->next;
        m->next = NULL;
        m->nroute--; /* it is about to be pushed again */
        router_receive(r, m->port, m);
    }
}

int router_add_service(struct router *r, struct port *p, const struct flux_service *svc,
                       struct flux_service_stats *stats, struct flux_error *err)
{
    struct service_entry *e = find_service(r, svc->name);

    if (e)
        return flux_error_set(err, -EEXIST, "service %s is offered by %s already", svc->short_name,
                              e->port->name);
    e = flux_alloc(sizeof(*e));
    e->svc = svc;
    e->stats = stats;
    e->port = p;
    HASH_ADD_KEYPTR(hh, r->services, svc->name, strlen(svc->name), e);
    release_held(r);
    return 0;
}

void router_set_loading(struct router *r, bool loading)
{
    r->loading = loading;
    if (!loading)
        release_held(r);
}

char *router_services_of(struct router *r, const struct port *p)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);
    struct service_entry *e, *next;

    HASH_ITER (hh, r->services, e, next)
        if (e->port == p)
            flux_buf_printf(&b, "%s%s", b.len ? "," : "", e->svc->short_name);
    return flux_buf_take(&b);
}

void router_visit_stats(struct router *r,
                        void (*cb)(const struct flux_service *svc,
                                   const struct flux_service_stats *stats, void *arg),
                        void *arg)
{
    struct service_entry *e, *next;

    HASH_ITER (hh, r->services, e, next)
        if (e->stats)
            cb(e->svc, e->stats, arg);
}

uint64_t router_messages(const struct router *r)
{
    return r->messages;
}

unsigned router_open_calls(const struct router *r)
{
    return r->open_calls;
}

unsigned router_clients(const struct router *r)
{
    return r->clients;
}

/* --- where a request goes --- */

struct where {
    struct port *port;
    bool hold; /* the service may still come */
    int errnum;
    char text[160];
};

static void nowhere(struct where *w, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void nowhere(struct where *w, int errnum, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(w->text, sizeof(w->text), fmt, ap);
    va_end(ap);
    w->errnum = errnum;
}

static void to_local(struct router *r, struct flux_msg *m, struct where *w)
{
    struct service_entry *e = find_service(r, m->method);
    /* Guests leave room for the modules, which wait for each other. */
    unsigned max = m->roles & FLUX_ROLE_OWNER ? HELD_MAX : HELD_MAX / 2;
    const struct flux_service *known;

    if (e) {
        w->port = e->port;
        return;
    }
    known = known_service(m->method);
    if (r->loading && r->nheld < max &&
        (!known || known->home == FLUX_HOME_EVERY_RANK || r->rank == 0))
        w->hold = true;
    else if (known)
        nowhere(w, ENOSYS, "service %s is not loaded on rank %u", known->short_name, r->rank);
    else
        nowhere(w, ENOSYS, "unknown service in %s", m->method);
}

static void to_parent(struct router *r, struct where *w)
{
    w->port = r->parent;
    if (w->port)
        return;
    if (r->rank == 0 || !r->topo)
        nowhere(w, EHOSTUNREACH, "rank %u has no parent", r->rank);
    else
        nowhere(w, EHOSTUNREACH, "rank %u is not connected to rank %u, its parent", r->rank,
                flux_topology_parent(r->topo, r->rank));
}

static void to_rank(struct router *r, struct flux_msg *m, struct where *w)
{
    int hop;

    if (!r->topo || m->rank >= flux_topology_size(r->topo)) {
        nowhere(w, EHOSTUNREACH, "there is no rank %u in this instance", m->rank);
        return;
    }
    hop = flux_topology_route(r->topo, r->rank, m->rank);
    if (r->rank > 0 && (uint32_t)hop == flux_topology_parent(r->topo, r->rank)) {
        to_parent(r, w);
        return;
    }
    w->port = r->children[hop];
    if (!w->port)
        nowhere(w, EHOSTUNREACH, "rank %u is offline%s", (unsigned)hop,
                (uint32_t)hop == m->rank ? "" : " and on the way");
}

static void resolve(struct router *r, struct flux_msg *m, struct where *w)
{
    const struct flux_service *known;

    if (m->target == FLUX_TARGET_RANK && m->rank != r->rank) {
        to_rank(r, m, w);
        return;
    }
    if (m->target == FLUX_TARGET_UPSTREAM) {
        m->target = FLUX_TARGET_ANY;
        to_parent(r, w);
        return;
    }
    known = m->target == FLUX_TARGET_ANY && r->rank > 0 ? known_service(m->method) : NULL;
    if (known && known->home == FLUX_HOME_LEADER && !find_service(r, m->method)) {
        to_parent(r, w);
        return;
    }
    to_local(r, m, w);
    /* A service that this broker does not have may be further up. */
    if (w->errnum == ENOSYS && m->target == FLUX_TARGET_ANY && r->rank > 0) {
        w->errnum = 0;
        to_parent(r, w);
    }
}

/* --- messages --- */

static void hold(struct router *r, struct port *p, struct flux_msg *m)
{
    m->port = p;
    m->next = NULL;
    if (r->held_tail)
        r->held_tail->next = m;
    else
        r->held = m;
    r->held_tail = m;
    r->nheld++;
}

static void stamp(struct port *p, struct flux_msg *m)
{
    if (p->kind != PORT_CLIENT)
        return;
    m->userid = p->userid;
    m->roles = p->roles | FLUX_ROLE_LOCAL;
}

/* A guest's request is refused where it would grow the broker beyond bounds. */
static bool too_much(const struct port *p, const struct flux_msg *m, const struct where *w,
                     char *text, size_t size)
{
    size_t bytes = p->user ? p->user->bytes + m->body_len : 0;

    if (bytes > (m->body_len > SMALL_REQUEST ? USER_BYTES_MAX : USER_BYTES_LAST))
        snprintf(text, size, "user %u has %zu MiB of requests under way, which is the limit",
                 p->user->userid, p->user->bytes >> 20);
    else if (p->user && w->hold && m->body_len > SMALL_REQUEST)
        snprintf(text, size, "the service is not loaded yet");
    else
        return false;
    return true;
}

static void receive_request(struct router *r, struct port *p, struct flux_msg *m)
{
    struct where w = {0};
    struct open_call *c = NULL;
    char text[160];

    stamp(p, m);
    look(r, p, false, m->method, m);
    if (m->tag)
        HASH_FIND_INT(p->in, &m->tag, c);
    if (c || flux_msg_push_route(m, r->rank) < 0) {
        send_error(p, c ? 0 : m->tag, ELOOP, "the request has passed too many brokers");
        flux_msg_free(m);
        return;
    }
    resolve(r, m, &w);
    if (too_much(p, m, &w, text, sizeof(text))) {
        send_error(p, m->tag, EAGAIN, text);
        flux_msg_free(m);
        return;
    }
    if (w.hold) {
        hold(r, p, m);
        return;
    }
    if (w.errnum) {
        send_error(p, m->tag, w.errnum, w.text);
        flux_msg_free(m);
        return;
    }
    /* Between brokers and modules a call without an answer is just passed on; a client's is
     * counted. */
    if (m->tag || p->kind == PORT_CLIENT) {
        c = open_call(r, p, m->tag, w.port);
        m->tag = c->to_tag;
        c->user = p->user;
        c->bytes = m->body_len + CALL_COST;
        c->method = r->tap ? flux_strdup(m->method) : NULL;
        if (c->user)
            c->user->bytes += c->bytes;
        if (p->kind == PORT_CLIENT && p->open_in >= CLIENT_OPEN_MAX && !p->paused) {
            p->paused = true;
            p->ops->pause(p, true);
        }
    }
    hand_over(r, w.port, m->method, m);
}

static void receive_response(struct router *r, struct port *p, struct flux_msg *m)
{
    struct open_call *c = m->tag && m->tag <= p->nout ? p->out[m->tag - 1] : NULL;
    struct port *from = c && !c->silent ? c->from : NULL;

    if (c) {
        look(r, p, false, c->method, m);
        m->tag = c->from_tag;
    }
    if (from)
        look(r, from, true, c->method, m);
    if (c && !m->more)
        close_call(r, c);
    if (from)
        from->ops->send(from, m);
    else
        flux_msg_free(m);
}

/* A request that still waits for its service is taken out of the queue. */
static void cancel_held(struct router *r, struct port *p, uint32_t tag)
{
    for (struct flux_msg *m = r->held; m; m = m->next)
        if (m->port == p && m->tag == tag) {
            m->tag = 0; /* it will be delivered, but nobody wants the answer */
            send_error(p, tag, ECANCELED, NULL);
            return;
        }
}

static void receive_control(struct router *r, struct port *p, struct flux_msg *m)
{
    struct open_call *c = NULL;

    if ((m->control == FLUX_MSG_CANCEL || m->control == FLUX_MSG_CREDIT) && m->tag)
        HASH_FIND_INT(p->in, &m->tag, c);
    if (!c && m->control == FLUX_MSG_CANCEL && m->tag)
        cancel_held(r, p, m->tag);
    if (!c) {
        flux_msg_free(m);
        return;
    }
    look(r, p, false, c->method, m);
    m->tag = c->to_tag;
    hand_over(r, c->to, c->method, m);
}

void router_receive(struct router *r, struct port *p, struct flux_msg *m)
{
    r->messages++;
    if (m->kind == FLUX_MSG_REQUEST)
        receive_request(r, p, m);
    else if (m->kind == FLUX_MSG_RESPONSE)
        receive_response(r, p, m);
    else
        receive_control(r, p, m);
}
