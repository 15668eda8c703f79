// SPDX-License-Identifier: LGPL-3.0-only
/* What runs on a module's thread: its parts start in order, serve, and stop in reverse order. The
 * broker learns of it by notes only. */
#include "module.h"

#include <signal.h>

static void send_note(struct module *m, enum note_kind kind, const struct note *note)
{
    struct flux_msg *msg = flux_msg_new(FLUX_MSG_CONTROL);

    msg->control = kind;
    msg->port = &m->port;
    flux_msg_set_body(msg, flux_bytes_copy(note, sizeof(*note)));
    flux_mailbox_push(m->router_box, msg);
}

static int on_register(void *arg, const struct flux_service *svc, struct flux_service_stats *stats,
                       struct flux_error *err)
{
    struct module *m = arg;

    if (m->nregistered == FLUX_ARRAY_SIZE(m->registered))
        return flux_error_set(err, -ENOSPC, "module %s offers too many services", m->name);
    m->registered[m->nregistered++] = (struct note){.svc = svc, .stats = stats};
    return 0;
}

/* Services are offered when their part has started, so that no request meets half a part. */
static void offer_services(struct module *m)
{
    for (unsigned i = 0; i < m->nregistered; i++)
        send_note(m, NOTE_REGISTER, &m->registered[i]);
    m->nregistered = 0;
}

static int start_parts(struct module *m, struct flux_error *err)
{
    for (int i = 0; m->parts[i]; i++) {
        int r = m->parts[i]->start(m->h, m->argc, m->argv, &m->states[i], err);
        if (r < 0)
            return flux_error_prefix(err, r, "%s", m->parts[i]->name);
        m->started = i + 1;
        offer_services(m);
    }
    return 0;
}

static void stop_parts(struct module *m)
{
    while (m->started > 0) {
        int i = --m->started;
        m->parts[i]->stop(m->h, m->states[i]);
    }
}

static void on_stop(uv_async_t *async)
{
    struct module *m = async->data;

    m->stopping = true;
    flux_stop(m->h);
}

static void on_reload(uv_async_t *async)
{
    struct module *m = async->data;
    struct note note = {0};

    for (int i = 0; i < m->started && note.r == 0; i++)
        if (m->parts[i]->reload)
            note.r =
                m->parts[i]->reload(m->h, m->states[i], m->new_conf, m->reload_apply, &note.err);
    if (m->reload_apply) {
        json_decref(m->conf);
        m->conf = m->new_conf;
        m->env.conf = m->conf;
        m->new_conf = NULL;
    }
    send_note(m, NOTE_RELOADED, &note);
}

static void *run(void *arg)
{
    struct module *m = arg;
    struct note note = {0};

    pthread_setname_np(pthread_self(), m->name);
    note.r = start_parts(m, &note.err);
    if (note.r == 0) {
        send_note(m, NOTE_READY, &note);
        if (!m->stopping)
            flux_run(m->h);
    }
    stop_parts(m);
    send_note(m, NOTE_EXITED, &note);
    return NULL;
}

int module_start_thread(struct module *m, const struct flux_thread_env *env, struct flux_error *err)
{
    pthread_attr_t attr;
    sigset_t all, old;
    int r;

    m->env = *env;
    m->conf = env->conf ? json_deep_copy(env->conf) : json_object();
    m->env.conf = m->conf;
    m->env.on_register = on_register;
    m->env.register_arg = m;
    uv_loop_init(&m->loop);
    m->h = flux_open_thread(&m->loop, m->name, &m->env, m->router_box, &m->port, &m->box);
    uv_async_init(&m->loop, &m->stop, on_stop);
    uv_async_init(&m->loop, &m->reload, on_reload);
    m->stop.data = m->reload.data = m;
    /* Signals belong to the broker's thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 1 << 20);
    r = pthread_create(&m->thread, &attr, run, m);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r == 0 ? 0 : flux_error_sys(err, -r, "cannot start the thread of module %s", m->name);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void module_join(struct module *m)
{
    pthread_join(m->thread, NULL);
    flux_close(m->h);
    uv_walk(&m->loop, close_handle, NULL);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    uv_loop_close(&m->loop);
    json_decref(m->conf);
    json_decref(m->new_conf);
}

void module_stop(struct module *m)
{
    uv_async_send(&m->stop);
}

void module_reload(struct module *m, bool apply)
{
    m->reload_apply = apply;
    uv_async_send(&m->reload);
}
