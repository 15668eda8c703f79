// SPDX-License-Identifier: LGPL-3.0-only
/* Job shells. A struct shell is a process of this rank; a struct start is a Start or Attach call
 * that covers ranks from here down. A shell outlives the call that started it: without one it goes
 * on, and its end is kept until an Attach asks for it. */
#include <signal.h>
#include <unistd.h>
#include <utlist.h>

#include <flux/cpus.h>
#include <flux/fluid.h>
#include <flux/v1/shell.h>

#include "exec.h"

#define SHELLS_ENDED_MAX 16384 /* kept for an Attach; the oldest go first */

struct shell {
    struct local l; /* first */
    uint64_t id;
    uint32_t attempt;
    bool running; /* told to have started */
    bool ended;   /* `exit` and spawn_id are valid */
    struct spawn_exit exit;
    uint64_t spawn_id;
    int imp_log;         /* what the IMP and the shell say on standard error; -1: unknown */
    char *cgroup;        /* directory, or NULL */
    char *refusal;       /* the IMP's, when it ended without starting anything */
    struct start *start; /* who is told, or NULL */
    UT_hash_handle hh;
};

struct start {
    struct fan fan; /* first */
    struct exec *exec;
    struct job_starts *of;
    uint64_t id;
    bool held;                              /* the local part waits for the reconciliation */
    const flux_exec_start_request *request; /* of a Start call; lives as long as the call */
    const flux_exec_attach_request *attach; /* of an Attach call */
    struct shell *shell;                    /* the local part, once there is one */
    struct start *next, *prev;
};

/* Several, for different ranks, once some were lost and have come back. */
struct job_starts {
    uint64_t id;
    struct start *list;
    UT_hash_handle hh;
};

static struct shell *shell_find(struct exec *x, uint64_t id)
{
    struct shell *s;

    HASH_FIND(hh, x->shells, &id, sizeof(id), s);
    return s;
}

static struct job_starts *starts_find(struct exec *x, uint64_t id)
{
    struct job_starts *of;

    HASH_FIND(hh, x->starts, &id, sizeof(id), of);
    return of;
}

static void start_add(struct exec *x, struct start *st)
{
    struct job_starts *of = starts_find(x, st->id);

    if (!of) {
        of = flux_alloc(sizeof(*of));
        of->id = st->id;
        HASH_ADD(hh, x->starts, id, sizeof(of->id), of);
    }
    st->of = of;
    DL_APPEND(of->list, st);
}

static void start_free(struct start *st)
{
    struct job_starts *of = st->of;

    if (st->shell)
        st->shell->start = NULL;
    DL_DELETE(of->list, st);
    if (!of->list) {
        HASH_DELETE(hh, st->exec->starts, of);
        free(of);
    }
    free(st);
}

static void shell_free(struct shell *s)
{
    struct exec *x = s->l.exec;

    if (s->start)
        s->start->shell = NULL;
    if (s->ended)
        x->shells_ended--;
    HASH_DELETE(hh, x->shells, s);
    local_done(&s->l);
    if (s->imp_log >= 0)
        close(s->imp_log);
    if (s->ended) /* else it runs, or the helper is about to start it */
        cgroup_clear(s->cgroup);
    free(s->cgroup);
    free(s->refusal);
    free(s);
}

/* Tell the caller how it ended; then nobody needs it any more. */
static void shell_tell_end(struct shell *s)
{
    struct exec *x = s->l.exec;
    struct fan *f = &s->start->fan;

    if (s->exit.lost) {
        fan_local_failed(f, x->rank, EOWNERDEAD, "lost on %s (rank %u): its spawn helper died",
                         x->hostname, x->rank);
    } else if (s->refusal) {
        fan_local_failed(f, x->rank, EPERM, "%s (rank %u): %s", x->hostname, x->rank, s->refusal);
    } else {
        fan_local_exited(f, x->rank, s->exit.status);
    }
    spawn_client_ack(x->spawn, s->spawn_id);
    shell_free(s);
}

