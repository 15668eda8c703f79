// SPDX-License-Identifier: LGPL-3.0-only
/* `flux-imp exec SHELL ARG...`: the shell of a job, as the user who signed the request on standard
 * input. The caller chooses among the allowed shells and says when; who it runs as and what it is
 * told to do is in the signature alone. */
#include "exec.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/secure.h"
#include "environment.h"
#include "imp.h"
#include "input.h"
#include "journal.h"
#include "linger.h"
#include "log.h"
#include "privsep.h"
#include "places.h"
#include "session.h"
#include "sign/sign.h"

enum {
    DOCUMENT_FD = 3,
    REQUEST_FD = 4,
    SHELL_FD = 5,
    EXIT_FORBIDDEN = 126,
    EXIT_NOT_RUN = 127,
};

#define JOB_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

/* All that it takes to become the shell; whatever can fail with a message has been done. */
struct start {
    struct imp *imp;
    struct kv *kv; /* what the strings of the request belong to */
    struct exec_request request;
    struct sign_request signed_request;
    struct user user;
    int shell_fd, payload_fd, signals;
    struct session *session;
    struct environment env;
    pid_t parent; /* ourselves */
    char *argv[EXEC_ARGS_MAX + 2];
};

static int ask(struct imp *imp, struct kv *request, struct imp_error *err)
{
    struct sign_request parts;
    const char *j;
    char *text;
    ssize_t n = privsep_read_all(STDIN_FILENO, INPUT_MAX, &text);
    int r;

    if (n < 0)
        return imp_error_sys(err, n, "exec: cannot read the request");
    r = input_parse(text, n, &j, err);
    /* A first look without rights: what only a broken J can do happens here. */
    r = r < 0 ? r : sign_unwrap(NULL, j, SIGN_NOVERIFY, &parts, err);
    if (r < 0)
        return r;
    sign_request_done(&parts);
    return exec_request_encode(imp->argc - 1, imp->argv + 1, j, request, err);
}

static int verify(struct start *s, const struct conf *security, struct imp_error *err)
{
    struct sign *sign;
    int r = sign_new(security, &sign, err);

    if (r < 0)
        return r;
    r = sign_unwrap(sign, s->request.j, 0, &s->signed_request, err);
    sign_free(sign);
    return r;
}

static int enter_journal(const struct start *s, const struct conf *security, struct imp_error *err)
{
    const char *path;
    int64_t ttl = 0;
    int r = conf_get_string(s->imp->conf, "exec.journal", &path, err);

    if (r <= 0)
        return r;
    r = conf_get_int(security, "sign.max-ttl", &ttl, err);
    if (r < 0)
        return r;
    if (r == 0 || ttl <= 0)
        return imp_error_set(err, -EINVAL, "exec.journal is set but sign.max-ttl is not");
    if (s->request.nargs == 0)
        return imp_error_set(err, -EINVAL, "journal: the job has no id");
    return journal_enter(path, s->request.j, s->request.args[0], ttl, err);
}

static int check_signature(struct start *s, struct imp_error *err)
{
    struct conf *security;
    int r = conf_load(PLACES_SECURITY, 0, &security, err);

    if (r < 0)
        return r;
    r = conf_check(security, &conf_keys_security, err);
    r = r < 0 ? r : verify(s, security, err);
    if (r >= 0 && s->signed_request.userid == 0)
        r = imp_error_set(err, -EPERM, "the request is signed by root: jobs do not run as root");
    r = r < 0 ? r : user_find(s->signed_request.userid, &s->user, err);
    r = r < 0 ? r : enter_journal(s, security, err);
    conf_free(security);
    return r;
}

static int check_shell(struct start *s, struct imp_error *err)
{
    const struct conf *allowed = NULL;
    int r = conf_get_strings(s->imp->conf, "exec.allowed-shells", &allowed, err);

    if (r < 0)
        return r;
    if (!conf_has(allowed, s->request.shell))
        return imp_error_set(err, -EPERM, "%.256s is not in exec.allowed-shells", s->request.shell);
    s->shell_fd = secure_open(s->request.shell, 0, err);
    return s->shell_fd < 0 ? s->shell_fd : 0;
}

