// SPDX-License-Identifier: LGPL-3.0-only
/* flux-broker: options, then boot, then the loop until the state machine has come to its end. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <flux/paths.h>

#include "places.h"
#include "settings.h"

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},          {"verbose", no_argument, NULL, 'v'},
    {"setattr", required_argument, NULL, 'S'}, {"config-path", required_argument, NULL, 'c'},
    {"conf", required_argument, NULL, 'C'},    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "Usage: flux-broker [OPTIONS] [COMMAND ARGS...]\n"
    "Run one broker of a Flux instance; rank 0 runs COMMAND (default: a shell).\n"
    "  -c, --config-path=PATH   read *.toml of this directory, or this .toml or .json file\n"
    "      --conf=KEY=VALUE     set one configuration key (TOML); may be repeated\n"
    "  -S, --setattr=NAME=VALUE set a broker attribute; may be repeated\n"
    "  -v, --verbose            log to stderr at level info\n"
    "  -h, --help               show this\n";

static void die(const char *text)
{
    fprintf(stderr, "flux-broker: %s\n", text);
    exit(1);
}

/* --- options --- */

static void parse_options(struct broker *b, int argc, char **argv)
{
    struct flux_error err;
    int c;

    while ((c = getopt_long(argc, argv, "+hvS:c:", options, NULL)) >= 0) {
        switch (c) {
        case 'h':
            fputs(usage, stdout);
            exit(0);
        case 'v':
            b->verbose++;
            break;
        case 'S':
            if (attrs_set_command(b->attrs, optarg, &err) < 0)
                die(err.text);
            break;
        case 'c':
            settings_set_path(b->settings, optarg);
            break;
        case 'C':
            if (settings_override(b->settings, optarg, &err) < 0)
                die(err.text);
            break;
        default:
            fputs("Try 'flux-broker --help'.\n", stderr);
            exit(2);
        }
    }
    if (optind < argc)
        b->program_argv = argv + optind;
    if (b->verbose)
        attrs_set(b->attrs, "log-stderr-level", b->verbose > 1 ? "7" : "6", ATTR_RUNTIME);
}

/* --- attributes --- */

/* Tests let a broker live tomorrow. */
static void set_clock(struct broker *b)
{
    const char *offset = attrs_get(b->attrs, "broker.clock-offset");
    char *end = NULL;
    double seconds = offset ? strtod(offset, &end) : 0;

    if (offset && (end == offset || *end || !isfinite(seconds)))
        die("broker.clock-offset is not a number of seconds");
    flux_walltime_shift(seconds);
    b->starttime = flux_walltime();
}

static void make_uuid(struct broker *b)
{
    uint8_t r[16] = {0};
    char text[33];

    if (getrandom(r, sizeof(r), 0) < 0)
        memcpy(r, &b->started, sizeof(b->started));
    for (size_t i = 0; i < sizeof(r); i++)
        snprintf(text + 2 * i, 3, "%02x", r[i]);
    attrs_set(b->attrs, "broker.uuid", text, ATTR_READONLY);
}

static void set_attributes(struct broker *b)
{
    const char *uri = getenv("FLUX_URI"), *jobid = getenv("FLUX_JOB_ID");
    char host[256] = "localhost";

    gethostname(host, sizeof(host) - 1);
    if (!attrs_get(b->attrs, "hostname"))
        attrs_set(b->attrs, "hostname", host, 0);
    make_uuid(b);
    attrs_setf(b->attrs, "security.owner", ATTR_READONLY, "%u", b->owner);
    attrs_setf(b->attrs, "broker.pid", ATTR_READONLY, "%d", (int)getpid());
    attrs_setf(b->attrs, "broker.starttime", ATTR_READONLY, "%.2f", b->starttime);
    if (uri && jobid)
        attrs_set(b->attrs, "parent-uri", uri, ATTR_READONLY);
    if (jobid)
        attrs_set(b->attrs, "jobid", jobid, ATTR_READONLY);
    if (!attrs_get(b->attrs, "instance-level"))
        attrs_set(b->attrs, "instance-level", "0", ATTR_READONLY);
}