static void shell_keep_end(struct exec *x)
{
    struct shell *s, *tmp;

    if (++x->shells_ended <= SHELLS_ENDED_MAX)
        return;
    HASH_ITER (hh, x->shells, s, tmp) { /* in order of addition */
        if (s->ended) {
            shell_free(s);
            return;
        }
    }
}

static void on_started(struct local *l, int r, const char *why)
{
    struct shell *s = (struct shell *)l;
    struct exec *x = l->exec;

    if (r == 0) {
        s->running = true;
        if (s->start)
            fan_local_started(&s->start->fan, x->rank);
        return;
    }
    if (s->start)
        fan_local_failed(&s->start->fan, x->rank, -r, "%s (rank %u): %s", x->hostname, x->rank,
                         why);
    cgroup_remove(s->cgroup);
    shell_free(s);
}

static void on_exited(struct local *l, uint64_t spawn_id, const struct spawn_exit *e)
{
    struct shell *s = (struct shell *)l;
    struct exec *x = l->exec;

    s->ended = true;
    s->exit = *e;
    s->spawn_id = spawn_id;
    s->refusal = imp_read_log(x, s->id, s->imp_log);
    shell_keep_end(x);
    if (s->start)
        shell_tell_end(s);
    reconcile_check(x);
}

static const struct local_ops shell_ops = {.started = on_started, .exited = on_exited};

static struct shell *shell_new(struct exec *x, uint64_t id, uint32_t userid, uint32_t attempt)
{
    struct shell *s = flux_alloc(sizeof(*s));

    s->l.exec = x;
    s->l.ops = &shell_ops;
    s->l.id = s->id = id;
    s->l.userid = userid;
    s->attempt = attempt;
    s->imp_log = -1;
    HASH_ADD(hh, x->shells, id, sizeof(s->id), s);
    return s;
}

struct local *shell_found(struct exec *x, const Flux__V1__SpawnCookie *cookie,
                          const struct spawn_found *f)
{
    struct shell *s = shell_find(x, cookie->id);

    if (s && s->attempt > cookie->attempt)
        return NULL; /* an earlier try, ended */
    if (s) {         /* its control group is now that of the later try */
        free(s->cgroup);
        s->cgroup = NULL;
        shell_free(s);
    }
    s = shell_new(x, cookie->id, cookie->userid, cookie->attempt);
    s->running = true;
    s->cgroup = cgroup_path(x->cgroup, s->id);
    s->l.imp = cookie->imp;
    s->l.command = flux_strdup(cookie->command);
    if (!f->exit)
        return &s->l;
    s->ended = true;
    s->exit = *f->exit;
    s->spawn_id = f->id;
    shell_keep_end(x);
    return NULL;
}

size_t shell_list(struct exec *x, uint64_t **ids)
{
    struct shell *s, *tmp;
    size_t n = 0;

    *ids = flux_alloc((HASH_COUNT(x->shells) + 1) * sizeof(**ids));
    HASH_ITER (hh, x->shells, s, tmp)
        (*ids)[n++] = s->id;
    return n;
}

bool shell_discard(struct exec *x, uint64_t id)
{
    struct shell *s = shell_find(x, id);

    if (!s || s->start)
        return false;
    if (s->ended) {
        spawn_client_ack(x->spawn, s->spawn_id);
        shell_free(s);
        return false;
    }
    local_kill(&s->l, SIGKILL, true);
    return true;
}

void shell_free_all(struct exec *x)
{
    struct shell *s, *tmp;

    while (x->starts) { /* to the caller it is the same as a crash: somebody may come back */
        struct start *st = x->starts->list;
        struct flux_call *call = st->fan.call;
        fan_cancel(&st->fan);
        start_free(st);
        flux_call_error(call, EHOSTUNREACH, "the broker of rank %u is going down", x->rank);
    }
    HASH_ITER (hh, x->shells, s, tmp)
        shell_free(s);
}

