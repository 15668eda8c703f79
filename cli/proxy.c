// SPDX-License-Identifier: LGPL-3.0-only
/* flux proxy: run a command, or a shell, that talks to another instance. One on this host is
 * reached by its own socket; one elsewhere by a socket that ssh forwards, which needs nothing but
 * ssh there. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <flux/uri.h>

#include "handle.h"
#include "uriresolve.h"

extern char **environ;

enum { CONNECT_SECONDS = 60 };

static const struct flux_option options[] = {
    {"force", 'f', OPT_FLAG, NULL, "Run the command even if the instance does not answer"},
    {"nohup", 'n', OPT_FLAG, NULL, "Leave the command running if the connection is lost"},
    {NULL},
};

/* A forwarded socket while it exists. */
struct tunnel {
    pid_t ssh;
    char dir[64];
    char socket[80];
};

static bool socket_answers(const char *path)
{
    FLUX_AUTO_FD int fd = flux_socket_dial(path, NULL);

    return fd >= 0;
}

/* ssh says nothing when the forwarding stands: the socket does. */
static int wait_for_socket(struct tunnel *t, struct flux_error *err)
{
    double end = flux_monotime() + CONNECT_SECONDS;
    const struct timespec step = {.tv_nsec = 20000000};

    while (!socket_answers(t->socket)) {
        int status;

        if (waitpid(t->ssh, &status, WNOHANG) == t->ssh) {
            t->ssh = 0;
            return flux_error_set(err, -EHOSTUNREACH, "ssh ended before it had connected");
        }
        if (flux_monotime() > end)
            return flux_error_set(err, -ETIMEDOUT, "ssh: no connection after %d s",
                                  CONNECT_SECONDS);
        nanosleep(&step, NULL);
    }
    return 0;
}

static int open_tunnel(struct tunnel *t, const struct flux_uri *u, struct flux_error *err)
{
    const char *program = getenv("FLUX_SSH") ? getenv("FLUX_SSH") : "ssh";
    FLUX_AUTO_STR forward = NULL;
    char *argv[] = {(char *)program, (char *)"-N", (char *)"-o", (char *)"ExitOnForwardFailure=yes",
                    (char *)"-L",    NULL,         (char *)"-p", u->port,
                    u->target,       NULL};
    int r;

    if (!u->port)
        memmove(argv + 6, argv + 8, 2 * sizeof(argv[0])); /* no -p */
    snprintf(t->dir, sizeof(t->dir), "/tmp/flux-proxy-XXXXXX");
    if (!mkdtemp(t->dir))
        return flux_error_sys(err, -errno, "%s", t->dir);
    snprintf(t->socket, sizeof(t->socket), "%s/local", t->dir);
    forward = flux_printf("%s:%s", t->socket, u->path);
    argv[5] = forward;
    r = posix_spawnp(&t->ssh, program, NULL, NULL, argv, environ);
    if (r)
        return flux_error_sys(err, -r, "%s", program);
    return wait_for_socket(t, err);
}

static void close_tunnel(struct tunnel *t)
{
    if (t->ssh > 0) {
        kill(t->ssh, SIGTERM);
        waitpid(t->ssh, NULL, 0);
    }
    if (t->dir[0]) {
        unlink(t->socket);
        rmdir(t->dir);
    }
}

static int check_instance(struct flux_error *err)
{
    FLUX_AUTO_HANDLE h = NULL;

    return flux_open(NULL, &h, err);
}

/* The command's exit code; a shell without one. Terminal signals are the command's. */
static int run_command(struct cli *cli)
{
    const char *shell = getenv("SHELL") ? getenv("SHELL") : "/bin/sh";
    char *interactive[] = {(char *)shell, NULL};
    char **argv = cli->argc > 1 ? cli->argv + 1 : interactive;
    posix_spawnattr_t attr;
    int status = 0, r;
    sigset_t ours;
    pid_t pid;

    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    if (cli_has(cli, "nohup"))
        signal(SIGHUP, SIG_IGN);
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGQUIT);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &ours);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    r = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    if (r)
        return cli_fail(cli, "%s: %s", argv[0], strerror(r));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(struct cli *cli)
{
    struct tunnel t = {.ssh = 0};
    struct flux_error err = {""};
    struct flux_uri u = {NULL};
    FLUX_AUTO_STR local = NULL;
    FLUX_AUTO_STR uri = NULL;
    int r;

    if (cli->argc == 0)
        return cli_misused(cli, "expected an instance");
    if (uri_resolve(cli->argv[0], false, &uri, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    r = flux_uri_parse(uri, &u, &err);
    if (r == 0 && !flux_uri_is_here(&u))
        r = open_tunnel(&t, &u, &err);
    flux_uri_done(&u);
    local = t.socket[0] ? flux_printf("local://%s", t.socket) : uri_local_form(uri);
    setenv("FLUX_URI", local, 1);
    setenv("FLUX_PROXY_REMOTE", uri, 1);
    unsetenv("FLUX_KVS_NAMESPACE");
    if (r == 0 && !cli_has(cli, "force"))
        r = check_instance(&err);
    r = r < 0 ? cli_fail(cli, "%s", err.text) : run_command(cli);
    close_tunnel(&t);
    return r;
}

const struct flux_verb verb_proxy = {
    .path = "proxy",
    .args = "TARGET [COMMAND...]",
    .summary = "Run a command or shell with another instance",
    .options = {options},
    .stop_at_free = true,
    .run = run,
};
