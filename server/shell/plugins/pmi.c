// SPDX-License-Identifier: LGPL-3.0-only
/* PMI for the tasks: a socket to each, the PMI-1 server behind it, and between nodes the collective
 * service of the brokers. Nothing but the sockets is made before a task says something. */
#include "../shell.h"
#include "plugins.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <flux/fluid.h>
#include <flux/paths.h>
#include <flux/pmi.h>
#include <flux/v1/collective.h>

#define RETRY_MS 200
#define PATIENCE_MS 600000 /* for an exchange that has failed once */
#define OFFER_SECONDS 60.  /* so long after an exchange others may not have its result */

struct endpoint {
    struct pmi *pmi;
    unsigned index;
    int fd; /* -1 once closed */
    uv_poll_t poll;
};

struct pmi {
    struct flux_shell *sh;
    struct flux_pmi_server *server; /* made with the first request */
    struct endpoint *ends;
    unsigned barriers;
    struct flux_future *exchange;
    struct flux_buf dirty; /* what goes into it */
    bool timers, failed;   /* the timers are there; it has failed before */
    uv_timer_t retry, limit;

    /* The exchange before: entered again after a loss, for others whom its result may not have
     * reached. They have not left it, so nobody has passed the one that follows. */
    struct flux_future *offer;
    struct flux_buf offered; /* our part of it */
    unsigned offered_number; /* 0: there is none */
    double offered_at;       /* monotonic: when its result came */
    bool offering;
    char kvsname[FLUX_FLUID_MAX];
};

static bool wanted(struct flux_shell *sh)
{
    const char *list = flux_shell_option_text(sh, "pmi", "simple");

    if (!strcmp(list, "off") || !strcmp(list, "none"))
        return false;
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");

        if ((n == 6 && !strncmp(p, "simple", n)) || (n == 4 && !strncmp(p, "pmi1", n)) ||
            (n == 4 && !strncmp(p, "pmi2", n)))
            return true;
        p += n + (p[n] == ',');
    }
    return false;
}

static void set_library_path(struct flux_shell *sh)
{
    FLUX_AUTO_STR lib = flux_path_get("pmi_library_path");
    const char *old = flux_shell_getenv(sh, "LD_LIBRARY_PATH");
    const char *slash = lib ? strrchr(lib, '/') : NULL;

    if (!slash)
        return;
    flux_shell_setenv(sh, "FLUX_PMI_LIBRARY_PATH", "%s", lib);
    flux_shell_setenv(sh, "LD_LIBRARY_PATH", "%.*s%s%s", (int)(slash - lib), lib,
                      old && *old ? ":" : "", old ? old : "");
}

/* Jobs of one user on one node would otherwise share file names in Open MPI 4. What a job around
 * this one was given is inherited, and may not be here. */
static void set_backing_directory(struct flux_shell *sh)
{
    const char *old = flux_shell_getenv(sh, "OMPI_MCA_btl_vader_backing_directory");

    if (!old || strstr(old, "/jobtmp-"))
        flux_shell_setenv(sh, "OMPI_MCA_btl_vader_backing_directory", "%s", flux_shell_tmpdir(sh));
}

static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    struct pmi *p;

    if (!wanted(sh))
        return 0;
    *data = p = flux_alloc(sizeof(*p));
    p->sh = sh;
    p->ends = flux_alloc(sizeof(*p->ends) * (sh->nlocal + 1));
    for (unsigned i = 0; i < sh->nlocal; i++)
        p->ends[i] = (struct endpoint){.pmi = p, .index = i, .fd = -1};
    flux_fluid_encode(sh->start->job_id, FLUX_FLUID_F58_ASCII, p->kvsname, sizeof(p->kvsname));
    flux_shell_setenv(sh, "PMI_SIZE", "%u", sh->ntasks);
    set_library_path(sh);
    set_backing_directory(sh);
    return 0;
}

/* --- the server's callbacks --- */

