// SPDX-License-Identifier: LGPL-3.0-only
/* The in-process connection of a module: one mailbox each way, messages handed over by reference.
 */
#include "thread.h"

#include <math.h>

#include <flux/fsd.h>

#include "private.h"

#define LOST_TIMEOUT 120.
#define LOST_TIMEOUT_MAX 1e9

struct thread_conn {
    struct conn conn;
    struct flux_mailbox *router, *own;
    void *port;
};

static void thread_send(struct conn *c, struct flux_msg *m)
{
    struct thread_conn *t = FLUX_CONTAINER_OF(c, struct thread_conn, conn);

    m->port = t->port;
    flux_mailbox_push(t->router, m);
}

static void thread_keep_alive(struct conn *c, bool on)
{
    struct thread_conn *t = FLUX_CONTAINER_OF(c, struct thread_conn, conn);

    flux_mailbox_keep_alive(t->own, on);
}

static void thread_close(struct conn *c)
{
    struct thread_conn *t = FLUX_CONTAINER_OF(c, struct thread_conn, conn);

    flux_mailbox_close(t->own);
    free(t);
}

static const struct conn_ops thread_ops = {thread_send, thread_keep_alive, thread_close};

static void on_msg(struct flux_msg *m, void *arg)
{
    handle_receive(arg, m, false);
}

struct flux *flux_open_thread(uv_loop_t *loop, const char *name, const struct flux_thread_env *env,
                              struct flux_mailbox *router, void *port, struct flux_mailbox **box)
{
    struct flux *h = handle_new(loop);
    struct thread_conn *t = flux_alloc(sizeof(*t));

    t->conn.ops = &thread_ops;
    t->router = router;
    t->port = port;
    t->own = *box = flux_mailbox_new(h->loop, on_msg, h);
    h->conn = &t->conn;
    h->env = env;
    h->rank = env->rank;
    h->size = env->size;
    h->userid = h->owner = env->owner;
    h->roles = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL;
    h->have_hello = true;
    flux_log_set_name(h, name);
    return h;
}

const struct flux_topology *flux_topology(struct flux *h)
{
    return h->env ? h->env->topology : NULL;
}

const json_t *flux_conf(struct flux *h)
{
    return h->env ? h->env->conf : NULL;
}

const json_t *flux_conf_find(const json_t *o, const char *key)
{
    char part[128];

    while (o && *key) {
        size_t n = strcspn(key, ".");
        if (n >= sizeof(part))
            return NULL;
        memcpy(part, key, n);
        part[n] = '\0';
        o = json_object_get(o, part);
        key += n + (key[n] == '.');
    }
    return o;
}

const json_t *flux_conf_get(struct flux *h, const char *key)
{
    return flux_conf_find(flux_conf(h), key);
}

static double fsd(const json_t *v, double otherwise)
{
    double seconds;

    if (json_is_number(v))
        return json_number_value(v);
    if (json_is_string(v) && strcmp(json_string_value(v), "none") == 0)
        return INFINITY;
    if (json_is_string(v) && flux_fsd_parse(json_string_value(v), &seconds, NULL) == 0)
        return seconds;
    return otherwise;
}

double flux_conf_fsd(struct flux *h, const char *key, double otherwise)
{
    return fsd(flux_conf_get(h, key), otherwise);
}

bool flux_is_system_instance(struct flux *h)
{
    const char *method = flux_attr(h, "broker.boot-method");

    return method && strcmp(method, "config") == 0;
}

double flux_lost_timeout(struct flux *h, const json_t *conf)
{
    double seconds = fsd(flux_conf_find(conf, "exec.lost-timeout"),
                         flux_is_system_instance(h) ? LOST_TIMEOUT : 0);

    return seconds < LOST_TIMEOUT_MAX ? seconds : LOST_TIMEOUT_MAX;
}
