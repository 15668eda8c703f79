// SPDX-License-Identifier: LGPL-3.0-only
/* flux exec: run a command on brokers' nodes, with its standard streams. */
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <flux/v1/config_rpc.h>

#include "exec/exec.h"
#include "handle.h"
#include "verb.h"

#define CREDIT (1u << 20) /* bytes of output on the way to us */
#define EXIT_NO_HOST 68
#define INTERRUPT_AGAIN 2. /* seconds within which a second ^C gives up waiting */

extern char **environ;

static const struct flux_option options[] = {
    {"rank", 'r', OPT_STR, "IDSET", "Run on these ranks only (default: all)"},
    {"exclude", 'x', OPT_STR, "IDSET", "Do not run on these ranks"},
    {"dir", 'd', OPT_STR, "PATH", "Working directory of the command (default: the present one)"},
    {"label-io", 'l', OPT_FLAG, NULL, "Put the rank before each line of output"},
    {"noinput", 'n', OPT_FLAG, NULL, "Standard input is /dev/null"},
    {"verbose", 'v', OPT_LEVEL, "LEVEL", "Tell who has started and ended, and when"},
    {"quiet", 'q', OPT_FLAG, NULL, "Do not tell of exit codes other than 0"},
    {"bg", 0, OPT_FLAG, NULL, "Leave it running; return once it has started"},
    {"label", 0, OPT_STR, "NAME", "Name it, for flux sproc"},
    {"with-imp", 0, OPT_FLAG, NULL, "Run it through flux-imp run"},
    {NULL},
};

struct session {
    struct cli *cli;
    struct flux *h;
    bool quiet, background;
    int verbose;
    double began;
    struct flux_idset *ranks;   /* asked for */
    struct flux_idset *running; /* of these, not ended */
    struct flux_idset *started;
    char *label;
    struct exec_output *output;
    struct exec_input *input;
    struct flux_future *call;
    uv_signal_t signals[3];
    double interrupted; /* when last, or 0 */
    int code;
};

static void worse(struct session *s, int code)
{
    if (code > s->code)
        s->code = code;
}

static void say(struct session *s, int level, const char *fmt, const char *ranks)
{
    if (s->verbose < level)
        return;
    fprintf(stderr, "%.3fs: ", flux_monotime() - s->began);
    fprintf(stderr, fmt, ranks);
    fputc('\n', stderr);
}

/* "[0,2-3]: Exit 1", "[1]: Killed" */
static void tell_exit(struct session *s, const char *ranks, int status)
{
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

    worse(s, code);
    if (code == 0 || s->quiet)
        return;
    exec_output_flush(s->output);
    if (WIFSIGNALED(status))
        fprintf(stderr, "[%s]: %s\n", ranks, strsignal(WTERMSIG(status)));
    else
        fprintf(stderr, "[%s]: Exit %d\n", ranks, code);
}

static void tell_failure(struct session *s, const flux_exec_failure *f)
{
    exec_output_flush(s->output);
    cli_warn(s->cli, "Error: %s", f->text);
    if (f->errnum == EHOSTUNREACH)
        worse(s, EXIT_NO_HOST);
    else
        worse(s, f->errnum == ENOENT ? 127 : f->errnum == EACCES || f->errnum == EPERM ? 126 : 1);
}

static void remove_ranks(struct flux_idset *set, const char *ranks)
{
    FLUX_AUTO(idset) gone = NULL;

    if (flux_idset_decode(ranks, &gone, NULL) == 0)
        flux_idset_remove_set(set, gone);
}

static void take_progress(struct session *s, const flux_exec_run_response *item)
{
    FLUX_AUTO(idset) more = NULL;

    if (item->started[0] && flux_idset_decode(item->started, &more, NULL) == 0) {
        flux_idset_add_set(s->started, more);
        say(s, 1, "started on rank %s", item->started);
    }
    for (size_t i = 0; i < item->n_exits; i++) {
        say(s, 1, "ended on rank %s", item->exits[i]->ranks);
        tell_exit(s, item->exits[i]->ranks, item->exits[i]->status);
        remove_ranks(s->running, item->exits[i]->ranks);
    }
    for (size_t i = 0; i < item->n_failures; i++) {
        tell_failure(s, item->failures[i]);
        remove_ranks(s->running, item->failures[i]->ranks);
    }
}

