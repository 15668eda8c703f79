// SPDX-License-Identifier: LGPL-3.0-only
/* The exec part: finds or starts the node's spawn helper, serves Exec, and lets go. */
#include <stdio.h>
#include <unistd.h>

#include <flux/paths.h>

#include "exec.h"
#include "module.h"

#define ORPHAN_GRACE 1. /* seconds that processes outlive a broker that cannot come back, */
#define MARGIN 60.      /* and, past exec.lost-timeout, one that does not */
#define STOP_GRACE 5.   /* from SIGTERM to SIGKILL of what is left at the end */

static char *attr(struct flux *h, const char *name, const char *dflt)
{
    const char *s = flux_attr(h, name);

    return flux_strdup(s ? s : dflt);
}

/* A broker of a system instance does, and an instance with a state directory of its own: their
 * processes wait for them. */
static bool comes_back(struct flux *h)
{
    const char *statedir = flux_attr(h, "statedir");

    return flux_is_system_instance(h) || (statedir && statedir[0]);
}

/* Long enough that the leader has given the node up by then. */
static double orphan_grace(struct flux *h, const json_t *conf)
{
    if (flux_is_system_instance(h))
        return flux_lost_timeout(h, conf) + MARGIN;
    return comes_back(h) ? -1 : ORPHAN_GRACE;
}

static void exec_free(struct exec *x)
{
    while (!TAILQ_EMPTY(&x->locals)) {
        struct local *l = TAILQ_FIRST(&x->locals);
        local_done(l);
        free(l);
    }
    if (x->hosts)
        flux_hostlist_free(x->hosts);
    if (x->fans)
        fan_loop_free(x->fans);
    free(x->default_shell);
    free(x->local_uri);
    free(x->rundir);
    free(x->hostname);
    free(x->core_units);
    free(x->cgroup);
    free(x);
}

static struct exec *exec_new(struct flux *h)
{
    struct exec *x = flux_alloc(sizeof(*x));
    char host[256] = "localhost", name[256];
    const char *hosts = flux_attr(h, "hostlist");

    x->h = h;
    x->rank = flux_rank(h);
    TAILQ_INIT(&x->locals);
    TAILQ_INIT(&x->all_runs);
    TAILQ_INIT(&x->gathers);
    TAILQ_INIT(&x->waiters);
    x->cgroup = cgroup_find();
    x->fans = fan_loop_new(h);
    x->default_shell = flux_path_get("shell_path");
    x->local_uri = attr(h, "local-uri", "");
    x->rundir = attr(h, "rundir", "");
    if (hosts && flux_hostlist_decode(hosts, &x->hosts, NULL) < 0)
        x->hosts = NULL;
    gethostname(host, sizeof(host) - 1);
    if (x->hosts && flux_hostlist_nth(x->hosts, x->rank, name))
        x->hostname = flux_strdup(name);
    else
        x->hostname = attr(h, "hostname", host);
    return x;
}

/* Before the first request: what runs already must be known. A millisecond. */
static int wait_helper(struct exec *x, struct flux_error *err)
{
    while (!x->helper_up && !x->helper_failed)
        uv_run(flux_loop(x->h), UV_RUN_ONCE);
    return x->helper_up ? 0 : flux_error_set(err, -EIO, "%s", x->helper_err.text);
}

static int start(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err)
{
    static const struct flux_exec_ops ops = FLUX_EXEC_OPS(exec);
    struct exec *x = exec_new(h);
    FLUX_AUTO_STR helper = flux_path_get("spawnd_path");
    FLUX_AUTO_STR sock = NULL;
    struct spawn_config cf = {.helper = helper};
    int r;

    if (x->rundir[0])
        cf.socket_path = sock = flux_printf(FLUX_SPAWND_SOCKET, x->rundir, x->rank);
    cf.orphan_grace = orphan_grace(h, flux_conf(h));
    cf.linger = flux_is_system_instance(h);
    r = spawn_client_open(flux_loop(h), &cf, &local_spawn_ops, x, &x->spawn, err);
    if (r == 0)
        r = wait_helper(x, err);
    if (r == 0)
        r = flux_exec_serve(h, &ops, x, err);
    if (r < 0) {
        if (x->spawn)
            spawn_client_close(x->spawn, 0);
        exec_free(x);
        return r;
    }
    reconcile_begin(x);
    *state = x;
    return 0;
}

/* Commands go with their callers. Shells of an instance that comes back, and what it may still want
 * to know of ended ones, are left to the helper, for the next broker; otherwise whatever is left is
 * killed. */
static void stop(struct flux *h, void *state)
{
    struct exec *x = state;
    bool keep = comes_back(h) && (x->shells || flux_is_system_instance(h));

    reconcile_free(x);
    gather_free_all(x);
    list_free_all(x);
    run_free_all(x);
    shell_free_all(x);
    spawn_client_close(x->spawn, keep ? -1 : STOP_GRACE);
    exec_free(x);
}

static int reload(struct flux *h, void *state, const json_t *conf, bool apply,
                  struct flux_error *err)
{
    struct exec *x = state;

    if (apply)
        spawn_client_set_grace(x->spawn, orphan_grace(h, conf));
    return 0;
}

const struct flux_part exec_part = {.name = "exec", .start = start, .stop = stop, .reload = reload};