static void set_rank_attributes(struct broker *b)
{
    attrs_setf(b->attrs, "rank", ATTR_READONLY, "%u", b->rank);
    attrs_setf(b->attrs, "size", ATTR_READONLY, "%u", b->size);
    attrs_setf(b->attrs, "tbon.level", ATTR_READONLY, "%u", flux_topology_level(b->topo, b->rank));
    attrs_setf(b->attrs, "tbon.maxlevel", ATTR_READONLY, "%u", flux_topology_maxlevel(b->topo));
    attrs_setf(b->attrs, "tbon.descendants", ATTR_READONLY, "%u",
               flux_topology_descendants(b->topo, b->rank));
    if (!attrs_get(b->attrs, "local-uri"))
        attrs_setf(b->attrs, "local-uri", 0, "local://%s/local-%u", attrs_get(b->attrs, "rundir"),
                   b->rank);
}

/* --- who may connect --- */

static void warn_access(const char *text, void *arg)
{
    broker_log(arg, LOG_WARNING, "%s", text);
}

static int admit(void *arg, const struct access_peer *peer, uint32_t *roles, struct flux_error *err)
{
    struct broker *b = arg;

    if (b->state && state_get(b->state) >= STATE_SHUTDOWN && peer->uid != b->owner)
        return flux_error_set(err, -ESHUTDOWN, "the instance is shutting down");
    return access_admit(b->access, peer, roles, err);
}

/* As the configuration says now. Guests must be able to reach the socket in the run directory; they
 * may not see what else is there. */
void broker_access_load(struct broker *b)
{
    const char *dir = attrs_get(b->attrs, "rundir");
    struct stat st;

    access_free(b->access);
    b->access = access_new(b->conf, b->owner, warn_access, b);
    if (access_is_open(b->access) &&
        (stat(dir, &st) < 0 || chmod(dir, (st.st_mode & 07777) | 0011) < 0))
        broker_log(b, LOG_ERR, "cannot let guests into the run directory %s: %m", dir);
    if (b->local)
        local_readmit(b->local);
}

static void open_local(struct broker *b)
{
    const char *uri = attrs_get(b->attrs, "local-uri");
    struct local_options opts = {
        .rank = b->rank, .size = b->size, .owner = b->owner, .admit = admit, .arg = b};
    struct flux_error err;

    broker_access_load(b);
    opts.path = strncmp(uri, "local://", 8) == 0 ? uri + 8 : uri;
    if (local_new(&b->loop, b->router, &opts, &b->local, &err) < 0)
        die(err.text);
}

/* --- modules --- */

static const char *env_attr(void *arg, const char *name)
{
    struct broker *b = arg;

    return attrs_get(b->attrs, name);
}

static void env_log(void *arg, const char *name, int level, const char *text)
{
    struct broker *b = arg;

    if (level <= attrs_get_int(b->attrs, "log-level", LOG_DEBUG))
        logring_append(b->log, level, flux_walltime(), b->rank, name, text);
}

static void on_loaded(int r, const struct flux_error *err, void *arg)
{
    struct broker *b = arg;

    router_set_loading(b->router, r == 0 && state_is_restoring(b->state));
    if (r < 0) {
        broker_log(b, LOG_ERR, "module load: %s", err->text);
        b->exit_status = W_EXITCODE(1, 0);
    }
    state_modules_loaded(b->state, r);
}

static void on_stopped(void *arg)
{
    struct broker *b = arg;

    state_modules_stopped(b->state);
}

static bool is_system_instance(struct broker *b)
{
    const char *method = attrs_get(b->attrs, "broker.boot-method");

    return method && strcmp(method, "config") == 0;
}

int broker_failure_status(struct broker *b)
{
    return W_EXITCODE(attrs_get_int(b->attrs, "broker.exit-restart", 1), 0);
}

void broker_fail(struct broker *b)
{
    b->exit_status = broker_failure_status(b);
    b->keep_jobs = is_system_instance(b);
    state_post(b->state, EVENT_SHUTDOWN);
}

/* Without one of its modules a broker is no use: whoever started it may start it anew. */
static void on_failed(const char *name, bool ended, const struct flux_error *err, void *arg)
{
    struct broker *b = arg;

    broker_log(b, LOG_CRIT, "module %s failed: %s", name,
               err->text[0] ? err->text : "it ended by itself");
    if (ended && attrs_get_int(b->attrs, "broker.module-nopanic", 0) == 0)
        broker_fail(b);
}