static void on_item(struct flux_future *f, void *arg)
{
    struct session *s = arg;
    const flux_exec_run_response *item;
    struct flux_error err;
    int r = flux_exec_run_result(f, &item, &err);

    if (r == -ENODATA) {
        flux_stop(s->h);
        return;
    }
    if (r < 0) {
        worse(s, cli_fail(s->cli, "%s", err.text));
        flux_stop(s->h);
        return;
    }
    for (size_t i = 0; i < item->n_output; i++)
        exec_output_write(s->output, item->output[i]);
    if (item->n_output > 0)
        exec_output_flush(s->output);
    flux_future_credit(f, flux_future_size(f));
    take_progress(s, item);
    if (s->background && flux_idset_is_subset(s->running, s->started))
        flux_stop(s->h);
}

/* --- signals --- */

static void on_signal(uv_signal_t *handle, int signum)
{
    struct session *s = handle->data;
    flux_exec_run_kill_request in = FLUX_EXEC_RUN_KILL_REQUEST_INIT;
    struct flux_to to = FLUX_RANK(0);
    double now = flux_monotime();

    if (signum == SIGINT && s->interrupted > 0 && now - s->interrupted < INTERRUPT_AGAIN) {
        worse(s, 128 + SIGINT); /* the call ends with us: they are killed */
        flux_stop(s->h);
        return;
    }
    if (signum == SIGINT) {
        s->interrupted = now;
        cli_warn(s->cli, "sending SIGINT to %zu processes; again within 2 s to give up",
                 flux_idset_count(s->running));
    }
    in.label = s->label;
    in.signum = signum;
    to.no_answer = true;
    flux_exec_run_kill_async(s->h, to, &in);
}

static void watch_signals(struct session *s)
{
    static const int which[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(which); i++) {
        uv_signal_init(flux_loop(s->h), &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, which[i]);
        uv_unref((uv_handle_t *)&s->signals[i]);
    }
}

/* --- what to run, and where --- */

static int choose_ranks(struct session *s)
{
    const char *want = cli_str(s->cli, "rank", "all"), *not = cli_str(s->cli, "exclude", NULL);
    uint32_t size = flux_size(s->h);
    struct flux_error err;

    if (strcmp(want, "all") == 0) {
        s->ranks = flux_idset_new();
        flux_idset_add_range(s->ranks, 0, size - 1);
    } else if (flux_idset_decode(want, &s->ranks, &err) < 0) {
        return cli_misused(s->cli, "--rank: %s", err.text);
    }
    if (not ) {
        FLUX_AUTO(idset) out = NULL;
        if (flux_idset_decode(not, &out, &err) < 0)
            return cli_misused(s->cli, "--exclude: %s", err.text);
        flux_idset_remove_set(s->ranks, out);
    }
    if (flux_idset_empty(s->ranks))
        return cli_fail(s->cli, "No ranks to run on");
    if (flux_idset_last(s->ranks) >= size) {
        FLUX_AUTO(idset) none = flux_idset_copy(s->ranks);
        flux_idset_remove_range(none, 0, size - 1);
        flux_idset_remove_set(s->ranks, none);
        FLUX_AUTO_STR text = flux_idset_encode(none, FLUX_IDSET_RANGE);
        cli_warn(s->cli, "Error: rank %s: No such rank (the instance has %u)", text, size);
        worse(s, EXIT_NO_HOST);
    }
    return 0;
}

/* --label, or one of our own so that input and signals find the processes. */
static void choose_label(struct session *s)
{
    const char *given = cli_str(s->cli, "label", NULL);
    uint64_t random[2] = {getpid(), 0};

    if (!given && getrandom(random, sizeof(random), 0) < 0)
        random[1] = flux_monotime() * 1e9;
    s->label = given ? flux_strdup(given)
                     : flux_printf("exec-%016llx%016llx", (unsigned long long)random[0],
                                   (unsigned long long)random[1]);
}

/* Ours, but what says where a broker or job is: that is each broker's own. */
static const char **choose_env(size_t *n)
{
    size_t have = 0;
    const char **out;

    while (environ[have])
        have++;
    out = flux_realloc(NULL, have + 1, sizeof(*out));
    *n = 0;
    for (size_t i = 0; i < have; i++) {
        if (strncmp(environ[i], "FLUX_URI=", 9) != 0 && strncmp(environ[i], "FLUX_PROXY_", 11) != 0)
            out[(*n)++] = environ[i];
    }
    return out;
}