/* --- starting one --- */

/* Looked up once for all shells: on a large node that takes a while. */
static const char *core_units(struct exec *x)
{
    FLUX_AUTO(cpus) cpus = NULL;

    if (!x->core_units) {
        cpus = flux_cpus_read(NULL, NULL);
        x->core_units = cpus ? flux_cpus_encode(cpus) : flux_strdup("");
    }
    return x->core_units;
}

/* The common part as it came, then what is this rank's own: fields of one message can follow each
 * other in any number of pieces. */
static uint8_t *make_document(struct exec *x, const flux_exec_start_request *in, size_t *len)
{
    flux_shell_start own = FLUX_SHELL_START_INIT;
    size_t n;
    uint8_t *doc;

    own.broker_rank = x->rank;
    own.local_uri = x->local_uri;
    own.rundir = x->rundir;
    own.hostname = x->hostname;
    own.core_units = core_units(x);
    n = protobuf_c_message_get_packed_size(&own.base);
    doc = flux_alloc(in->start.len + n + 1);
    if (in->start.len > 0)
        memcpy(doc, in->start.data, in->start.len);
    protobuf_c_message_pack(&own.base, doc + in->start.len);
    *len = in->start.len + n;
    return doc;
}

static const char **make_env(struct exec *x, const flux_exec_start_request *in, char **uri)
{
    const char **env = flux_realloc(NULL, in->n_environment + 2, sizeof(*env));
    size_t n = 0;

    for (size_t i = 0; i < in->n_environment; i++)
        env[n++] = in->environment[i];
    *uri = flux_printf("FLUX_URI=%s", x->local_uri);
    if (x->local_uri[0])
        env[n++] = *uri;
    env[n] = NULL;
    return env;
}

static int shell_spawn(struct exec *x, struct shell *s, const flux_exec_start_request *in,
                       struct flux_error *err)
{
    const char *shell = in->shell[0] ? in->shell : x->default_shell;
    const char *id = flux_fluid_f58(in->id);
    const char *plain[] = {shell, id, NULL};
    const char *through_imp[] = {in->imp, "exec", shell, id, NULL};
    FLUX_AUTO_STR uri = NULL;
    FLUX_AUTO_MEM(const char *) env = make_env(x, in, &uri);
    struct spawn_fd fds[] = {{0, SPAWN_NULL, -1}, {1, SPAWN_INHERIT, -1}, {2, SPAWN_INHERIT, -1}};
    struct spawn_request req = {.argv = in->imp[0] ? through_imp : plain,
                                .env = env,
                                .inherit_env = true,
                                .session = true,
                                .fds = fds,
                                .nfds = FLUX_ARRAY_SIZE(fds)};

    if (in->imp[0]) {
        fds[0] = (struct spawn_fd){0, SPAWN_GIVEN, imp_make_input(in->j)};
        if (fds[0].fd < 0)
            return flux_error_sys(err, fds[0].fd, "cannot hand the job to the IMP");
        fds[2] = (struct spawn_fd){2, SPAWN_GIVEN, imp_make_log(&s->imp_log)};
        if (fds[2].fd < 0) {
            close(fds[0].fd);
            return flux_error_sys(err, fds[2].fd, "cannot hand the job to the IMP");
        }
        fds[1].source =
            SPAWN_NULL; /* ours may be the journal's: not for another user to write to */
        s->l.imp = true;
    }
    req.cgroup = s->cgroup = cgroup_make(x->cgroup, in->id);
    FLUX_AUTO_MEM(uint8_t) doc = make_document(x, in, &req.document_len);
    req.document = doc;
    s->l.command = flux_strdup(shell);
    return local_spawn(&s->l, &req, in->attempt, err);
}

