// SPDX-License-Identifier: LGPL-3.0-only
/* pam_flux.so: an account module that lets a user in while a job of his runs on this node.
 *
 * It lives in sshd, su and login, as root. So it does nothing itself: a program of its own asks the
 * broker, and this reads one word from it, for a bounded time. No other process of the application,
 * its signals or its environment has a part in that. Whatever goes wrong denies. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define QUERY FLUX_LIBEXECDIR "/flux-pam-query"

enum {
    PATIENCE = 10000, /* ms: a broker that hangs must not hang logins */
    ANSWER_MAX = 256, /* bytes */
    PASSWD_MAX = 65536,
};

struct question {
    uid_t uid;
    gid_t gid;
    bool guests; /* option allow-guest-user */
};

/* The child, of a process that may have threads: system calls only. */
static _Noreturn void become_query(int out, char **argv)
{
    static char *const empty[] = {NULL};
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;
    int null = open("/dev/null", O_RDWR);

    for (int i = 1; i < NSIG; i++)
        sigaction(i, &dfl, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (null < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0 || close_range(3, ~0U, 0) < 0 || setsid() < 0)
        _exit(1);
    execve(QUERY, argv, empty);
    _exit(1);
}

/* Without a signal at its end: the application's SIGCHLD and wait() never see it. */
static pid_t start_query(int out, char **argv, int *pidfd)
{
    pid_t pid = syscall(SYS_clone, CLONE_PIDFD, NULL, pidfd, NULL, 0);

    if (pid == 0)
        become_query(out, argv);
    return pid;
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* One line. Too long, too late or no line at all: an empty one. */
static void read_answer(int fd, char *answer)
{
    int64_t deadline = now_ms() + PATIENCE, left;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    ssize_t n;

    while (len < ANSWER_MAX - 1 && (left = deadline - now_ms()) > 0) {
        if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
            break;
        if (!p.revents)
            continue;
        n = read(fd, answer + len, ANSWER_MAX - 1 - len);
        if (n <= 0)
            break;
        len += n;
        if (answer[len - 1] == '\n') {
            answer[len - 1] = '\0';
            return;
        }
    }
    snprintf(answer, ANSWER_MAX, "%s", now_ms() >= deadline ? "no answer in time" : "no answer");
}

static void end_query(int pidfd)
{
    siginfo_t info;

    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    while (waitid(P_PIDFD, pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
        ;
    close(pidfd);
}

/* The answer: "yes", "no", or what went wrong. */
static void ask(const struct question *q, char *answer)
{
    char uid[16], gid[16], *argv[] = {(char *)QUERY, uid, gid, NULL, NULL};
    int fds[2], pidfd = -1;
    pid_t pid;

    snprintf(uid, sizeof(uid), "%u", (unsigned)q->uid);
    snprintf(gid, sizeof(gid), "%u", (unsigned)q->gid);
    if (q->guests)
        argv[3] = (char *)"guests";
    if (pipe2(fds, O_CLOEXEC) < 0) {
        snprintf(answer, ANSWER_MAX, "pipe: error %d", errno);
        return;
    }
    pid = start_query(fds[1], argv, &pidfd);
    close(fds[1]);
    if (pid < 0) {
        snprintf(answer, ANSWER_MAX, "clone: error %d", errno);
    } else {
        read_answer(fds[0], answer);
        end_query(pidfd);
    }
    close(fds[0]);
}

static int find_user(pam_handle_t *pamh, const char **name, struct question *q)
{
    char *buf = malloc(PASSWD_MAX);
    struct passwd pw, *found = NULL;
    int r;

    if (!buf)
        return PAM_BUF_ERR;
    r = pam_get_user(pamh, name, NULL);
    if (r == PAM_SUCCESS && *name)
        getpwnam_r(*name, &pw, buf, PASSWD_MAX, &found);
    if (found) {
        q->uid = pw.pw_uid;
        q->gid = pw.pw_gid;
    }
    free(buf);
    return found ? PAM_SUCCESS : PAM_USER_UNKNOWN;
}

static int read_options(pam_handle_t *pamh, int argc, const char **argv, struct question *q)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "allow-guest-user") != 0) {
            pam_syslog(pamh, LOG_AUTHPRIV | LOG_ERR, "unknown option '%s'", argv[i]);
            return PAM_SYSTEM_ERR;
        }
        q->guests = true;
    }
    return PAM_SUCCESS;
}

static int deny(pam_handle_t *pamh, int flags, const char *name, const struct question *q)
{
    static const char text[] = "Access denied: user %s (uid=%u) has no active jobs on this node.";

    if (!(flags & PAM_SILENT))
        pam_error(pamh, text, name, (unsigned)q->uid);
    pam_syslog(pamh, LOG_AUTHPRIV | LOG_NOTICE, text, name, (unsigned)q->uid);
    return PAM_PERM_DENIED;
}

__attribute__((visibility("default"))) int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc,
                                                            const char **argv)
{
    char answer[ANSWER_MAX] = "";
    struct question q = {0};
    const char *name = NULL;
    int r = read_options(pamh, argc, argv, &q);

    r = r == PAM_SUCCESS ? find_user(pamh, &name, &q) : r;
    if (r != PAM_SUCCESS)
        return r;
    ask(&q, answer);
    if (strcmp(answer, "yes") == 0)
        return PAM_SUCCESS;
    if (strcmp(answer, "no") != 0)
        pam_syslog(pamh, LOG_AUTHPRIV | LOG_ERR, "cannot tell the jobs of this node: %s", answer);
    return deny(pamh, flags, name, &q);
}
