// SPDX-License-Identifier: LGPL-3.0-only
/* Brokers of a test instance: started, served with PMI, waited for, and killed if they linger after
 * others have gone. Rank 0 has the terminal; the others are in process groups of their own, so that
 * a key pressed there does not reach them. */
#include "test_instance.h"

#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <flux/hostlist.h>
#include <flux/pmi.h>

extern char **environ;

struct broker_process {
    struct test_instance *ti;
    unsigned rank;
    pid_t pid; /* 0: not running */
    int fd;    /* our end of its PMI connection; -1 = closed */
    uv_poll_t poll;
    bool finalized;
};

struct test_instance {
    struct cli *cli;
    const struct test_instance_conf *conf;
    uv_loop_t loop;
    uv_signal_t sigchld, sigterm, sighup, sigint;
    uv_timer_t timer;
    struct flux_pmi_server *pmi;
    struct broker_process *brokers;
    char rundir[4096];
    unsigned running;
    int leader_status;
    int failed; /* exit code of the first broker that ended before it had booted */
};

/* --- PMI --- */

static void pmi_send(void *arg, unsigned task, const char *data, size_t len)
{
    struct test_instance *ti = arg;

    while (len > 0 && ti->brokers[task].fd >= 0) {
        ssize_t n = send(ti->brokers[task].fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return; /* it is gone: its end will be told by the process */
        data += n;
        len -= n;
    }
}

static void pmi_barrier(void *arg)
{
    struct test_instance *ti = arg;

    flux_pmi_server_release(ti->pmi, true);
}

static void pmi_abort(void *arg, unsigned task, int code, const char *text)
{
    struct test_instance *ti = arg;

    cli_warn(ti->cli, "%u: PMI abort (%d): %s", task, code, text);
}

static void pmi_trace(void *arg, unsigned task, bool reply, const char *line, size_t len)
{
    fprintf(stderr, "flux-start: %u: %c %.*s\n", task, reply ? 'S' : 'C', (int)len, line);
}

static void pmi_close(struct broker_process *p)
{
    if (p->fd < 0)
        return;
    uv_close((uv_handle_t *)&p->poll, NULL);
    close(p->fd);
    p->fd = -1;
}

static void on_pmi(uv_poll_t *poll, int status, int events)
{
    struct broker_process *p = poll->data;
    struct flux_error err;
    char buf[4096];
    ssize_t n = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT);
    int r = 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        r = flux_pmi_server_input(p->ti->pmi, p->rank, buf, n, &err);
    if (r < 0)
        cli_warn(p->ti->cli, "%u: %s", p->rank, err.text);
    p->finalized |= r == 1;
    if (n <= 0 || r != 0)
        pmi_close(p);
}

static int put_hosts(struct test_instance *ti, struct flux_error *err)
{
    const struct test_instance_conf *conf = ti->conf;
    FLUX_AUTO(hostlist) hl = NULL;
    FLUX_AUTO_STR text = NULL;
    int r;

    if (!conf->hosts)
        return 0;
    if ((r = flux_hostlist_decode(conf->hosts, &hl, err)) < 0)
        return r;
    if (flux_hostlist_count(hl) != conf->size)
        return flux_error_set(err, -EINVAL,
                              "--test-hosts names %zu hosts, %u brokers are asked for",
                              flux_hostlist_count(hl), conf->size);
    text = flux_hostlist_encode(hl);
    return flux_pmi_server_put(ti->pmi, "flux.hostlist", text, err);
}

static int pmi_open(struct test_instance *ti, struct flux_error *err)
{
    unsigned size = ti->conf->size;
    struct flux_pmi_server_conf conf = {
        .kvsname = "flux-start",
        .size = size,
        .local = size,
        .arg = ti,
        .send = pmi_send,
        .barrier = pmi_barrier,
        .abort = pmi_abort,
        .trace = ti->conf->verbose > 1 ? pmi_trace : NULL,
    };
    FLUX_AUTO_STR map = NULL;

    ti->pmi = flux_pmi_server_new(&conf);
    if (!strcmp(ti->conf->clique, "single"))
        map = flux_printf("(vector,(0,1,%u))", size);
    else if (!strcmp(ti->conf->clique, "per-broker"))
        map = flux_printf("(vector,(0,%u,1))", size);
    if (map && flux_pmi_server_put(ti->pmi, "PMI_process_mapping", map, err) < 0)
        return -EINVAL;
    return put_hosts(ti, err);
}

/* --- processes --- */