static void local_start(struct start *st)
{
    const flux_exec_start_request *in = st->request;
    struct exec *x = st->exec;
    struct shell *s = shell_find(x, st->id);
    struct flux_error err;
    int r;

    if (in->userid != flux_owner(x->h) && (!in->imp[0] || !in->j[0])) {
        fan_local_failed(&st->fan, x->rank, EPERM, "%s",
                         in->imp[0] ? "the signed request of the job is missing"
                                    : "another user's job runs through the IMP only");
        return;
    }
    if (!s && in->maybe_started > spawn_client_helper_age(x->spawn)) {
        fan_local_failed(
            &st->fan, x->rank, ESTALE,
            "%s (rank %u) has been restarted: it is not known whether job %s ran there",
            x->hostname, x->rank, flux_fluid_f58(st->id));
        return;
    }
    if (s && (!s->ended || s->attempt >= in->attempt)) {
        fan_local_failed(&st->fan, x->rank, EEXIST, "job %s was started on %s (rank %u) before",
                         flux_fluid_f58(st->id), x->hostname, x->rank);
        return;
    }
    if (s)
        shell_free(s);
    s = shell_new(x, st->id, in->userid, in->attempt);
    r = shell_spawn(x, s, in, &err);
    if (r < 0) {
        fan_local_failed(&st->fan, x->rank, -r, "%s", err.text);
        cgroup_remove(s->cgroup);
        shell_free(s);
        return;
    }
    s->start = st;
    st->shell = s;
}

static void local_attach(struct start *st)
{
    struct exec *x = st->exec;
    struct shell *s = shell_find(x, st->id);

    if (!s) {
        fan_local_failed(&st->fan, x->rank, ENOENT, "%s (rank %u) knows of no shell of job %s",
                         x->hostname, x->rank, flux_fluid_f58(st->id));
        return;
    }
    if (s->start) {
        fan_local_failed(&st->fan, x->rank, EBUSY,
                         "job %s on %s (rank %u): another call for it is open",
                         flux_fluid_f58(st->id), x->hostname, x->rank);
        return;
    }
    s->start = st;
    st->shell = s;
    if (s->running)
        fan_local_started(&st->fan, x->rank);
    if (s->ended)
        shell_tell_end(s);
}

static void local_part(struct start *st)
{
    st->held = st->request && st->exec->reconcile;
    if (st->held)
        return;
    if (st->request)
        local_start(st);
    else
        local_attach(st);
}

void shell_start_held(struct exec *x)
{
    struct job_starts *of, *tmp;
    struct start *st;

    HASH_ITER (hh, x->starts, of, tmp) {
        DL_FOREACH(of->list, st)
        {
            if (st->held)
                local_part(st);
        }
    }
}

/* --- the call --- */

static struct flux_future *call_child(struct fan *f, uint32_t child, const char *ranks)
{
    struct start *st = (struct start *)f;

    if (st->request) {
        flux_exec_start_request in = *st->request;
        in.ranks = ranks;
        return flux_exec_start_stream(st->exec->h, FLUX_RANK(child), &in);
    }
    flux_exec_attach_request in = *st->attach;
    in.ranks = ranks;
    return flux_exec_attach_stream(st->exec->h, FLUX_RANK(child), &in);
}

static int take_item(struct fan *f, struct fan_child *c, struct flux_error *err)
{
    struct start *st = (struct start *)f;
    const flux_exec_start_response *item = NULL;
    int r;

    if (st->request) {
        r = flux_exec_start_result(c->future, &item, err);
    } else {
        const flux_exec_attach_response *wrapped;
        r = flux_exec_attach_result(c->future, &wrapped, err);
        item = r == 0 ? wrapped->progress : NULL;
    }
    if (r < 0 || !item)
        return r;
    struct fan_items items = {.started = item->started,
                              .n_exits = item->n_exits,
                              .exits = item->exits,
                              .n_failures = item->n_failures,
                              .failures = item->failures};
    fan_merge(f, c, &items);
    return 0;
}