static void on_send(void *arg, unsigned task, const char *data, size_t len)
{
    struct pmi *p = arg;
    int fd = p->ends[task].fd;

    while (len && fd >= 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return; /* it died: its end of file says so */
        data += n;
        len -= n;
    }
}

/* Broker ranks of the nodes that have tasks. */
static char *participants(struct flux_shell *sh)
{
    FLUX_AUTO(idset) ranks = flux_idset_new();
    struct flux_rset_node node;

    for (size_t i = 0; flux_rset_node(sh->r, i, &node); i++)
        if (flux_taskmap_ntasks_on(sh->map, i))
            flux_idset_add(ranks, node.rank);
    return flux_idset_encode(ranks, FLUX_IDSET_RANGE);
}

static void exchange(struct pmi *p);
static void offer(struct pmi *p);

static void on_retry(uv_timer_t *timer)
{
    struct pmi *p = timer->data;

    if (p->offering && !p->offer)
        offer(p);
    if (p->failed && !p->exchange)
        exchange(p);
}

static void stop_offering(struct pmi *p)
{
    p->offering = false;
    flux_future_free(FLUX_GIVE(p->offer));
}

/* What could be offered from now on is this one. */
static void keep_for_offer(struct pmi *p)
{
    struct flux_buf old = p->offered;

    stop_offering(p);
    p->offered = p->dirty;
    p->dirty = old;
    p->offered_number = p->barriers;
    p->offered_at = flux_monotime();
}

/* The exchange is over, one way or the other. */
static void exchanged(struct pmi *p, int r, const struct flux_error *err)
{
    if (r == 0)
        keep_for_offer(p);
    if (p->timers) {
        uv_timer_stop(&p->retry);
        uv_timer_stop(&p->limit);
    }
    flux_future_free(p->exchange);
    p->exchange = NULL;
    p->failed = false;
    flux_buf_reset(&p->dirty);
    if (r < 0) {
        flux_shell_log(p->sh, FLUX_SHELL_ERROR, "pmi", "exchange: %s", err->text);
        flux_shell_raise(p->sh, "pmi: exchange: %s", err->text);
    }
    flux_pmi_server_release(p->server, r == 0);
}

/* Some may have the result, and so be gone, and it is not remembered any more. */
static void on_limit(uv_timer_t *timer)
{
    struct flux_error err;

    flux_error_set(&err, -ETIMEDOUT, "not complete %d s after a broker was lost",
                   PATIENCE_MS / 1000);
    exchanged(timer->data, -ETIMEDOUT, &err);
}

static bool may_pass(int r)
{
    return r == -EHOSTUNREACH || r == -ECONNRESET || r == -ETIMEDOUT || r == -ENOSYS ||
           r == -ECANCELED || r == -EAGAIN;
}

static void make_timers(struct pmi *p)
{
    if (p->timers)
        return;
    uv_timer_init(&p->sh->loop, &p->retry);
    uv_timer_init(&p->sh->loop, &p->limit);
    p->retry.data = p->limit.data = p;
    p->timers = true;
}

/* A broker on the way is gone: it, or its successor, will be back; or the job ends without it. */
static void try_again(struct pmi *p)
{
    flux_future_free(p->exchange);
    p->exchange = NULL;
    make_timers(p);
    if (!p->failed)
        uv_timer_start(&p->limit, on_limit, PATIENCE_MS, 0);
    p->failed = true;
    uv_timer_start(&p->retry, on_retry, RETRY_MS, 0);
}

static void on_exchanged(struct flux_future *f, void *arg)
{
    struct pmi *p = arg;
    const flux_collective_exchange_response *out;
    struct flux_error err;
    int r = flux_collective_exchange_result(f, &out, &err);

    if (may_pass(r)) {
        try_again(p);
        return;
    }
    for (size_t i = 0; r == 0 && i < out->n_parts; i++)
        if (out->parts[i]->rank != p->sh->start->broker_rank)
            r = flux_pmi_server_merge(p->server, out->parts[i]->data.data, out->parts[i]->data.len,
                                      &err);
    exchanged(p, r, &err);
}

