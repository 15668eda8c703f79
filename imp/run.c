// SPDX-License-Identifier: LGPL-3.0-only
/* `flux-imp run NAME`: a program of the site, as root: uid, gid and groups. The caller chooses
 * among the names in the configuration; he gives no arguments, no input and no path. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/secure.h"
#include "environment.h"
#include "imp.h"
#include "linger.h"
#include "log.h"
#include "run_request.h"

enum {
    EXIT_FORBIDDEN = 126,
    EXIT_NOT_RUN = 127,
    PROGRAM_FD = 3,
    NAME_MAX_LEN = 64,
};

#define ROOT_PATH "/usr/sbin:/usr/bin:/sbin:/bin"

struct program {
    const char *name;
    const char *path;
    const struct conf *allowed_environment;
    struct environment env;
    struct user root;
    int fd;
    pid_t parent; /* ourselves */
};

/* The table of a program. A name goes into a path of the configuration: plain ones only. */
static int find_table(const struct imp *imp, const char *name, const struct conf **ret,
                      struct imp_error *err)
{
    const struct conf *run = conf_get(imp->conf, "run"), *row;

    for (size_t i = 0; run && (row = conf_at(run, i)); i++) {
        if (strcmp(conf_key(row), name) == 0 && conf_type(row) == CONF_TABLE) {
            *ret = row;
            return 0;
        }
    }
    return imp_error_set(err, -ENOENT, "run: there is no program '%.64s'", name);
}

static int find(const struct imp *imp, const char *name, struct program *p, struct imp_error *err)
{
    const struct conf *table = NULL, *users = NULL;
    int r = find_table(imp, name, &table, err);

    if (r < 0)
        return r;
    p->name = conf_key(table);
    r = conf_get_strings(table, "allowed-users", &users, err);
    if (r >= 0 && !conf_has(users, imp->caller.name))
        return imp_error_set(err, -EPERM, "%s is not in run.%.64s.allowed-users", imp->caller.name,
                             name);
    r = r < 0 ? r : conf_get_strings(table, "allowed-environment", &p->allowed_environment, err);
    r = r < 0 ? r : conf_get_string(table, "path", &p->path, err);
    if (r == 0)
        return imp_error_set(err, -EINVAL, "run.%.64s.path is not set", name);
    return r < 0 ? r : 0;
}

static int ask(struct imp *imp, struct kv *request, struct imp_error *err)
{
    struct program p = {0};
    int r;

    if (imp->argc != 2 || strlen(imp->argv[1]) > NAME_MAX_LEN)
        return imp_error_set(err, -EINVAL, "usage: flux-imp run NAME");
    r = find(imp, imp->argv[1], &p, err);
    if (r < 0)
        return r;
    return run_request_encode(imp->argv[1], imp->entry.environment, p.allowed_environment, request,
                              err);
}

static int make_environment(const struct imp *imp, const struct kv *kv, struct program *p,
                            struct imp_error *err)
{
    char owner[16];
    int r = run_request_environment(kv, p->allowed_environment, &p->env, err);

    if (r < 0)
        return r;
    snprintf(owner, sizeof(owner), "%u", (unsigned)imp->entry.uid);
    r = environment_set(&p->env, "FLUX_OWNER_USERID", owner);
    r = r < 0 ? r : environment_set(&p->env, "HOME", p->root.home);
    r = r < 0 ? r : environment_set(&p->env, "USER", p->root.name);
    r = r < 0 ? r : environment_set(&p->env, "PATH", ROOT_PATH);
    return r < 0 ? imp_error_sys(err, r, "run: cannot make the environment") : 0;
}

static int place_descriptors(const struct program *p)
{
    int program = fcntl(p->fd, F_DUPFD_CLOEXEC, PROGRAM_FD + 1);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (program < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup3(program, PROGRAM_FD, O_CLOEXEC) < 0)
        return -errno;
    return close_range(PROGRAM_FD + 1, ~0U, 0) < 0 ? -errno : 0;
}

/* Standard error is the caller's: what goes wrong here goes to the log. */
static noreturn void become_program(struct program *p)
{
    char *argv[] = {(char *)p->path, NULL};
    int status;

    if (setsid() < 0 || user_become(&p->root) < 0 || chdir("/") < 0 || place_descriptors(p) < 0)
        _exit(EXIT_FORBIDDEN);
    umask(022);
    if (linger_unblock(p->parent) < 0)
        _exit(EXIT_FORBIDDEN);
    execveat(PROGRAM_FD, "", argv, p->env.vars, AT_EMPTY_PATH);
    if (errno == ENOENT) /* a script: its interpreter needs a name, and only root can change it */
        execve(p->path, argv, p->env.vars);
    status = errno == EPERM || errno == EACCES ? EXIT_FORBIDDEN : EXIT_NOT_RUN;
    log_write(LOG_ERR, "run: cannot execute %s: %s", p->path, strerror(errno));
    _exit(status);
}

static int start(const struct imp *imp, struct program *p, struct imp_error *err)
{
    int status, signals = linger_begin();
    pid_t pid;

    if (signals < 0)
        return imp_error_sys(err, signals, "cannot wait for signals");
    p->parent = getpid();
    pid = fork();
    if (pid < 0)
        return imp_error_sys(err, -errno, "fork");
    if (pid == 0)
        become_program(p);
    log_write(LOG_INFO, "run %s started for %s", p->name, imp->caller.name);
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    open("/dev/null", O_RDWR);
    dup2(STDIN_FILENO, STDOUT_FILENO);
    status = linger_wait(signals, pid, true);
    environment_done(&p->env);
    linger_exit(status);
}

static int act(struct imp *imp, struct kv *kv, struct imp_error *err)
{
    struct program p = {.fd = -1};
    const char *name;
    int r = run_request_decode(kv, &name, err);

    r = r < 0 ? r : find(imp, name, &p, err);
    r = r < 0 ? r : user_find(0, &p.root, err);
    r = r < 0 ? r : make_environment(imp, kv, &p, err);
    if (r < 0)
        return r;
    p.root.gid = 0;
    p.fd = secure_open(p.path, 0, err);
    return p.fd < 0 ? p.fd : start(imp, &p, err);
}

const struct command command_run = {
    .name = "run",
    .usage = "run NAME",
    .ask = ask,
    .act = act,
};
