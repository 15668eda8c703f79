// SPDX-License-Identifier: LGPL-3.0-only
/* The processes of the spawn client: each is in the table from the request until its end has been
 * told, and its end is told exactly once, whatever becomes of the helper. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn_client_internal.h"

#define DOCUMENT_FD 3
/* Seconds that SIGKILL, and the end of the helper after it, may take on a busy machine. */
#define KILL_WORKS 10.

int spawn_client_open(uv_loop_t *loop, const struct spawn_config *cf, const struct spawn_ops *ops,
                      void *arg, struct spawn_client **ret, struct flux_error *err)
{
    struct spawn_client *c = flux_alloc(sizeof(*c));
    uint32_t high = 0;
    int r;

    c->loop = loop;
    c->helper = flux_strdup(cf->helper);
    c->socket_path = flux_strdup(cf->socket_path);
    c->orphan_grace = cf->orphan_grace;
    c->linger = cf->linger;
    c->ops = ops;
    c->arg = arg;
    c->fd = -1;
    c->in.max = SPAWN_FRAME_MAX + (1 << 20);
    STAILQ_INIT(&c->out);
    /* Apart from the ids that an earlier broker gave to what still runs. */
    if (getrandom(&high, sizeof(high), 0) < 0)
        high = getpid();
    c->next_id = (uint64_t)high << 32 | 1;
    r = spawn_link_open(c, err);
    if (r < 0) {
        spawn_client_close(c, -1);
        return r;
    }
    *ret = c;
    return 0;
}

static struct spawn_entry *entry_find(struct spawn_client *c, uint64_t id)
{
    struct spawn_entry *e;

    HASH_FIND(hh, c->entries, &id, sizeof(id), e);
    return e;
}

static struct spawn_entry *entry_new(struct spawn_client *c, uint64_t id, void *data)
{
    struct spawn_entry *e = flux_alloc(sizeof(*e));

    e->pub.id = id;
    e->pub.data = data;
    HASH_ADD(hh, c->entries, pub.id, sizeof(e->pub.id), e);
    return e;
}

/* Out of the table before the callback, which may start others. */
static void end_start(struct spawn_client *c, struct spawn_entry *e, int r, const char *why)
{
    HASH_DELETE(hh, c->entries, e);
    c->ops->started(&e->pub, r, why, c->arg);
    free(e);
}

static void end_exit(struct spawn_client *c, struct spawn_entry *e, const struct spawn_exit *x)
{
    HASH_DELETE(hh, c->entries, e);
    c->ops->exited(&e->pub, x, c->arg);
    free(e);
}

static struct spawn_exit exit_of(const Flux__V1__SpawnExited *in)
{
    return (struct spawn_exit){.status = in->status,
                               .user_us = in->user_us,
                               .system_us = in->system_us,
                               .maxrss_kib = in->maxrss_kib,
                               .ended = in->ended};
}

/* The helper that knew about it is gone, and with it the one who could say how it ended. */
static void lose(struct spawn_client *c, struct spawn_entry *e, const char *why)
{
    struct spawn_exit x = {.lost = true, .status = SIGKILL, .ended = flux_walltime()};

    if (!e->running) {
        end_start(c, e, -ECONNRESET, why);
        return;
    }
    kill(-e->pub.pid, SIGKILL); /* it leads that group until someone reaps it: just now */
    end_exit(c, e, &x);
}

static void started(struct spawn_client *c, const Flux__V1__SpawnStarted *in)
{
    struct spawn_entry *e = entry_find(c, in->id);

    if (!e || e->running)
        return;
    if (in->code != 0) {
        end_start(c, e, -(int)in->code, in->text);
        return;
    }
    e->running = true;
    e->pub.pid = in->pid;
    e->pub.started = flux_walltime();
    c->ops->started(&e->pub, 0, NULL, c->arg);
}

static void exited(struct spawn_client *c, const Flux__V1__SpawnExited *in)
{
    struct spawn_entry *e = entry_find(c, in->id);
    struct spawn_exit x = exit_of(in);

    if (e && e->running)
        end_exit(c, e, &x);
}