static char *imp_path(struct session *s, struct flux_error *err)
{
    flux_config_get_request in = FLUX_CONFIG_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_config_get_response) out = NULL;
    json_t *o;
    char *path;

    in.key = "exec.imp";
    if (flux_config_get(s->h, FLUX_ANY, &in, &out, err) < 0)
        return NULL;
    o = json_loads(out->json, JSON_DECODE_ANY, NULL);
    path = flux_strdup(json_string_value(o));
    json_decref(o);
    if (!path)
        flux_error_set(err, -EINVAL, "exec.imp is not a string");
    return path;
}

static const char **choose_argv(struct session *s, const char *imp, size_t *n)
{
    const char **argv = flux_realloc(NULL, s->cli->argc + 3, sizeof(*argv));

    *n = 0;
    if (imp) {
        argv[(*n)++] = imp;
        argv[(*n)++] = "run";
    }
    for (int i = 0; i < s->cli->argc; i++)
        argv[(*n)++] = s->cli->argv[i];
    return argv;
}

static int send_call(struct session *s)
{
    flux_exec_run_request in = FLUX_EXEC_RUN_REQUEST_INIT;
    struct flux_to to = FLUX_RANK(0);
    FLUX_AUTO_STR imp = NULL;
    FLUX_AUTO_STR here = getcwd(NULL, 0);
    FLUX_AUTO_STR ranks = flux_idset_encode(s->ranks, FLUX_IDSET_RANGE);
    struct flux_error err;

    if (cli_has(s->cli, "with-imp") && !(imp = imp_path(s, &err)))
        return cli_fail(s->cli, "--with-imp: %s", err.text);
    FLUX_AUTO_MEM(const char *) argv = choose_argv(s, imp, &in.n_argv);
    FLUX_AUTO_MEM(const char *) env = choose_env(&in.n_environment);
    in.ranks = ranks;
    in.argv = argv;
    in.environment = env;
    in.clear_environment = true;
    in.cwd = cli_str(s->cli, "dir", here ? here : "/");
    in.label = s->label;
    in.background = s->background;
    in.stdin = !s->background && !cli_has(s->cli, "noinput");
    to.credit = CREDIT;
    s->call = flux_exec_run_stream(s->h, to, &in);
    flux_future_then(s->call, on_item, s);
    if (in.stdin)
        s->input = exec_input_new(s->h, s->label);
    return 0;
}

static int session_run(struct session *s)
{
    FLUX_AUTO_STR ranks = NULL;
    int r = choose_ranks(s);

    if (r != 0)
        return r;
    if (flux_idset_empty(s->ranks))
        return s->code;
    s->running = flux_idset_copy(s->ranks);
    s->started = flux_idset_new();
    choose_label(s);
    s->output = exec_output_new(cli_has(s->cli, "label-io"), flux_idset_count(s->ranks) > 1);
    ranks = flux_idset_encode(s->ranks, FLUX_IDSET_RANGE);
    say(s, 1, "starting on rank %s", ranks);
    r = send_call(s);
    if (r != 0)
        return r;
    watch_signals(s);
    flux_run(s->h);
    return s->code;
}

static void close_signal(uv_signal_t *handle)
{
    if (handle->data)
        uv_close((uv_handle_t *)handle, NULL);
}

static void session_done(struct session *s)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(s->signals); i++)
        close_signal(&s->signals[i]);
    exec_input_free(s->input);
    flux_future_free(s->call);
    uv_run(flux_loop(s->h), UV_RUN_NOWAIT); /* the cancellation, and the closing of handles */
    if (s->output)
        exec_output_free(s->output);
    if (s->ranks)
        flux_idset_free(s->ranks);
    if (s->running)
        flux_idset_free(s->running);
    if (s->started)
        flux_idset_free(s->started);
    free(s->label);
}

static int run(struct cli *cli)
{
    struct session s = {.cli = cli, .began = flux_monotime()};
    int code;

    if (cli->argc == 0)
        return cli_misused(cli, "there is no command to run");
    s.quiet = cli_has(cli, "quiet");
    s.verbose = cli_count(cli, "verbose");
    s.background = cli_has(cli, "bg");
    s.h = cli_handle(cli);
    code = session_run(&s);
    session_done(&s);
    return code;
}

const struct flux_verb verb_exec = {
    .path = "exec",
    .args = "COMMAND...",
    .summary = "Execute processes across flux ranks",
    .options = {options},
    .stop_at_free = true,
    .run = run,
};
