// SPDX-License-Identifier: LGPL-3.0-only
/* From a SpawnStart record to a running process: checks, environment, search path, descriptors. */
#include <stdio.h>
#include <unistd.h>

#include <flux/environ.h>

#include "launch.h"
#include "spawnd.h"

extern char **environ;

/* All that one start needs and that must go again afterwards. */
struct prepared {
    struct launch l;
    int received[SPAWND_FD_TARGET_MAX + 1];
    unsigned nreceived;
    struct fd_map map[SPAWND_FD_TARGET_MAX + 1];
};

static void prepared_done(struct prepared *p)
{
    for (unsigned i = 0; i < p->nreceived; i++)
        close(p->received[i]);
    flux_search_free(p->l.paths);
    free(p->l.envp);
    free(p->l.argv);
    free((char *)p->l.cgroup_procs);
}

/* Take all that this record claims, also when it is refused: the next record's come after. */
static int take_received(struct prepared *p, struct conn *c, const Flux__V1__SpawnStart *in)
{
    int r = 0;

    for (size_t i = 0; i < in->n_fds; i++) {
        if (in->fds[i]->source != FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_PASSED)
            continue;
        int fd = conn_take_fd(c);
        if (fd < 0 || p->nreceived >= FLUX_ARRAY_SIZE(p->received)) {
            if (fd >= 0)
                close(fd);
            r = -EBADF;
        } else {
            p->received[p->nreceived++] = fd;
        }
    }
    return r;
}

static int fd_source(struct spawnd *d, struct prepared *p, const Flux__V1__SpawnFd *in,
                     unsigned *next)
{
    switch (in->source) {
    case FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_NULL:
        return d->null_fd;
    case FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_INHERIT:
        return in->fd <= 2 ? in->fd : -1;
    case FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_PASSED:
        return p->received[(*next)++];
    default:
        return -1;
    }
}

static int map_fds(struct spawnd *d, struct prepared *p, const Flux__V1__SpawnStart *in)
{
    bool named[SPAWND_FD_TARGET_MAX + 1] = {false};
    struct launch *l = &p->l;
    unsigned next = 0;

    l->map = p->map;
    l->max_target = 2;
    for (size_t i = 0; i < in->n_fds; i++) {
        int target = in->fds[i]->fd;
        if (target < 0 || target > SPAWND_FD_TARGET_MAX || named[target])
            return -EBADF;
        int source = fd_source(d, p, in->fds[i], &next);
        if (source < 0)
            return -EBADF;
        named[target] = true;
        l->max_target = target > l->max_target ? target : l->max_target;
        l->map[l->nmap++] = (struct fd_map){.target = target, .source = source};
    }
    for (int fd = 0; fd <= 2; fd++) {
        if (!named[fd])
            l->map[l->nmap++] = (struct fd_map){.target = fd, .source = d->null_fd};
    }
    return 0;
}

/* "NAME=VALUE" or "NAME" names the same variable as `var`? */
static bool same_name(const char *edit, const char *var)
{
    size_t n = strcspn(edit, "=");

    return strncmp(edit, var, n) == 0 && var[n] == '=';
}

static bool edited(const Flux__V1__SpawnStart *in, const char *var)
{
    for (size_t i = 0; i < in->n_env; i++) {
        if (same_name(in->env[i], var))
            return true;
    }
    return false;
}

static char **make_env(const Flux__V1__SpawnStart *in)
{
    size_t n = 0, have = 0;
    char **out;

    while (in->inherit_env && environ[have])
        have++;
    out = flux_realloc(NULL, have + in->n_env + 1, sizeof(*out));
    for (size_t i = 0; i < have; i++) {
        if (!edited(in, environ[i]))
            out[n++] = environ[i];
    }
    for (size_t i = 0; i < in->n_env; i++) {
        if (strchr(in->env[i], '='))
            out[n++] = in->env[i];
    }
    out[n] = NULL;
    return out;
}

static const char *path_of(char **envp)
{
    const char *path = NULL;

    for (char **e = envp; *e; e++)
        if (strncmp(*e, "PATH=", 5) == 0)
            path = *e + 5;
    return path;
}

static int check(struct spawnd *d, const Flux__V1__SpawnStart *in, const char **why)
{
    if (d->stopping) {
        *why = "the helper is shutting down";
        return -ESHUTDOWN;
    }
    if (in->n_argv == 0 || (!in->argv[0][0] && !in->path[0])) {
        *why = "there is no command";
        return -EINVAL;
    }
    if (in->cookie.len > SPAWND_COOKIE_MAX) {
        *why = "cookie is longer than 256 bytes";
        return -EINVAL;
    }
    if (process_find(d, in->id)) {
        *why = "a process of this id is known already";
        return -EEXIST;
    }
    if (d->nrunning >= SPAWND_PROCESSES_MAX) {
        *why = "this node runs 16384 processes already";
        return -EAGAIN;
    }
    return 0;
}

static int prepare(struct spawnd *d, struct conn *c, const Flux__V1__SpawnStart *in,
                   struct prepared *p, const char **why)
{
    struct launch *l = &p->l;
    int r = take_received(p, c, in), r2 = check(d, in, why);

    if (r2 < 0)
        return r2;
    if (r < 0 || map_fds(d, p, in) < 0) {
        *why = "the list of file descriptors is not valid";
        return -EBADF;
    }
    l->argv = flux_realloc(NULL, in->n_argv + 1, sizeof(*l->argv));
    memcpy(l->argv, in->argv, in->n_argv * sizeof(*l->argv));
    l->argv[in->n_argv] = NULL;
    l->envp = make_env(in);
    l->paths = flux_search_files(in->path[0] ? in->path : in->argv[0], path_of(l->envp));
    l->cwd = in->cwd[0] ? in->cwd : "/";
    l->cgroup_procs = in->cgroup[0] ? flux_printf("%s/cgroup.procs", in->cgroup) : NULL;
    l->session = in->session;
    l->nofile = d->nofile;
    return 0;
}

static char *explain(const struct prepared *p, const char *why, int r)
{
    if (why)
        return flux_strdup(why);
    if (!p->l.object)
        return flux_printf("%s: %s", p->l.stage, strerror(-r));
    return flux_printf("%s '%.200s': %s", p->l.stage, p->l.object, strerror(-r));
}

void spawnd_start(struct spawnd *d, struct conn *c, const Flux__V1__SpawnStart *in)
{
    Flux__V1__SpawnReply reply = FLUX__V1__SPAWN_REPLY__INIT;
    Flux__V1__SpawnStarted out = FLUX__V1__SPAWN_STARTED__INIT;
    struct prepared p = {.nreceived = 0};
    const char *why = NULL;
    FLUX_AUTO_STR text = NULL;
    int pidfd = -1, r;

    r = prepare(d, c, in, &p, &why);
    if (r == 0)
        r = launch_process(&p.l, &pidfd);
    out.id = in->id;
    if (r > 0) {
        process_add(d, in, r, pidfd);
        out.pid = r;
    } else {
        out.code = -r;
        out.text = text = explain(&p, why, r);
    }
    prepared_done(&p);
    reply.what_case = FLUX__V1__SPAWN_REPLY__WHAT_STARTED;
    reply.started = &out;
    conn_reply(d, c, &reply);
}