/* A process of an earlier broker. */
static void found(struct spawn_client *c, const Flux__V1__SpawnProcess *in)
{
    struct spawn_found f = {.id = in->id,
                            .pid = in->pid,
                            .started = in->started,
                            .cookie = in->cookie.data,
                            .cookie_len = in->cookie.len,
                            .acked = in->acked};
    struct spawn_exit x;
    void *data;

    if (in->exited) {
        x = exit_of(in->exited);
        f.exit = &x;
    }
    data = c->ops->found ? c->ops->found(&f, c->arg) : NULL;
    if (!data || in->exited)
        return;
    struct spawn_entry *e = entry_new(c, in->id, data);
    e->running = e->confirmed = true;
    e->pub.pid = in->pid;
    e->pub.started = in->started;
    if (c->ops->adopted)
        c->ops->adopted(&e->pub, c->arg);
}

/* A process of ours, named again after the connection had broken. */
static void confirm(struct spawn_client *c, struct spawn_entry *e, const Flux__V1__SpawnProcess *in)
{
    e->confirmed = true;
    if (!e->running) {
        e->running = true;
        e->pub.pid = in->pid;
        e->pub.started = in->started;
        c->ops->started(&e->pub, 0, NULL, c->arg);
    }
    if (in->exited)
        exited(c, in->exited);
}

static void welcome(struct spawn_client *c, const Flux__V1__SpawnWelcome *in)
{
    struct spawn_entry *e, *tmp;
    bool again = c->proved;

    c->welcomed = c->proved = true;
    c->pid = in->pid;
    c->helper_began = flux_monotime() - in->age;
    c->attempts = 0;
    HASH_ITER (hh, c->entries, e, tmp)
        e->confirmed = false;
    for (size_t i = 0; i < in->n_processes; i++) {
        if ((e = entry_find(c, in->processes[i]->id)))
            confirm(c, e, in->processes[i]);
        else if (!again)
            found(c, in->processes[i]);
    }
    if (again) { /* what was on its way when the connection broke never arrived */
        HASH_ITER (hh, c->entries, e, tmp) {
            if (!e->confirmed)
                lose(c, e, "the connection to the spawn helper broke");
        }
    } else if (c->ops->up) {
        c->ops->up(in->pid, c->arg);
    }
}

void spawn_client_record(struct spawn_client *c, const Flux__V1__SpawnReply *in)
{
    switch (in->what_case) {
    case FLUX__V1__SPAWN_REPLY__WHAT_WELCOME:
        welcome(c, in->welcome);
        break;
    case FLUX__V1__SPAWN_REPLY__WHAT_STARTED:
        started(c, in->started);
        break;
    case FLUX__V1__SPAWN_REPLY__WHAT_EXITED:
        exited(c, in->exited);
        break;
    default:
        break; /* killed: an error there means that it has ended, which is told by itself */
    }
}

void spawn_client_lost(struct spawn_client *c, const char *why)
{
    struct spawn_entry *old = c->entries, *e, *tmp;
    /* One that we found may just have been on its way out: nothing of ours was with it. */
    bool stale = !c->proved && !c->ours, again = c->proved || stale;
    struct flux_error err;

    c->entries = NULL;
    if (again && spawn_link_open(c, &err) < 0) {
        again = false;
        why = err.text;
    }
    if (c->ops->down && !(stale && again))
        c->ops->down(why, again, c->arg);
    HASH_ITER (hh, old, e, tmp) { /* moved to a table of its own: callbacks may start others */
        HASH_DELETE(hh, old, e);
        HASH_ADD(hh, c->entries, pub.id, sizeof(e->pub.id), e);
        lose(c, e, why);
    }
}

