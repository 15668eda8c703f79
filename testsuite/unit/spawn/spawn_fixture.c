// SPDX-License-Identifier: LGPL-3.0-only
/* A spawn client with a real helper in a directory of its own, and what it called back. */
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <flux/buf.h>
#include "spawn_fixture.h"

static void on_started(struct spawn_process *p, int r, const char *why, void *arg)
{
    struct task *t = p->data;

    assert_false(t->told_start);
    t->told_start = true;
    t->r = r;
    t->id = p->id;
    t->pid = p->pid;
    snprintf(t->why, sizeof(t->why), "%s", why ? why : "");
}

static void on_exited(struct spawn_process *p, const struct spawn_exit *e, void *arg)
{
    struct task *t = p->data;

    assert_true(t->told_start);
    assert_false(t->told_exit);
    t->told_exit = true;
    t->exit = *e;
}

static void *on_found(const struct spawn_found *found, void *arg)
{
    struct fixture *f = arg;
    struct task *t = &f->found[f->nfound];

    assert_true(f->nfound < 16);
    *t = (struct task){.told_start = true, .id = found->id, .pid = found->pid};
    f->found_acked[f->nfound] = found->acked;
    snprintf(f->cookies[f->nfound], sizeof(f->cookies[0]), "%.*s", (int)found->cookie_len,
             (const char *)found->cookie);
    f->nfound++;
    if (found->exit) {
        t->told_exit = true;
        t->exit = *found->exit;
    }
    return t;
}

static void on_up(pid_t helper, void *arg)
{
    struct fixture *f = arg;

    f->helper = helper;
    f->ups++;
}

static void on_down(const char *why, bool again, void *arg)
{
    struct fixture *f = arg;

    f->downs++;
    snprintf(f->down_why, sizeof(f->down_why), "%s", why);
}

static const struct spawn_ops ops = {
    .started = on_started,
    .exited = on_exited,
    .found = on_found,
    .up = on_up,
    .down = on_down,
};

void fixture_connect(struct fixture *f)
{
    struct flux_error err;

    f->ups = 0;
    if (spawn_client_open(&f->loop, &f->cf, &ops, f, &f->client, &err) < 0)
        fail_msg("%s", err.text);
    fixture_until_count(f, &f->ups, 1);
}

int fixture_up(void **state)
{
    struct fixture *f = flux_alloc(sizeof(*f));

    strcpy(f->dir, "/tmp/test-spawn-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->sock, sizeof(f->sock), "%s/spawnd-0.sock", f->dir);
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->watchdog);
    f->cf = (struct spawn_config){
        .helper = getenv("FLUX_SPAWND"), .socket_path = f->sock, .orphan_grace = -1};
    fixture_connect(f);
    *state = f;
    return 0;
}

int fixture_down(void **state)
{
    struct fixture *f = *state;

    if (f->client)
        spawn_client_close(f->client, 0);
    uv_close((uv_handle_t *)&f->watchdog, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    fixture_gone(f->helper);
    unlink(f->sock);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

void fixture_start(struct fixture *f, struct task *t, const char *const *argv,
                   struct spawn_request *req, struct spawn_process **ret)
{
    struct spawn_request plain = {.inherit_env = true};
    struct flux_error err;

    if (!req)
        req = &plain;
    req->argv = argv;
    req->data = t;
    *t = (struct task){.r = 1};
    if (spawn_client_start(f->client, req, ret, &err) < 0)
        fail_msg("%s", err.text);
}

static void too_late(uv_timer_t *timer)
{
    fail_msg("nothing happened in a minute");
}

static void run_once(struct fixture *f)
{
    uv_timer_start(&f->watchdog, too_late, 60000, 0);
    uv_run(&f->loop, UV_RUN_ONCE);
    uv_timer_stop(&f->watchdog);
}

void fixture_until(struct fixture *f, const bool *flag)
{
    while (!*flag)
        run_once(f);
}

void fixture_until_count(struct fixture *f, const unsigned *count, unsigned want)
{
    while (*count < want)
        run_once(f);
}

void fixture_gone(pid_t pid)
{
    int fd = syscall(SYS_pidfd_open, pid, 0);
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    if (fd < 0)
        return;
    assert_int_equal(poll(&pfd, 1, 10000), 1);
    close(fd);
}

char *fixture_read(int fd)
{
    struct flux_buf b = FLUX_BUF_INIT(0);
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    for (;;) {
        char chunk[4096];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n == 0)
            break;
        if (n < 0) {
            assert_int_equal(poll(&pfd, 1, 10000), 1);
            continue;
        }
        flux_buf_add(&b, chunk, n);
    }
    close(fd);
    return flux_buf_take(&b);
}