static enum fan_sent send_items(struct fan *f, const struct fan_items *items)
{
    struct start *st = (struct start *)f;
    flux_exec_start_response out = FLUX_EXEC_START_RESPONSE_INIT;
    flux_exec_attach_response wrapped = FLUX_EXEC_ATTACH_RESPONSE_INIT;

    if (!items->started[0] && items->n_exits + items->n_failures == 0)
        return FAN_SENT_ALL;
    out.started = items->started;
    out.n_exits = items->n_exits;
    out.exits = items->exits;
    out.n_failures = items->n_failures;
    out.failures = items->failures;
    wrapped.progress = &out;
    if (st->request)
        flux_exec_start_send(f->call, &out);
    else
        flux_exec_attach_send(f->call, &wrapped);
    return FAN_SENT_ALL;
}

static void start_end(struct fan *f)
{
    start_free((struct start *)f);
}

static void start_gone(struct fan *f)
{
    fan_cancel(f);
    start_end(f);
}

static const struct fan_ops start_ops = {.gathers = true,
                                         .call_child = call_child,
                                         .take_item = take_item,
                                         .send = send_items,
                                         .end = start_end,
                                         .gone = start_gone};

static int start_begin(struct flux_call *call, struct start *st, uint64_t id, const char *ranks)
{
    struct exec *x = flux_call_data(call);
    int r;

    st->exec = x;
    st->id = id;
    st->fan.hosts = x->hosts;
    r = fan_start(&st->fan, x->fans, &start_ops, call, ranks);
    if (r < 0) {
        free(st);
        return r;
    }
    start_add(x, st);
    if (st->fan.local_pending)
        local_part(st);
    return FLUX_CALL_LATER;
}

int exec_start(struct flux_call *call, const flux_exec_start_request *in)
{
    struct start *st = flux_alloc(sizeof(*st));

    st->request = in;
    return start_begin(call, st, in->id, in->ranks);
}

int exec_attach(struct flux_call *call, const flux_exec_attach_request *in)
{
    struct start *st = flux_alloc(sizeof(*st));

    st->attach = in;
    return start_begin(call, st, in->id, in->ranks);
}

/* --- signals --- */

static void kill_below(struct gather *g, const struct start *st, const flux_exec_kill_request *in,
                       const struct flux_idset *ranks)
{
    flux_exec_kill_request out = *in;

    for (size_t i = 0; i < st->fan.nchildren; i++) {
        struct flux_to to = FLUX_RANK(st->fan.children[i].rank);
        char *part = fan_child_part(&st->fan, i, ranks);
        if (!part)
            continue;
        out.ranks = part;
        gather_kill(g, flux_exec_kill_async(st->exec->h, to, &out), part);
    }
}

int exec_kill(struct flux_call *call, const flux_exec_kill_request *in,
              flux_exec_kill_response *out)
{
    struct exec *x = flux_call_data(call);
    struct job_starts *of = starts_find(x, in->id);
    struct shell *s = shell_find(x, in->id);
    FLUX_AUTO(idset) ranks = NULL;
    struct flux_error err;

    if (in->ranks[0] && flux_idset_decode(in->ranks, &ranks, &err) < 0)
        return flux_call_fail(call, EINVAL, "%s", err.text);
    if (!of && !s)
        return flux_call_fail(call, ENOENT, "no shell of job %s runs here or below",
                              flux_fluid_f58(in->id));
    struct gather *g = gather_new(call);
    if (s && !s->ended && (!ranks || flux_idset_contains(ranks, x->rank)))
        local_kill(&s->l, in->signum, in->group || in->signum == SIGKILL); /* not passed on */
    for (struct start *st = of ? of->list : NULL; st; st = st->next)
        kill_below(g, st, in, ranks);
    return gather_go(g);
}
