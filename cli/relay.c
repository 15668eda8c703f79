// SPDX-License-Identifier: LGPL-3.0-only
/* flux relay: the far end of an ssh:// connection. Bytes go both ways between our standard input
 * and output and a broker's socket, until either side has said its last. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <flux/uri.h>

#include "verb.h"

/* One direction, with what was read and not yet written. */
struct way {
    int from, to;
    size_t len, off;
    bool ended;
    char buf[65536];
};

static bool must_wait(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* As far as it goes without waiting. False: nobody is there to write to. */
static bool move(struct way *w)
{
    ssize_t n;

    if (w->len == 0 && !w->ended) {
        n = read(w->from, w->buf, sizeof(w->buf));
        if (must_wait(n))
            return true;
        w->ended = n <= 0;
        w->len = n > 0 ? (size_t)n : 0;
        w->off = 0;
    }
    while (w->len > 0) {
        n = write(w->to, w->buf + w->off, w->len);
        if (n < 0)
            return must_wait(n);
        w->off += (size_t)n;
        w->len -= (size_t)n;
    }
    return true;
}

static struct pollfd next(const struct way *w)
{
    if (w->len > 0)
        return (struct pollfd){w->to, POLLOUT, 0};
    return (struct pollfd){w->ended ? -1 : w->from, POLLIN, 0};
}

static void relay(struct way *out, struct way *in)
{
    bool told = false;

    while (!in->ended || in->len > 0) {
        struct pollfd fds[2] = {next(out), next(in)};

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if ((fds[0].revents && !move(out)) || (fds[1].revents && !move(in)))
            return;
        if (out->ended && out->len == 0 && !told)
            told = shutdown(out->to, SHUT_WR) == 0 || errno != EINTR;
    }
}

static int run(struct cli *cli)
{
    static struct way out, in;
    struct flux_error err;
    int fd;

    if (cli->argc != 1)
        return cli_misused(cli, "expected the path of a socket");
    fd = flux_socket_dial(cli->argv[0], &err);
    if (fd < 0)
        return cli_fail(cli, "%s", err.text);
    signal(SIGPIPE, SIG_IGN);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
    out = (struct way){.from = STDIN_FILENO, .to = fd};
    in = (struct way){.from = fd, .to = STDOUT_FILENO};
    relay(&out, &in);
    close(fd);
    return 0;
}

const struct flux_verb verb_relay = {
    .path = "relay",
    .args = "PATH",
    .summary = "Carry the bytes of an ssh:// connection",
    .more =
        "PATH is a broker's socket. Flux commands whose instance is ssh://HOST/PATH run this on "
        "HOST.",
    .run = run,
};
