// SPDX-License-Identifier: LGPL-3.0-only
/* The broker's side of modules: load, list, reload, remove. A module is in the list from its load
 * until its thread has been joined. */
#include "module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
#include <utlist.h>

struct modhost {
    uv_loop_t *loop;
    struct router *router;
    struct flux_thread_env env;
    struct modhost_ops ops;
    struct flux_mailbox *router_box;
    struct module *modules; /* in start order */
    unsigned loading;       /* modules of the initial list that do not serve yet */
    bool load_failed, stopping_all;
    bool keep_store; /* ... but for the modules of the store */

    struct flux *self;
    struct port self_port;
    struct flux_mailbox *self_box;
    struct flux_thread_env self_env;

    const json_t *new_conf;
    unsigned reloading;
    bool reload_apply, check_only;
    int reload_r;
    struct flux_error reload_err;
    void (*reload_done)(int r, const struct flux_error *err, void *arg);
    void *reload_arg;
};

static void on_note(struct modhost *mh, struct module *m, struct flux_msg *msg);

static void on_router_msg(struct flux_msg *msg, void *arg)
{
    struct modhost *mh = arg;
    struct port *p = msg->port;

    if (p != &mh->self_port)
        ((struct module *)p)->last = flux_monotime();
    if (msg->kind == FLUX_MSG_CONTROL && msg->control >= NOTE_REGISTER) {
        on_note(mh, (struct module *)p, msg);
        flux_msg_free(msg);
    } else
        router_receive(mh->router, p, msg);
}

static void module_port_send(struct port *p, struct flux_msg *msg)
{
    struct module *m = (struct module *)p;

    if (m->state == MODULE_EXITED) {
        flux_msg_free(msg);
        return;
    }
    m->last = flux_monotime();
    flux_mailbox_push(m->box, msg);
}

static const struct port_ops module_port_ops = {.send = module_port_send};

/* --- the broker's own handle --- */

static void self_send(struct port *p, struct flux_msg *msg)
{
    struct modhost *mh = FLUX_CONTAINER_OF(p, struct modhost, self_port);

    flux_mailbox_push(mh->self_box, msg);
}

static const struct port_ops self_ops = {.send = self_send};

static int self_register(void *arg, const struct flux_service *svc,
                         struct flux_service_stats *stats, struct flux_error *err)
{
    struct modhost *mh = arg;

    return router_add_service(mh->router, &mh->self_port, svc, stats, err);
}

struct flux *modhost_handle(struct modhost *mh)
{
    return mh->self;
}

struct modhost *modhost_new(uv_loop_t *loop, struct router *router,
                            const struct flux_thread_env *env, const struct modhost_ops *ops)
{
    struct modhost *mh = flux_alloc(sizeof(*mh));

    mh->loop = loop;
    mh->router = router;
    mh->env = *env;
    mh->ops = *ops;
    mh->router_box = flux_mailbox_new(loop, on_router_msg, mh);
    mh->self_port = (struct port){.kind = PORT_MODULE, .ops = &self_ops, .name = "broker"};
    mh->self_env = *env;
    mh->self_env.on_register = self_register;
    mh->self_env.register_arg = mh;
    router_add(router, &mh->self_port);
    mh->self = flux_open_thread(loop, "broker", &mh->self_env, mh->router_box, &mh->self_port,
                                &mh->self_box);
    return mh;
}

void modhost_free(struct modhost *mh)
{
    router_remove(mh->router, &mh->self_port, "has ended");
    flux_close(mh->self);
    flux_mailbox_close(mh->router_box);
    free(mh);
}

/* --- load --- */

static void free_module(struct module *m)
{
    if (m->dso)
        dlclose(m->dso);
    for (int i = 0; i < m->argc; i++)
        free(m->argv[i]);
    free(m->argv);
    free(m->name);
    free(m->path);
    free(m);
}

static struct module *find(struct modhost *mh, const char *name)
{
    struct module *m;

    DL_FOREACH(mh->modules, m)
    if (strcmp(m->name, name) == 0)
        return m;
    return NULL;
}