static int make_document(const struct spawn_request *req)
{
    int fd = memfd_create("flux-start", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const char *p = req->document;
    size_t left = req->document_len;

    if (fd < 0)
        return -errno;
    while (left > 0) {
        ssize_t n = write(fd, p, left);
        if (n < 0) {
            int r = -errno;
            close(fd);
            return r;
        }
        p += n;
        left -= n;
    }
    lseek(fd, 0, SEEK_SET);
    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    return fd;
}

/* Our end into f->fd, non-blocking; returns the process's end. */
static int make_pair(struct spawn_fd *f)
{
    int pair[2], r;

    if (f->source == SPAWN_SOCKET)
        r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    else
        r = pipe2(pair, O_CLOEXEC);
    if (r < 0)
        return -errno;
    int ours = f->source == SPAWN_READS ? 1 : 0;
    f->fd = pair[ours];
    fcntl(f->fd, F_SETFL, fcntl(f->fd, F_GETFL) | O_NONBLOCK);
    return pair[!ours];
}

/* What goes into the record, and with it. */
struct plan {
    Flux__V1__SpawnFd fds[SPAWN_FDS_MAX + 1], *list[SPAWN_FDS_MAX + 1];
    size_t n;
    int sent[SPAWN_FDS_MAX + 1];
    unsigned nsent;
};

static void plan_fd(struct plan *p, int target, Flux__V1__SpawnSource source, int fd)
{
    flux__v1__spawn_fd__init(&p->fds[p->n]);
    p->fds[p->n].fd = target;
    p->fds[p->n].source = source;
    p->list[p->n] = &p->fds[p->n];
    p->n++;
    if (source == FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_PASSED)
        p->sent[p->nsent++] = fd;
}

static int plan_fds(struct plan *p, const struct spawn_request *req)
{
    for (size_t i = 0; i < req->nfds; i++) {
        struct spawn_fd *f = &req->fds[i];
        int fd = f->fd;
        if (f->source == SPAWN_NULL) {
            plan_fd(p, f->target, FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_NULL, -1);
        } else if (f->source == SPAWN_INHERIT) {
            plan_fd(p, f->target, FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_INHERIT, -1);
        } else {
            if (f->source != SPAWN_GIVEN)
                fd = make_pair(f);
            if (fd < 0)
                return fd;
            plan_fd(p, f->target, FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_PASSED, fd);
        }
    }
    if (req->document) {
        int fd = make_document(req);
        if (fd < 0)
            return fd;
        plan_fd(p, DOCUMENT_FD, FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_PASSED, fd);
    }
    return 0;
}

static void close_all(struct plan *p, const struct spawn_request *req)
{
    for (unsigned i = 0; i < p->nsent; i++)
        close(p->sent[i]);
    for (size_t i = 0; i < req->nfds; i++) {
        struct spawn_fd *f = &req->fds[i];
        bool planned = i < p->n;
        if (f->fd >= 0 && (f->source > SPAWN_GIVEN || (f->source == SPAWN_GIVEN && !planned)))
            close(f->fd);
        f->fd = -1;
    }
}

static size_t count_strings(const char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

static void send_start(struct spawn_client *c, uint64_t id, const struct spawn_request *req,
                       struct plan *p)
{
    Flux__V1__SpawnRequest record = FLUX__V1__SPAWN_REQUEST__INIT;
    Flux__V1__SpawnStart start = FLUX__V1__SPAWN_START__INIT;

    start.id = id;
    start.n_argv = count_strings(req->argv);
    start.argv = (char **)req->argv;
    start.n_env = count_strings(req->env);
    start.env = (char **)req->env;
    start.inherit_env = req->inherit_env;
    if (req->path)
        start.path = (char *)req->path;
    if (req->cwd)
        start.cwd = (char *)req->cwd;
    if (req->cgroup)
        start.cgroup = (char *)req->cgroup;
    start.session = req->session;
    start.cookie.data = (uint8_t *)req->cookie;
    start.cookie.len = req->cookie_len;
    start.n_fds = p->n;
    start.fds = p->list;
    record.what_case = FLUX__V1__SPAWN_REQUEST__WHAT_START;
    record.start = &start;
    spawn_link_send(c, &record, p->sent, p->nsent);
}

int spawn_client_start(struct spawn_client *c, const struct spawn_request *req,
                       struct spawn_process **ret, struct flux_error *err)
{
    struct plan p = {.n = 0};
    struct spawn_entry *e;
    int r;

    for (size_t i = 0; i < req->nfds; i++) {
        if (req->fds[i].source != SPAWN_GIVEN)
            req->fds[i].fd = -1;
    }
    if (req->nfds > SPAWN_FDS_MAX || count_strings(req->argv) == 0) {
        close_all(&p, req);
        return flux_error_set(err, -EINVAL, "no command, or too many descriptors");
    }
    if (c->fd < 0 && (r = spawn_link_open(c, err)) < 0) {
        close_all(&p, req);
        return r;
    }
    if ((r = plan_fds(&p, req)) < 0) {
        close_all(&p, req);
        return flux_error_sys(err, r, "cannot make the descriptors of a process");
    }
    e = entry_new(c, c->next_id++, req->data);
    if (ret)
        *ret = &e->pub;
    send_start(c, e->pub.id, req, &p);
    return 0;
}

static void send_kill(struct spawn_client *c, Flux__V1__SpawnKill *k)
{
    Flux__V1__SpawnRequest record = FLUX__V1__SPAWN_REQUEST__INIT;

    record.what_case = FLUX__V1__SPAWN_REQUEST__WHAT_KILL;
    record.kill = k;
    spawn_link_send(c, &record, NULL, 0);
}

void spawn_client_kill(struct spawn_client *c, const struct spawn_process *p, int signum,
                       unsigned flags)
{
    Flux__V1__SpawnKill k = FLUX__V1__SPAWN_KILL__INIT;

    k.id = p->id;
    k.signal = signum;
    k.leader_only = flags & SPAWN_KILL_LEADER;
    k.cgroup = flags & SPAWN_KILL_CGROUP;
    send_kill(c, &k);
}

void spawn_client_queue(struct spawn_client *c, const struct spawn_process *p, int signum,
                        int value)
{
    Flux__V1__SpawnKill k = FLUX__V1__SPAWN_KILL__INIT;

    k.id = p->id;
    k.signal = signum;
    k.value = value;
    send_kill(c, &k);
}

void spawn_client_ack(struct spawn_client *c, uint64_t id)
{
    Flux__V1__SpawnRequest record = FLUX__V1__SPAWN_REQUEST__INIT;
    Flux__V1__SpawnAck ack = FLUX__V1__SPAWN_ACK__INIT;

    ack.n_ids = 1;
    ack.ids = &id;
    record.what_case = FLUX__V1__SPAWN_REQUEST__WHAT_ACK;
    record.ack = &ack;
    spawn_link_send(c, &record, NULL, 0);
}

void spawn_client_set_grace(struct spawn_client *c, double seconds)
{
    if (seconds == c->orphan_grace)
        return;
    c->orphan_grace = seconds;
    spawn_link_hello(c);
}

double spawn_client_helper_age(const struct spawn_client *c)
{
    return flux_monotime() - c->helper_began;
}

unsigned spawn_client_count(const struct spawn_client *c)
{
    return HASH_COUNT(c->entries);
}

void spawn_client_close(struct spawn_client *c, double stop_grace)
{
    Flux__V1__SpawnRequest record = FLUX__V1__SPAWN_REQUEST__INIT;
    Flux__V1__SpawnShutdown s = FLUX__V1__SPAWN_SHUTDOWN__INIT;
    struct spawn_entry *e, *tmp;

    if (stop_grace >= 0) {
        s.grace_ms = stop_grace * 1000;
        record.what_case = FLUX__V1__SPAWN_REQUEST__WHAT_SHUTDOWN;
        record.shutdown = &s;
        spawn_link_send(c, &record, NULL, 0);
    }
    spawn_link_drain(c);
    spawn_link_close(c, stop_grace >= 0 ? stop_grace + KILL_WORKS : 0);
    HASH_ITER (hh, c->entries, e, tmp) {
        HASH_DELETE(hh, c->entries, e);
        free(e);
    }
    free(c->helper);
    free(c->socket_path);
    free(c);
}
