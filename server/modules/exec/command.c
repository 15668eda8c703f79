// SPDX-License-Identifier: LGPL-3.0-only
/* The process of a Run call on this rank. It has ended when its exit status is known and both of
 * its output pipes have; until then it is in the call's way, as with a remote shell. */
#include <signal.h>

#include "run.h"

static void command_free(struct command *c)
{
    if (c->run)
        c->run->command = NULL;
    stream_close(c->in);
    stream_close(c->out[0]);
    stream_close(c->out[1]);
    local_done(&c->l);
    free(c);
}

static void maybe_ended(struct command *c)
{
    struct exec *x = c->l.exec;
    struct run *run = c->run;

    if (!c->exited || (run && (c->out[0] || c->out[1])))
        return;
    if (run && c->exit.lost) {
        fan_local_failed(&run->fan, x->rank, EHOSTUNREACH,
                         "lost on %s (rank %u): its spawn helper died", x->hostname, x->rank);
    } else if (run) {
        fan_local_exited(&run->fan, x->rank, c->exit.status);
    }
    spawn_client_ack(x->spawn, c->spawn_id);
    command_free(c);
}

static void on_started(struct local *l, int r, const char *why)
{
    struct command *c = (struct command *)l;
    struct exec *x = l->exec;

    if (r == 0) {
        c->started = true;
        if (c->run)
            fan_local_started(&c->run->fan, x->rank);
        return;
    }
    if (c->run)
        fan_local_failed(&c->run->fan, x->rank, -r, "%s (rank %u): %s", x->hostname, x->rank, why);
    command_free(c);
}

static void on_exited(struct local *l, uint64_t spawn_id, const struct spawn_exit *e)
{
    struct command *c = (struct command *)l;

    c->exited = true;
    c->exit = *e;
    c->spawn_id = spawn_id;
    stream_close(c->in);
    c->in = NULL;
    maybe_ended(c);
}

static const struct local_ops command_ops = {.started = on_started, .exited = on_exited};

static struct command *command_new(struct exec *x)
{
    struct command *c = flux_alloc(sizeof(*c));

    c->l.exec = x;
    c->l.ops = &command_ops;
    return c;
}

struct local *command_found(struct exec *x, const Flux__V1__SpawnCookie *cookie)
{
    struct command *c = command_new(x);

    c->l.userid = cookie->userid;
    c->l.label = flux_strdup(cookie->label);
    c->l.command = flux_strdup(cookie->command);
    c->started = true;
    c->background = true;
    return &c->l;
}

static void take_output(struct command *c, unsigned i, uint8_t *data, size_t len)
{
    run_output(c->run, i + 1, data, len);
    if (data) {
        command_flow(c);
        return;
    }
    stream_close(c->out[i]);
    c->out[i] = NULL;
    maybe_ended(c);
}

static void on_stdout(void *owner, uint8_t *data, size_t len)
{
    take_output(owner, 0, data, len);
}

static void on_stderr(void *owner, uint8_t *data, size_t len)
{
    take_output(owner, 1, data, len);
}

void command_flow(struct command *c)
{
    bool on = run_can_take(c->run);

    stream_read(c->out[0], on);
    stream_read(c->out[1], on);
}

static char *join(const char *const *argv, size_t n)
{
    struct flux_buf b = FLUX_BUF_INIT(256);

    for (size_t i = 0; i < n && !b.failed; i++)
        flux_buf_printf(&b, "%s%s", i > 0 ? " " : "", argv[i]);
    return flux_buf_take(&b);
}

static const char **strings(const char *const *list, size_t n, const char *last)
{
    const char **out = flux_realloc(NULL, n + 2, sizeof(*out));
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        out[k++] = list[i];
    if (last)
        out[k++] = last;
    out[k] = NULL;
    return out;
}

static int command_spawn(struct command *c, const flux_exec_run_request *in, struct flux_error *err)
{
    struct exec *x = c->l.exec;
    enum spawn_source out = in->background ? SPAWN_INHERIT : SPAWN_WRITES;
    FLUX_AUTO_STR uri = x->local_uri[0] ? flux_printf("FLUX_URI=%s", x->local_uri) : NULL;
    FLUX_AUTO_MEM(const char *) argv = strings(in->argv, in->n_argv, NULL);
    FLUX_AUTO_MEM(const char *) env = strings(in->environment, in->n_environment, uri);
    struct spawn_fd fds[] = {
        {0, in->stdin ? SPAWN_READS : SPAWN_NULL, -1}, {1, out, -1}, {2, out, -1}};
    struct spawn_request req = {.argv = argv,
                                .env = env,
                                .inherit_env = !in->clear_environment,
                                .cwd = in->cwd[0] ? in->cwd : NULL,
                                .fds = fds,
                                .nfds = FLUX_ARRAY_SIZE(fds)};
    int r = local_spawn(&c->l, &req, 0, err);

    if (r < 0)
        return r;
    if (fds[0].fd >= 0)
        c->in = stream_open(flux_loop(x->h), fds[0].fd, NULL, c);
    if (!in->background) {
        c->out[0] = stream_open(flux_loop(x->h), fds[1].fd, on_stdout, c);
        c->out[1] = stream_open(flux_loop(x->h), fds[2].fd, on_stderr, c);
    }
    return 0;
}

/* A command that runs through the IMP is another user's: only the IMP can signal it. */
static bool is_imp(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash ? slash + 1 : path, "flux-imp") == 0;
}

void command_start(struct run *run)
{
    const flux_exec_run_request *in = run->request;
    struct exec *x = run->exec;
    struct command *c = command_new(x);
    struct flux_error err;
    int r;

    c->run = run;
    run->command = c;
    c->background = in->background;
    c->l.userid = flux_call_userid(run->fan.call);
    c->l.label = flux_strdup(in->label);
    c->l.command = join(in->argv, in->n_argv);
    c->l.imp = is_imp(in->argv[0]);
    r = command_spawn(c, in, &err);
    if (r < 0) {
        fan_local_failed(&run->fan, x->rank, -r, "%s", err.text);
        command_free(c);
        return;
    }
    command_flow(c);
}

void command_orphan(struct command *c)
{
    c->run = NULL;
    stream_close(c->in);
    stream_close(c->out[0]);
    stream_close(c->out[1]);
    c->in = c->out[0] = c->out[1] = NULL;
    if (!c->background)
        local_kill(&c->l, SIGKILL, true);
    maybe_ended(c);
}

void command_input(struct command *c, const void *data, size_t len, bool eof, stream_done_f done,
                   void *arg)
{
    if (!c->in) {
        done(arg);
        return;
    }
    if (len > 0)
        stream_write(c->in, data, len, done, arg);
    else
        done(arg);
    if (eof) {
        stream_finish(c->in);
        c->in = NULL;
    }
}