static void start_services(struct broker *b)
{
    struct modhost_ops mops = {on_loaded, on_stopped, on_failed, b};
    struct flux_error err;

    b->env = (struct flux_thread_env){.rank = b->rank,
                                      .size = b->size,
                                      .owner = b->owner,
                                      .topology = b->topo,
                                      .attr = env_attr,
                                      .attr_arg = b,
                                      .conf = b->conf,
                                      .log = env_log,
                                      .log_arg = b};
    b->router = router_new(b->rank, b->owner);
    router_set_topology(b->router, b->topo);
    router_set_loading(b->router, true);
    b->modhost = modhost_new(&b->loop, b->router, &b->env, &mops);
    b->h = modhost_handle(b->modhost);
    if (broker_service_start(b, &err) < 0 || module_service_start(b, &err) < 0 ||
        log_service_start(b, &err) < 0 || config_service_start(b, &err) < 0 ||
        event_service_start(b, &err) < 0 || overlay_service_start(b, &err) < 0 ||
        collective_service_start(b, &err) < 0 || trace_service_start(b, &err) < 0)
        die(err.text);
}

/* --- signals --- */

static void on_signal(uv_signal_t *sig, int signum)
{
    struct broker *b = sig->data;

    if (signum == SIGINT && b->program && isatty(STDIN_FILENO))
        return; /* the program on our terminal has had it, too */
    broker_log(b, LOG_INFO, "signal %d (%s) shutdown", signum, strsignal(signum));
    b->keep_jobs = !b->told_to_end && is_system_instance(b);
    state_post(b->state, EVENT_SHUTDOWN);
}

static void catch_signals(struct broker *b)
{
    struct {
        uv_signal_t *handle;
        int signum;
    } all[] = {{&b->sigterm, SIGTERM}, {&b->sigint, SIGINT}, {&b->sighup, SIGHUP}};

    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(all); i++) {
        uv_signal_init(&b->loop, all[i].handle);
        all[i].handle->data = b;
        uv_signal_start(all[i].handle, on_signal, all[i].signum);
        uv_unref((uv_handle_t *)all[i].handle);
    }
}

/* --- the spawn helper of an earlier broker --- */

/* It kills what it has when nobody comes for long. Until the exec module is there, which takes as
 * long as the parent does, this connection says that somebody has. */
static void hold_helper(struct broker *b)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int n = snprintf(sa.sun_path, sizeof(sa.sun_path), FLUX_SPAWND_SOCKET,
                     attrs_get(b->attrs, "rundir"), b->rank);

    b->helper = -1;
    if (n < 0 || (size_t)n >= sizeof(sa.sun_path) || !is_system_instance(b))
        return;
    b->helper = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (b->helper >= 0 && connect(b->helper, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
        close(b->helper); /* there is none */
        b->helper = -1;
    }
}

/* --- begin and end --- */

static void close_handle(uv_handle_t *handle, void *arg)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void teardown(struct broker *b)
{
    local_free(b->local);
    access_free(b->access);
    broker_overlay_free(b);
    log_service_stop(b);
    event_service_stop(b);
    overlay_service_stop(b);
    collective_service_stop(b);
    trace_service_stop(b);
    broker_service_stop(b);
    modhost_free(b->modhost);
    logring_free(b->log);
    state_free(b->state);
    uv_walk(&b->loop, close_handle, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    uv_loop_close(&b->loop);
    router_free(b->router);
    places_remove(b);
    if (b->helper >= 0)
        close(b->helper);
    flux_topology_free(b->topo);
    attrs_free(b->attrs);
    free(b->archive.dump);
    json_decref(b->conf);
    settings_free(b->settings);
}

int main(int argc, char **argv)
{
    struct broker b = {.owner = geteuid(), .started = flux_monotime()};
    struct flux_error err;

    uv_loop_init(&b.loop);
    b.attrs = attrs_new();
    b.settings = settings_new();
    parse_options(&b, argc, argv);
    set_clock(&b);
    b.no_program = attrs_get(b.attrs, "broker.rc2_none") != NULL;
    b.log = broker_log_new(&b);
    if (settings_start(&b, &err) < 0)
        die(err.text);
    set_attributes(&b);
    if (places_make(&b, &err) < 0 || broker_boot(&b, &err) < 0)
        die(err.text);
    set_rank_attributes(&b);
    hold_helper(&b);
    catch_signals(&b);
    start_services(&b);
    b.state = state_new(&b);
    if (broker_overlay_start(&b, &err) < 0)
        die(err.text);
    open_local(&b);
    state_post(b.state, EVENT_START);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    if (b.told_to_end && b.exit_status == 0)
        b.exit_status = W_EXITCODE(attrs_get_int(b.attrs, "broker.exit-norestart", 0), 0);
    teardown(&b);
    if (WIFSIGNALED(b.exit_status))
        return 128 + WTERMSIG(b.exit_status);
    return WEXITSTATUS(b.exit_status);
}