static struct flux_future *enter(struct pmi *p, struct flux *h, unsigned number,
                                 const struct flux_buf *part)
{
    flux_collective_exchange_request in = FLUX_COLLECTIVE_EXCHANGE_REQUEST_INIT;
    FLUX_AUTO_STR name = flux_printf("pmi.%s.%u", p->kvsname, number);
    FLUX_AUTO_STR ranks = participants(p->sh);

    in.name = name;
    in.ranks = ranks;
    in.data.data = (uint8_t *)part->data;
    in.data.len = part->len;
    in.local = 1;
    in.persistent = true;
    return flux_collective_exchange_async(h, FLUX_RANK(p->sh->start->broker_rank), &in);
}

static void on_offered(struct flux_future *f, void *arg)
{
    struct pmi *p = arg;
    int r = flux_collective_exchange_result(f, NULL, NULL);

    flux_future_free(FLUX_GIVE(p->offer));
    make_timers(p);
    if (may_pass(r))
        uv_timer_start(&p->retry, on_retry, RETRY_MS, 0);
    else
        p->offering = false;
}

static void offer(struct pmi *p)
{
    struct flux *h = flux_shell_handle(p->sh);

    if (!h)
        return;
    p->offer = enter(p, h, p->offered_number, &p->offered);
    flux_future_then(p->offer, on_offered, p);
}

/* Our broker was lost, perhaps as all were: with rank 0, which may have had a result on its way
 * down that has come to us, and not to all. */
static void on_reconnect(struct flux *h, void *arg)
{
    struct pmi *p = arg;

    if (p->offered_number && flux_monotime() - p->offered_at < OFFER_SECONDS)
        p->offering = true;
    if (p->offering && !p->offer)
        offer(p);
}

static void exchange(struct pmi *p)
{
    struct flux *h = flux_shell_handle(p->sh);
    struct flux_error err;

    if (!h && p->sh->start->local_uri[0]) { /* our own broker is not back yet */
        try_again(p);
        return;
    }
    if (!h) {
        flux_error_set(&err, -ENOENT, "there is no broker");
        exchanged(p, -ENOENT, &err);
        return;
    }
    flux_on_reconnect(h, on_reconnect, p);
    p->exchange = enter(p, h, p->barriers, &p->dirty);
    flux_future_then(p->exchange, on_exchanged, p);
}

static void on_barrier(void *arg)
{
    struct pmi *p = arg;

    p->barriers++;
    p->dirty.max = 256u << 20;
    if (flux_pmi_server_take_dirty(p->server, &p->dirty) < 0 || p->sh->nlocal == p->sh->ntasks) {
        bool good = p->dirty.failed == 0;
        flux_buf_done(&p->dirty);
        flux_pmi_server_release(p->server, good);
        return;
    }
    exchange(p);
}

static void on_abort(void *arg, unsigned task, int code, const char *text)
{
    struct pmi *p = arg;

    if (code > p->sh->exit_code && code < 256)
        p->sh->exit_code = code;
    flux_shell_raise(p->sh, "MPI_Abort: task %u: %s", p->sh->tasks[task].rank, text);
}

static void on_trace(void *arg, unsigned task, bool answer, const char *line, size_t len)
{
    struct pmi *p = arg;

    flux_shell_log(p->sh, FLUX_SHELL_TRACE, "pmi", "%u: %c: %.*s", p->sh->tasks[task].rank,
                   answer ? 'S' : 'C', (int)len, line);
}

static void preset(struct pmi *p)
{
    struct flux_shell *sh = p->sh;
    FLUX_AUTO_STR map = flux_taskmap_encode(sh->map, FLUX_TASKMAP_JSON);
    FLUX_AUTO_STR vector = flux_taskmap_encode(sh->map, FLUX_TASKMAP_PMI);
    char level[16];

    snprintf(level, sizeof(level), "%u", sh->start->instance_level);
    flux_pmi_server_put(p->server, "flux.instance-level", level, NULL);
    if (map && strlen(map) < FLUX_PMI_VALUE_MAX)
        flux_pmi_server_put(p->server, "flux.taskmap", map, NULL);
    if (vector && strlen(vector) < FLUX_PMI_VALUE_MAX &&
        !flux_shell_option_on(sh, "pmi-simple.nomap", false))
        flux_pmi_server_put(p->server, "PMI_process_mapping", vector, NULL);
    if (sh->start->interface_hint[0])
        flux_pmi_server_put(p->server, "flux.tbon-interface-hint", sh->start->interface_hint, NULL);
}