static const struct placement *find_placement(const char *name)
{
    for (const struct placement *p = placements; p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

static int open_dso(struct module *m, const char *path, struct flux_error *err)
{
    m->dso = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!m->dso)
        return flux_error_set(err, -ENOENT, "cannot load module: %s", dlerror());
    m->dso_parts[0] = dlsym(m->dso, "flux_module_part");
    if (!m->dso_parts[0])
        return flux_error_set(err, -EINVAL, "%s: does not define flux_module_part", path);
    m->parts = m->dso_parts;
    return 0;
}

static int find_in_path(const char *name, char *path, size_t size)
{
    const char *dirs = getenv("FLUX_MODULE_PATH");

    while (dirs && *dirs) {
        size_t n = strcspn(dirs, ":");
        snprintf(path, size, "%.*s/%s.so", (int)n, dirs, name);
        if (n && access(path, R_OK) == 0)
            return 0;
        dirs += n + (dirs[n] == ':');
    }
    return -ENOENT;
}

static int find_parts(struct module *m, const char *what, struct flux_error *err)
{
    const struct placement *p = find_placement(what);
    char path[4096];

    if (p) {
        m->parts = p->parts;
        m->path = flux_strdup("builtin");
        return 0;
    }
    if (strchr(what, '/'))
        m->path = flux_strdup(what);
    else if (find_in_path(what, path, sizeof(path)) == 0)
        m->path = flux_strdup(path);
    else
        return flux_error_set(err, -ENOENT, "no module is named %s; a path must contain a '/'",
                              what);
    return open_dso(m, m->path, err);
}

static int start(struct modhost *mh, struct module *m, const char *name, struct flux_error *err)
{
    m->name = flux_strdup(name ? name : m->parts[0]->name);
    if (find(mh, m->name))
        return flux_error_set(err, -EEXIST, "module %s is loaded already", m->name);
    m->mh = mh;
    m->router_box = mh->router_box;
    m->state = MODULE_INIT;
    m->last = flux_monotime();
    m->port = (struct port){.kind = PORT_MODULE, .ops = &module_port_ops};
    snprintf(m->port.name, sizeof(m->port.name), "%s", m->name);
    router_add(mh->router, &m->port);
    return module_start_thread(m, &mh->env, err);
}

bool modhost_has(struct modhost *mh, const char *name)
{
    return find(mh, name) != NULL;
}

static struct module *load(struct modhost *mh, const char *path, const char *name, int argc,
                           char **argv, struct flux_error *err, int *r)
{
    struct module *m = flux_alloc(sizeof(*m));

    m->argv = flux_alloc((argc + 1) * sizeof(*m->argv));
    for (m->argc = 0; m->argc < argc; m->argc++)
        m->argv[m->argc] = flux_strdup(argv[m->argc]);
    *r = find_parts(m, path, err);
    if (*r == 0)
        *r = start(mh, m, name ? name : m->dso ? NULL : path, err);
    if (*r < 0) {
        free_module(m);
        return NULL;
    }
    DL_APPEND(mh->modules, m);
    return m;
}

void modhost_load(struct modhost *mh, const char *path, const char *name, int argc, char **argv,
                  void (*done)(int r, const char *name, const struct flux_error *err, void *arg),
                  void *arg)
{
    struct flux_error err;
    int r;
    struct module *m = load(mh, path, name && *name ? name : NULL, argc, argv, &err, &r);

    if (!m) {
        done(r, NULL, &err, arg);
        return;
    }
    m->loaded = done;
    m->loaded_arg = arg;
}

static void on_initial_loaded(int r, const char *name, const struct flux_error *err, void *arg)
{
    struct modhost *mh = arg;

    mh->loading--;
    if (r < 0 && !mh->load_failed) {
        mh->load_failed = true;
        mh->ops.on_loaded(r, err, mh->ops.arg);
    } else if (!mh->loading && !mh->load_failed)
        mh->ops.on_loaded(0, NULL, mh->ops.arg);
}

static void start_list(struct modhost *mh, bool store_only)
{
    mh->loading = 1; /* so that it is not over before the last has begun */
    for (const struct placement *p = placements; p->name; p++) {
        if (p->by_request || (p->leader_only && mh->env.rank > 0) || (store_only && !p->store) ||
            find(mh, p->name))
            continue;
        mh->loading++;
        modhost_load(mh, p->name, NULL, 0, NULL, on_initial_loaded, mh);
    }
    on_initial_loaded(0, NULL, NULL, mh);
}

void modhost_start_all(struct modhost *mh)
{
    start_list(mh, false);
}

void modhost_start_store(struct modhost *mh)
{
    start_list(mh, true);
}

/* --- end --- */

static void stop_last(struct modhost *mh)
{
    struct module *m = mh->modules ? mh->modules->prev : NULL;
    const struct placement *p = m ? find_placement(m->name) : NULL;

    if (!m || (mh->keep_store && p && p->store)) {
        mh->stopping_all = false;
        mh->ops.on_stopped(mh->ops.arg);
        return;
    }
    if (m->state != MODULE_FINI) {
        m->state = MODULE_FINI;
        module_stop(m);
    }
}

void modhost_stop_all(struct modhost *mh)
{
    mh->stopping_all = true;
    mh->keep_store = false;
    stop_last(mh);
}

void modhost_stop_users(struct modhost *mh)
{
    mh->stopping_all = mh->keep_store = true;
    stop_last(mh);
}

int modhost_remove(struct modhost *mh, const char *name, void (*done)(void *arg), void *arg,
                   struct flux_error *err)
{
    struct module *m = find(mh, name);

    if (!m)
        return flux_error_set(err, -ENOENT, "module %s is not loaded", name);
    if (m->state != MODULE_RUN)
        return flux_error_set(err, -EBUSY, "module %s is starting or stopping", name);
    m->removed = done;
    m->removed_arg = arg;
    m->state = MODULE_FINI;
    module_stop(m);
    return 0;
}

static void on_exited(struct modhost *mh, struct module *m, const struct note *note)
{
    bool was_asked = m->state == MODULE_FINI;

    m->state = MODULE_EXITED;
    router_remove(mh->router, &m->port, "has ended");
    module_join(m);
    DL_DELETE(mh->modules, m);
    if (m->loaded)
        m->loaded(note->r < 0 ? note->r : -ECANCELED, m->name, &note->err, m->loaded_arg);
    else if (!was_asked)
        mh->ops.on_failed(m->name, true, &note->err, mh->ops.arg);
    if (m->removed)
        m->removed(m->removed_arg);
    free_module(m);
    if (mh->stopping_all)
        stop_last(mh);
}

/* --- reload: all check, then all take over --- */

static void reload_step(struct modhost *mh, bool apply)
{
    struct module *m;

    mh->reload_apply = apply;
    mh->reloading = 1;
    DL_FOREACH(mh->modules, m)
    {
        if (m->state != MODULE_RUN)
            continue;
        if (!apply) {
            json_decref(m->new_conf);
            m->new_conf = json_deep_copy(mh->new_conf);
        }
        mh->reloading++;
        module_reload(m, apply);
    }
}

static void on_reloaded(struct modhost *mh, int r, const struct flux_error *err)
{
    void (*done)(int, const struct flux_error *, void *);

    if (r < 0 && mh->reload_r == 0) {
        mh->reload_r = r;
        mh->reload_err = *err;
    }
    if (--mh->reloading)
        return;
    if (mh->reload_r == 0 && !mh->reload_apply && !mh->check_only) {
        reload_step(mh, true);
        on_reloaded(mh, 0, NULL);
        return;
    }
    mh->new_conf = NULL;
    done = mh->reload_done;
    mh->reload_done = NULL;
    done(mh->reload_r, &mh->reload_err, mh->reload_arg);
}

void modhost_set_conf(struct modhost *mh, const json_t *conf)
{
    mh->env.conf = mh->self_env.conf = conf;
}

void modhost_reload(struct modhost *mh, const json_t *conf, bool apply,
                    void (*done)(int r, const struct flux_error *err, void *arg), void *arg)
{
    struct flux_error err;

    if (mh->reload_done) {
        flux_error_set(&err, 0, "another reload is under way");
        done(-EBUSY, &err, arg);
        return;
    }
    mh->new_conf = conf;
    mh->check_only = !apply;
    mh->reload_r = 0;
    mh->reload_done = done;
    mh->reload_arg = arg;
    reload_step(mh, false);
    on_reloaded(mh, 0, NULL);
}

/* --- notes --- */

static void on_register(struct modhost *mh, struct module *m, const struct note *note)
{
    struct flux_error err;

    if (router_add_service(mh->router, &m->port, note->svc, note->stats, &err) < 0)
        mh->ops.on_failed(m->name, false, &err, mh->ops.arg);
}

static void on_ready(struct module *m)
{
    void (*loaded)(int, const char *, const struct flux_error *, void *) = m->loaded;

    if (m->state == MODULE_INIT)
        m->state = MODULE_RUN;
    m->loaded = NULL;
    if (loaded)
        loaded(0, m->name, NULL, m->loaded_arg);
}

static void on_note(struct modhost *mh, struct module *m, struct flux_msg *msg)
{
    struct note note;

    memcpy(&note, msg->body, sizeof(note));
    switch (msg->control) {
    case NOTE_REGISTER:
        on_register(mh, m, &note);
        break;
    case NOTE_READY:
        on_ready(m);
        break;
    case NOTE_EXITED:
        on_exited(mh, m, &note);
        break;
    case NOTE_RELOADED:
        on_reloaded(mh, note.r, &note.err);
        break;
    default:
        break;
    }
}

/* --- list --- */

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct module *const *)a)->name, (*(struct module *const *)b)->name);
}

void modhost_visit(struct modhost *mh,
                   void (*cb)(const char *name, const char *path, char state, double idle,
                              const char *services, unsigned recvq, void *arg),
                   void *arg)
{
    FLUX_AUTO_MEM(struct module *) sorted = NULL;
    double now = flux_monotime();
    struct module *m;
    size_t n = 0;

    DL_FOREACH(mh->modules, m)
    {
        sorted = flux_realloc(sorted, n + 1, sizeof(*sorted));
        sorted[n++] = m;
    }
    if (n)
        qsort(sorted, n, sizeof(*sorted), by_name);
    for (size_t i = 0; i < n; i++) {
        FLUX_AUTO_STR services = router_services_of(mh->router, &sorted[i]->port);
        cb(sorted[i]->name, sorted[i]->path, sorted[i]->state, now - sorted[i]->last, services,
           flux_mailbox_count(sorted[i]->box), arg);
    }
}
