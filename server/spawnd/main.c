// SPDX-License-Identifier: LGPL-3.0-only
/* flux-spawnd [--socket=PATH] [--orphan-grace=SECONDS] [--linger] [--kill-grace=SECONDS]: set-up
 * and the loop. Descriptor 3 is the first client's connection when it is a socket. Everything else
 * that was inherited above 2 is closed; what is opened later is CLOEXEC. */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawnd.h"

#define FIRST_CLIENT_FD 3
#define EVENTS_PER_TURN 64

static int die(const char *what)
{
    fprintf(stderr, "flux-spawnd: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch_fd(struct spawnd *d, int fd, struct watch *w, enum watch_kind kind)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = w};

    w->kind = kind;
    if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
        die("epoll_ctl");
}

void spawnd_unwatch(struct spawnd *d, int fd)
{
    epoll_ctl(d->epoll, EPOLL_CTL_DEL, fd, NULL);
    close(fd);
}

/* Default dispositions and a full mask: children get the first as they are, and an empty mask. */
static void setup_signals(struct spawnd *d)
{
    static const uint64_t dfl[4]; /* the kernel's struct sigaction: SIG_DFL, nothing else */
    sigset_t set;

    for (int i = 1; i < NSIG; i++)
        syscall(SYS_rt_sigaction, i, dfl, NULL, 8); /* libc's would refuse its own, 32 and 33 */
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    d->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (d->sigfd < 0)
        die("signalfd");
    watch_fd(d, d->sigfd, &d->signal_watch, WATCH_SIGNAL);
}

/* As many descriptors as allowed: one for each process. They get the inherited limit back. */
static void setup_limits(struct spawnd *d)
{
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &d->nofile) < 0)
        die("getrlimit");
    rl = d->nofile;
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
}

/* The broker may have come and gone, and its run directory with it, before we got here. */
static bool client_is_gone(void)
{
    struct pollfd pfd = {.fd = FIRST_CLIENT_FD, .events = POLLIN};

    return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLHUP);
}

static void setup_socket(struct spawnd *d)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd;

    d->listen = -1;
    if (!d->socket_path)
        return;
    if (strlen(d->socket_path) >= sizeof(sa.sun_path)) {
        errno = ENAMETOOLONG;
        die(d->socket_path);
    }
    strcpy(sa.sun_path, d->socket_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    umask(077);
    if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 8) < 0) {
        if (client_is_gone())
            exit(0);
        die(d->socket_path);
    }
    umask(022);
    d->listen = fd;
    watch_fd(d, fd, &d->listen_watch, WATCH_LISTEN);
}

static void setup(struct spawnd *d)
{
    struct stat sb;
    bool first = fstat(FIRST_CLIENT_FD, &sb) == 0 && S_ISSOCK(sb.st_mode);

    TAILQ_INIT(&d->conns);
    TAILQ_INIT(&d->running);
    TAILQ_INIT(&d->unseen);
    TAILQ_INIT(&d->seen);
    close_range(FIRST_CLIENT_FD + first, ~0u, 0);
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    d->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (d->epoll < 0 || d->null_fd < 0)
        die("cannot start");
    setsid(); /* fails when it leads a session already: as well */
    setup_signals(d);
    setup_limits(d);
    setup_socket(d);
    if (chdir("/") < 0)
        die("/");
    if (first) {
        fcntl(FIRST_CLIENT_FD, F_SETFD, FD_CLOEXEC);
        conn_new(d, FIRST_CLIENT_FD);
    } else {
        spawnd_orphaned(d);
    }
}

/* Only who this helper runs as (or root) may steer it. */
static void accept_client(struct spawnd *d)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);
    int fd = accept4(d->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
        (cred.uid != geteuid() && cred.uid != 0)) {
        fprintf(stderr, "flux-spawnd: connection of user %d refused\n", (int)cred.uid);
        close(fd);
        return;
    }
    conn_new(d, fd);
    spawnd_adopted(d);
}

static void take_signal(struct spawnd *d)
{
    struct signalfd_siginfo si;

    while (read(d->sigfd, &si, sizeof(si)) == sizeof(si)) {
        if (si.ssi_signo == SIGTERM)
            spawnd_stop(d, d->kill_grace);
    }
}

static void dispatch(struct spawnd *d, struct watch *w, uint32_t events)
{
    switch (w->kind) {
    case WATCH_LISTEN:
        accept_client(d);
        break;
    case WATCH_SIGNAL:
        take_signal(d);
        break;
    case WATCH_CONN:
        conn_ready(d, FLUX_CONTAINER_OF(w, struct conn, watch), events);
        break;
    case WATCH_PROCESS:
        process_reap(d, FLUX_CONTAINER_OF(w, struct process, watch));
        break;
    }
}

static void run(struct spawnd *d)
{
    struct epoll_event ev[EVENTS_PER_TURN];

    while (!spawnd_finished(d)) {
        int n = epoll_wait(d->epoll, ev, EVENTS_PER_TURN, spawnd_deadlines(d));
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < n; i++)
            dispatch(d, ev[i].data.ptr, ev[i].events);
        conn_close_dead(d);
    }
}

static double seconds(const char *arg)
{
    char *end;
    double s = strtod(arg, &end);

    if (end == arg || *end) {
        fprintf(stderr, "flux-spawnd: '%s' is not a number of seconds\n", arg);
        exit(2);
    }
    return s;
}

static void parse_args(struct spawnd *d, int argc, char **argv)
{
    static const struct option opts[] = {{"socket", required_argument, NULL, 's'},
                                         {"orphan-grace", required_argument, NULL, 'o'},
                                         {"kill-grace", required_argument, NULL, 'k'},
                                         {"linger", no_argument, NULL, 'l'},
                                         {0}};
    int c;

    while ((c = getopt_long(argc, argv, "", opts, NULL)) >= 0) {
        switch (c) {
        case 's':
            d->socket_path = optarg;
            break;
        case 'o':
            d->orphan_grace = seconds(optarg);
            break;
        case 'k':
            d->kill_grace = seconds(optarg);
            break;
        case 'l':
            d->linger = true;
            break;
        default:
            exit(2);
        }
    }
    if (optind != argc) {
        fprintf(stderr, "flux-spawnd: unexpected argument '%s'\n", argv[optind]);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct spawnd d = {.orphan_grace = -1, .kill_grace = 5, .began = flux_monotime()};

    parse_args(&d, argc, argv);
    setup(&d);
    run(&d);
    if (d.listen >= 0) {
        unlink(d.socket_path);
        close(d.listen);
    }
    conn_close_all(&d);
    process_free_all(&d);
    return 0;
}