static bool is_pmi(const char *assignment)
{
    return !strncmp(assignment, "PMI_", 4) || !strncmp(assignment, "PMIX_", 5) ||
           !strncmp(assignment, "PMI2_", 5);
}

/* Our environment with PMI's variables of this broker. Caller frees `own` strings and the array. */
static char **make_environment(const struct broker_process *p, int fd, char *own[3])
{
    size_t n = 0;
    char **env;

    while (environ[n])
        n++;
    env = flux_alloc((n + 4) * sizeof(*env));
    n = 0;
    for (char **e = environ; *e; e++)
        if (!is_pmi(*e))
            env[n++] = *e;
    own[0] = env[n++] = flux_printf("PMI_FD=%d", fd);
    own[1] = env[n++] = flux_printf("PMI_RANK=%u", p->rank);
    own[2] = env[n++] = flux_printf("PMI_SIZE=%u", p->ti->conf->size);
    return env;
}

/* Broker, its run directory, and for rank 0 the command. The strings are borrowed but for *own. */
static char **make_argv(const struct broker_process *p, char **own)
{
    const struct test_instance_conf *conf = p->ti->conf;
    size_t n = 0, m = 0;
    char **argv;

    while (conf->broker[n])
        n++;
    while (conf->command[m])
        m++;
    argv = flux_alloc((n + m + 3) * sizeof(*argv));
    memcpy(argv, conf->broker, n * sizeof(*argv));
    argv[n++] = *own = flux_printf("--setattr=rundir=%s", p->ti->rundir);
    if (p->rank == 0 && m > 0) {
        argv[n++] = "--";
        memcpy(argv + n, conf->command, m * sizeof(*argv));
    }
    return argv;
}

static void print_command(unsigned rank, char **argv)
{
    fprintf(stderr, "flux-start: %u:", rank);
    for (; *argv; argv++)
        fprintf(stderr, " %s", *argv);
    fputc('\n', stderr);
}

static int spawn(struct broker_process *p, char **argv, char **env, int fd)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none;
    int r;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | (p->rank ? POSIX_SPAWN_SETPGROUP : 0));
    posix_spawn_file_actions_adddup2(&files, fd, fd); /* which clears close-on-exec */
    if (p->rank > 0)
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    r = posix_spawnp(&p->pid, argv[0], &files, &attr, argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    if (r)
        p->pid = 0;
    return -r;
}

static int start_broker(struct broker_process *p, char **argv, struct flux_error *err)
{
    struct test_instance *ti = p->ti;
    int fds[2], r;
    char *own[3];
    char **env;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return flux_error_sys(err, -errno, "socketpair");
    env = make_environment(p, fds[1], own);
    r = spawn(p, argv, env, fds[1]);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(own); i++)
        free(own[i]);
    free(env);
    close(fds[1]);
    if (r < 0) {
        close(fds[0]);
        return flux_error_sys(err, r, "%s", argv[0]);
    }
    p->fd = fds[0];
    p->poll.data = p;
    uv_poll_init(&ti->loop, &p->poll, p->fd);
    uv_poll_start(&p->poll, UV_READABLE, on_pmi);
    ti->running++;
    return 0;
}

static int start_brokers(struct test_instance *ti, struct flux_error *err)
{
    const struct test_instance_conf *conf = ti->conf;
    unsigned count = conf->start_leader ? 1 : conf->size;
    int r = 0;

    for (unsigned i = 0; i < count && r == 0; i++) {
        struct broker_process *p = &ti->brokers[i];
        char *own, **argv = make_argv(p, &own);
        if (conf->verbose || conf->noexec)
            print_command(i, argv);
        if (!conf->noexec)
            r = start_broker(p, argv, err);
        free(argv);
        free(own);
    }
    return r;
}

/* --- the end --- */

static void kill_all(struct test_instance *ti, int signum, bool tell)
{
    for (unsigned i = 0; i < ti->conf->size; i++) {
        if (!ti->brokers[i].pid)
            continue;
        if (tell)
            cli_warn(ti->cli, "%u (pid %d): killed, it did not end in time", i,
                     (int)ti->brokers[i].pid);
        kill(ti->brokers[i].pid, signum);
    }
}

static void on_timeout(uv_timer_t *timer)
{
    kill_all(timer->data, SIGKILL, true);
}

