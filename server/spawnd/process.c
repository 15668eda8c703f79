// SPDX-License-Identifier: LGPL-3.0-only
/* The table of processes. A process is on exactly one of three lists: running; unseen (ended, not
 * acknowledged); seen (acknowledged, kept a while for a broker that died before it could act). */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawnd.h"

struct process *process_find(struct spawnd *d, uint64_t id)
{
    struct process *p;

    HASH_FIND(hh, d->by_id, &id, sizeof(id), p);
    return p;
}

struct process *process_add(struct spawnd *d, const Flux__V1__SpawnStart *in, pid_t pid, int pidfd)
{
    struct process *p = flux_alloc(sizeof(*p));
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &p->watch};

    p->watch.kind = WATCH_PROCESS;
    p->id = in->id;
    p->pid = pid;
    p->pidfd = pidfd;
    p->started = flux_walltime();
    if (in->cgroup[0])
        p->cgroup = flux_strdup(in->cgroup);
    p->cookie_len = in->cookie.len;
    if (in->cookie.len > 0)
        p->cookie = flux_memdup(in->cookie.data, in->cookie.len);
    HASH_ADD(hh, d->by_id, id, sizeof(p->id), p);
    TAILQ_INSERT_TAIL(&d->running, p, link);
    d->nrunning++;
    if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, pidfd, &ev) < 0) {
        perror("flux-spawnd: cannot watch a process"); /* ENOMEM or ENOSPC: cannot be supervised */
        abort();
    }
    return p;
}

static void process_free(struct spawnd *d, struct process *p)
{
    HASH_DELETE(hh, d->by_id, p);
    if (p->pidfd >= 0)
        spawnd_unwatch(d, p->pidfd);
    free(p->cgroup);
    free(p->cookie);
    free(p);
}

static void tell_exited(struct spawnd *d, struct process *p)
{
    Flux__V1__SpawnReply reply = FLUX__V1__SPAWN_REPLY__INIT;

    reply.what_case = FLUX__V1__SPAWN_REPLY__WHAT_EXITED;
    reply.exited = &p->exited;
    conn_reply(d, d->client, &reply);
}

static void record_exit(struct process *p, int status, const struct rusage *ru)
{
    Flux__V1__SpawnExited *x = &p->exited;

    flux__v1__spawn_exited__init(x);
    x->id = p->id;
    x->status = status;
    x->user_us = ru->ru_utime.tv_sec * 1000000ull + ru->ru_utime.tv_usec;
    x->system_us = ru->ru_stime.tv_sec * 1000000ull + ru->ru_stime.tv_usec;
    x->maxrss_kib = ru->ru_maxrss;
    x->ended = flux_walltime();
}

/* Room for one more end: what was seen goes first; an unseen one is given up only at the ceiling.
 */
static void make_room(struct spawnd *d)
{
    struct process *p;

    while (d->nseen > SPAWND_SEEN_MAX || d->nseen + d->nunseen > SPAWND_ENDED_MAX) {
        if ((p = TAILQ_FIRST(&d->seen))) {
            TAILQ_REMOVE(&d->seen, p, link);
            d->nseen--;
        } else {
            p = TAILQ_FIRST(&d->unseen);
            TAILQ_REMOVE(&d->unseen, p, link);
            d->nunseen--;
            d->forgotten++;
        }
        process_free(d, p);
    }
}

void process_reap(struct spawnd *d, struct process *p)
{
    struct rusage ru;
    int status;

    if (wait4(p->pid, &status, WNOHANG, &ru) != p->pid)
        return;
    record_exit(p, status, &ru);
    p->ended = true;
    spawnd_unwatch(d, p->pidfd);
    p->pidfd = -1;
    TAILQ_REMOVE(&d->running, p, link);
    d->nrunning--;
    TAILQ_INSERT_TAIL(&d->unseen, p, link);
    d->nunseen++;
    make_room(d);
    tell_exited(d, p);
}

void process_ack(struct spawnd *d, uint64_t id)
{
    struct process *p = process_find(d, id);

    if (!p || !p->ended || p->acked)
        return;
    p->acked = true;
    TAILQ_REMOVE(&d->unseen, p, link);
    d->nunseen--;
    TAILQ_INSERT_TAIL(&d->seen, p, link);
    d->nseen++;
    make_room(d);
}

static Flux__V1__SpawnProcess *describe(const struct process *p)
{
    Flux__V1__SpawnProcess *out = flux_alloc(sizeof(*out));

    flux__v1__spawn_process__init(out);
    out->id = p->id;
    out->pid = p->pid;
    out->cookie.data = p->cookie;
    out->cookie.len = p->cookie_len;
    out->started = p->started;
    out->acked = p->acked;
    if (p->ended)
        out->exited = (Flux__V1__SpawnExited *)&p->exited;
    return out;
}

void process_welcome(struct spawnd *d, struct conn *c)
{
    Flux__V1__SpawnReply reply = FLUX__V1__SPAWN_REPLY__INIT;
    Flux__V1__SpawnWelcome welcome = FLUX__V1__SPAWN_WELCOME__INIT;
    FLUX_AUTO_MEM(Flux__V1__SpawnProcess *) list = flux_realloc(NULL, HASH_COUNT(d->by_id) + 1, 8);
    struct process *p, *tmp;

    welcome.version = SPAWND_VERSION;
    welcome.pid = getpid();
    welcome.forgotten = d->forgotten;
    welcome.age = flux_monotime() - d->began;
    welcome.processes = list;
    HASH_ITER (hh, d->by_id, p, tmp)
        list[welcome.n_processes++] = describe(p);
    reply.what_case = FLUX__V1__SPAWN_REPLY__WHAT_WELCOME;
    reply.welcome = &welcome;
    conn_reply(d, c, &reply);
    for (size_t i = 0; i < welcome.n_processes; i++)
        free(list[i]);
}

void process_free_all(struct spawnd *d)
{
    struct process *p, *tmp;

    HASH_ITER (hh, d->by_id, p, tmp)
        process_free(d, p);
}