static void make_server(struct pmi *p)
{
    struct flux_pmi_server_conf conf = {
        .kvsname = p->kvsname,
        .size = p->sh->ntasks,
        .local = p->sh->nlocal,
        .arg = p,
        .send = on_send,
        .barrier = on_barrier,
        .abort = on_abort,
        .trace = p->sh->verbose > 1 ? on_trace : NULL,
    };

    p->server = flux_pmi_server_new(&conf);
    preset(p);
}

/* --- the sockets --- */

static void end_close(struct endpoint *e)
{
    if (e->fd < 0)
        return;
    uv_poll_stop(&e->poll);
    uv_close((uv_handle_t *)&e->poll, NULL);
    close(e->fd);
    e->fd = -1;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct endpoint *e = poll->data;
    struct pmi *p = e->pmi;
    unsigned rank = p->sh->tasks[e->index].rank;
    struct flux_error err = {""};
    char data[4096];
    ssize_t n = recv(e->fd, data, sizeof(data), MSG_DONTWAIT);
    int r;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (!p->server && n > 0)
        make_server(p);
    if (n > 0)
        r = flux_pmi_server_input(p->server, e->index, data, n, &err);
    else
        r = p->server ? flux_pmi_server_eof(p->server, e->index, &err) : 0;
    if (n <= 0 || r != 0)
        end_close(e);
    /* That a task was told to end is why it has not finalized: nothing to tell. */
    if (r < 0 && !(n <= 0 && p->sh->ending))
        flux_shell_raise(p->sh, "task %u: %s", rank, err.text);
}

static int task_init(struct flux_shell *sh, struct flux_shell_task *t, void **data,
                     struct flux_error *err)
{
    struct pmi *p = *data;
    struct endpoint *e;
    int fd[2];

    if (!p)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
        return flux_error_sys(err, -errno, "socketpair");
    e = &p->ends[t->index];
    e->fd = fd[0];
    if (uv_poll_init(&sh->loop, &e->poll, e->fd) < 0)
        return flux_error_set(err, -EIO, "cannot watch a socket");
    e->poll.data = e;
    uv_poll_start(&e->poll, UV_READABLE, on_readable);
    flux_shell_task_pass_fd(t, fd[1]);
    flux_shell_task_setenv(t, "PMI_FD", "%d", fd[1]);
    flux_shell_task_setenv(t, "PMI_RANK", "%u", t->rank);
    return 0;
}

static void finish(struct flux_shell *sh, void **data)
{
    struct pmi *p = *data;

    for (unsigned i = 0; p && i < sh->nlocal; i++)
        end_close(&p->ends[i]);
    if (p) {
        flux_future_free(FLUX_GIVE(p->exchange));
        stop_offering(p);
        p->offered_number = 0;
    }
    if (p && p->timers) {
        uv_close((uv_handle_t *)&p->retry, NULL);
        uv_close((uv_handle_t *)&p->limit, NULL);
        p->timers = false;
    }
}

static void done(struct flux_shell *sh, void **data)
{
    struct pmi *p = *data;

    if (!p)
        return;
    flux_pmi_server_free(p->server);
    flux_buf_done(&p->dirty);
    flux_buf_done(&p->offered);
    free(p->ends);
    free(p);
}

const struct flux_shell_plugin shell_plugin_pmi = {
    .api = FLUX_SHELL_API,
    .name = "pmi",
    .init = init,
    .task_init = task_init,
    .finish = finish,
    .exit = done,
};