/* What was signed, for the shell to read: nobody can change it any more. */
static int hold_payload(struct start *s, struct imp_error *err)
{
    const struct sign_request *in = &s->signed_request;
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    int fd = memfd_create("flux-imp-request", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return imp_error_sys(err, -errno, "memfd_create");
    for (size_t done = 0; done < in->len;) {
        ssize_t n = write(fd, in->payload + done, in->len - done);
        if (n <= 0)
            return imp_error_sys(err, n < 0 ? -errno : -EIO, "cannot hold the request");
        done += n;
    }
    if (fchmod(fd, 0444) < 0 || lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
        return imp_error_sys(err, -errno, "cannot seal the request");
    s->payload_fd = fd;
    return 0;
}

static int add_pam_environment(struct start *s)
{
    char **list = session_environment(s->session), *value;
    int r = list ? 0 : -ENOMEM;

    for (char **p = list; p && *p; p++) {
        value = strchr(*p, '=');
        if (value)
            *value++ = '\0';
        if (r == 0 && value && environment_is_name(*p) && strncmp(*p, "FLUX_", 5) != 0)
            r = environment_set(&s->env, *p, value);
        free(*p);
    }
    free(list);
    return r;
}

static int make_environment(struct start *s, struct imp_error *err)
{
    int r = environment_set(&s->env, "PATH", JOB_PATH);

    r = r < 0 ? r : environment_set(&s->env, "HOME", s->user.home);
    r = r < 0 ? r : environment_set(&s->env, "USER", s->user.name);
    r = r < 0 ? r : environment_set(&s->env, "LOGNAME", s->user.name);
    r = r < 0 ? r : environment_set(&s->env, "SHELL", s->user.shell);
    if (r >= 0 && s->session)
        r = add_pam_environment(s);
    r = r < 0 ? r : environment_set(&s->env, "FLUX_IMP_REQUEST_FD", "4");
    return r < 0 ? imp_error_sys(err, r, "cannot make the job's environment") : 0;
}

/* PAM may change the limits of this process; the job starts from the caller's. */
static int open_session(struct start *s, struct imp_error *err)
{
    bool wanted = false;
    int r = conf_get_bool(s->imp->conf, "exec.pam-support", &wanted, err);

    if (r < 0)
        return r;
    if (entry_restore_limits(&s->imp->entry) < 0)
        return imp_error_set(err, -EPERM, "cannot restore the caller's limits");
    umask(022);
    s->signals = linger_begin(); /* from here on, who is told to stop cleans up first */
    if (s->signals < 0)
        return imp_error_sys(err, s->signals, "cannot wait for signals");
    return wanted ? session_open(&s->user, s->imp->caller.name, &s->session, err) : 0;
}

/* Descriptors 0 to 5 and no more: what is above 5 is closed by its flag at the latest. */
static int place_descriptors(const struct start *s)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), shell, payload;

    shell = fcntl(s->shell_fd, F_DUPFD_CLOEXEC, SHELL_FD + 1);
    payload = fcntl(s->payload_fd, F_DUPFD_CLOEXEC, SHELL_FD + 1);
    if (null < 0 || shell < 0 || payload < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup3(shell, SHELL_FD, O_CLOEXEC) < 0 || dup2(payload, REQUEST_FD) < 0)
        return -errno;
    return close_range(SHELL_FD + 1, ~0U, 0) < 0 ? -errno : 0;
}

static noreturn void child_failed(const char *what)
{
    int status = errno == EPERM || errno == EACCES ? EXIT_FORBIDDEN : EXIT_NOT_RUN;

    dprintf(STDERR_FILENO, "flux-imp: %s: %s\n", what, strerror(errno));
    _exit(status);
}

/* The child. Until it is the user it says nothing on standard error, which is the caller's. */
static noreturn void become_shell(struct start *s)
{
    if (place_descriptors(s) < 0 || setsid() < 0 || user_become(&s->user) < 0 ||
        linger_unblock(s->parent) < 0) {
        log_write(LOG_ERR, "cannot become %s: %s", s->user.name, strerror(errno));
        _exit(EXIT_FORBIDDEN);
    }
    if (chdir("/") < 0)
        child_failed("/");
    execveat(SHELL_FD, "", s->argv, s->env.vars, AT_EMPTY_PATH);
    if (errno == ENOENT) /* a script: its interpreter needs a name, and only root can change it */
        execve(s->request.shell, s->argv, s->env.vars);
    child_failed(s->request.shell);
}

/* What only the job needs. A request may be of megabytes, and the job may run for weeks. */
static void let_go(struct start *s)
{
    kv_free(s->kv);
    sign_request_done(&s->signed_request);
    environment_done(&s->env);
    malloc_trim(0);
    close(s->shell_fd);
    close(s->payload_fd);
    close(DOCUMENT_FD);
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    open("/dev/null", O_RDWR); /* 0, and 1: nothing else may land there */
    dup2(STDIN_FILENO, STDOUT_FILENO);
}

/* The log is ASCII: a job id is written with its "f". */
static void log_start(const struct start *s)
{
    const char *job = s->request.nargs > 0 ? s->request.args[0] : "-";
    bool f58 = strncmp(job, "\xc6\x92", 2) == 0;

    log_write(LOG_INFO, "job %s%s of %s started for %s", f58 ? "f" : "", f58 ? job + 2 : job,
              s->user.name, s->imp->caller.name);
}

static int start(struct start *s, struct imp_error *err)
{
    pid_t pid;
    int status;

    s->parent = getpid();
    pid = fork();
    if (pid == 0)
        become_shell(s);
    entry_own_limits();
    umask(077);
    if (pid < 0)
        return imp_error_sys(err, -errno, "fork");
    log_start(s);
    let_go(s);
    status = linger_wait(s->signals, pid, false);
    if (s->session)
        session_close(s->session);
    linger_exit(status);
}

static int act(struct imp *imp, struct kv *kv, struct imp_error *err)
{
    struct start s = {.imp = imp, .kv = kv, .shell_fd = -1, .payload_fd = -1};
    int r = exec_request_decode(kv, &s.request, err);

    r = r < 0 ? r : check_shell(&s, err);
    r = r < 0 ? r : check_signature(&s, err);
    r = r < 0 ? r : hold_payload(&s, err);
    r = r < 0 ? r : open_session(&s, err);
    r = r < 0 ? r : make_environment(&s, err);
    if (r >= 0 && linger_follow(imp->entry.parent) < 0) /* modules may have changed ids */
        r = imp_error_set(err, -ESRCH, "the caller has gone");
    s.argv[0] = (char *)s.request.shell;
    for (size_t i = 0; i < s.request.nargs; i++)
        s.argv[i + 1] = (char *)s.request.args[i];
    r = r < 0 ? r : start(&s, err);
    if (s.session)
        session_close(s.session);
    return r; /* the process ends: with it goes all that is open */
}

const struct command command_exec = {
    .name = "exec",
    .usage = "exec SHELL [ARG...]",
    .users = "exec.allowed-users",
    .ask = ask,
    .act = act,
};
