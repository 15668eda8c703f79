// SPDX-License-Identifier: LGPL-3.0-only
/* The way to a socket on another host: ssh runs `flux relay PATH` there, and its standard input and
 * output are our connection. Who we are there is who ssh logs in. */
#include "private.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <flux/uri.h>

#define END_MS 10000 /* for ssh to send what it has, and end */

/* What the other host's shell will read as one word, whichever shell that is. */
static bool is_plain(const char *path)
{
    static const char known[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._,+=@%:-";

    return strspn(path, known) == strlen(path);
}

/* In the child. Keys that end what the user runs are not ssh's business: it ends by its input. */
static void become_ssh(int fd, char **argv)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    execvp(argv[0], argv);
    dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int ssh_dial(const struct flux_uri *u, pid_t *pid, struct flux_error *err)
{
    const char *program = getenv("FLUX_SSH"), *flux = getenv("FLUX_SSH_RCMD");
    FLUX_AUTO_STR command = flux_printf("%s relay %s", flux ? flux : "flux", u->path);
    char *argv[] = {
        (char *)(program ? program : "ssh"), (char *)"-p", u->port, u->target, command, NULL};
    int pair[2];

    if (!is_plain(u->path))
        return flux_error_set(err, -EINVAL, "%.256s: not a path to be reached through ssh",
                              u->path);
    if (!u->port)
        memmove(argv + 1, argv + 3, 3 * sizeof(argv[0])); /* no -p */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return flux_error_sys(err, -errno, "socketpair");
    *pid = fork();
    if (*pid == 0)
        become_ssh(pair[1], argv);
    close(pair[1]);
    if (*pid < 0) {
        close(pair[0]);
        return flux_error_sys(err, -errno, "fork");
    }
    return pair[0];
}

void ssh_end(pid_t pid)
{
    FLUX_AUTO_FD int fd = syscall(SYS_pidfd_open, pid, 0);
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    if (fd >= 0 && poll(&pfd, 1, END_MS) == 0)
        kill(pid, SIGTERM);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