static void broker_ended(struct test_instance *ti, struct broker_process *p, int status)
{
    bool counts = p->rank == 0 || !ti->conf->exit_leader;
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

    p->pid = 0;
    ti->running--;
    if (p->rank == 0)
        ti->leader_status = code;
    if (WIFSIGNALED(status) && !ti->failed)
        cli_warn(ti->cli, "%u: %s", p->rank, strsignal(WTERMSIG(status)));
    /* The rest would wait for it in PMI's barrier for ever. */
    if (!p->finalized && !ti->failed && ti->running) {
        on_pmi(&p->poll, 0, 0);
        if (!p->finalized) {
            ti->failed = code ? code : 1;
            kill_all(ti, SIGTERM, false);
        }
    }
    pmi_close(p);
    if (counts && ti->conf->exit_timeout >= 0 && !uv_is_active((uv_handle_t *)&ti->timer))
        uv_timer_start(&ti->timer, on_timeout, ti->conf->exit_timeout * 1000, 0);
    if (ti->running == 0)
        uv_stop(&ti->loop);
}

static void on_sigchld(uv_signal_t *sig, int signum)
{
    struct test_instance *ti = sig->data;
    int status;

    for (unsigned i = 0; i < ti->conf->size; i++) {
        struct broker_process *p = &ti->brokers[i];
        if (p->pid && waitpid(p->pid, &status, WNOHANG) == p->pid)
            broker_ended(ti, p, status);
    }
}

/* Rank 0 ends the instance. (A key pressed at the terminal reaches it without our help.) */
static void on_forward(uv_signal_t *sig, int signum)
{
    struct test_instance *ti = sig->data;

    if (ti->brokers[0].pid && (signum != SIGINT || !isatty(STDIN_FILENO)))
        kill(ti->brokers[0].pid, signum);
}

static void catch_signals(struct test_instance *ti)
{
    struct {
        uv_signal_t *handle;
        int signum;
        uv_signal_cb cb;
    } all[] = {{&ti->sigchld, SIGCHLD, on_sigchld},
               {&ti->sigterm, SIGTERM, on_forward},
               {&ti->sighup, SIGHUP, on_forward},
               {&ti->sigint, SIGINT, on_forward}};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(all); i++) {
        uv_signal_init(&ti->loop, all[i].handle);
        all[i].handle->data = ti;
        uv_signal_start(all[i].handle, all[i].cb, all[i].signum);
    }
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    if (remove(path) < 0 && errno != ENOENT)
        fprintf(stderr, "flux-start: cannot remove %s: %s\n", path, strerror(errno));
    return 0;
}

static int make_rundir(struct test_instance *ti, struct flux_error *err)
{
    const char *given = ti->conf->rundir;
    struct stat st;

    snprintf(ti->rundir, sizeof(ti->rundir), "%s", given ? given : "/tmp/flux-XXXXXX");
    if (ti->conf->noexec)
        return 0;
    if (given && (stat(given, &st) < 0 || !S_ISDIR(st.st_mode)))
        return flux_error_set(err, -ENOTDIR, "--test-rundir %s is not a directory", given);
    if (!given && !mkdtemp(ti->rundir))
        return flux_error_sys(err, -errno, "%s", ti->rundir);
    return 0;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void done(struct test_instance *ti)
{
    uv_walk(&ti->loop, close_handle, NULL);
    uv_run(&ti->loop, UV_RUN_DEFAULT);
    uv_loop_close(&ti->loop);
    flux_pmi_server_free(ti->pmi);
    free(ti->brokers);
    if (*ti->rundir && !ti->conf->noexec && (!ti->conf->rundir || ti->conf->rundir_cleanup))
        nftw(ti->rundir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int test_instance_run(struct cli *cli, const struct test_instance_conf *conf)
{
    struct test_instance ti = {.cli = cli, .conf = conf};
    struct flux_error err;
    int code;

    ti.brokers = flux_alloc(conf->size * sizeof(*ti.brokers));
    for (unsigned i = 0; i < conf->size; i++)
        ti.brokers[i] = (struct broker_process){.ti = &ti, .rank = i, .fd = -1};
    uv_loop_init(&ti.loop);
    uv_timer_init(&ti.loop, &ti.timer);
    ti.timer.data = &ti;
    catch_signals(&ti);
    if (pmi_open(&ti, &err) < 0 || make_rundir(&ti, &err) < 0 || start_brokers(&ti, &err) < 0) {
        kill_all(&ti, SIGTERM, false);
        code = cli_fail(cli, "%s", err.text);
    } else {
        code = 0;
    }
    if (ti.running)
        uv_run(&ti.loop, UV_RUN_DEFAULT);
    done(&ti);
    if (code)
        return code;
    return ti.failed ? ti.failed : ti.leader_status;
}
