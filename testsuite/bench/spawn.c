// SPDX-License-Identifier: LGPL-3.0-only
/* bench_spawn HELPER SECONDS K: processes a second with K in flight, by plain posix_spawn + waitpid
 * and through the spawn helper (request, process, exit report, acknowledgement). */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn_client.h"

extern char **environ;

static char *const argv_true[] = {(char *)"/bin/true", NULL};

struct bench {
    struct spawn_client *client;
    double until;
    long done;
    unsigned open;
};

static void start_plain(posix_spawn_file_actions_t *fa)
{
    pid_t pid;

    if (posix_spawn(&pid, argv_true[0], fa, NULL, argv_true, environ) != 0)
        exit(1);
}

static double plain(double seconds, unsigned k)
{
    double t0 = flux_monotime();
    posix_spawn_file_actions_t fa;
    long done = 0;
    int status;

    posix_spawn_file_actions_init(&fa);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(&fa, fd, "/dev/null", O_RDWR, 0);
    for (unsigned i = 0; i < k; i++)
        start_plain(&fa);
    for (; flux_monotime() - t0 < seconds; done++) {
        wait(&status);
        start_plain(&fa);
    }
    double rate = done / (flux_monotime() - t0);
    while (wait(&status) > 0)
        ;
    posix_spawn_file_actions_destroy(&fa);
    return rate;
}

static void start_one(struct bench *b)
{
    struct spawn_request req = {
        .argv = (const char *const *)argv_true, .inherit_env = true, .data = b};
    struct flux_error err;

    if (spawn_client_start(b->client, &req, NULL, &err) < 0) {
        fprintf(stderr, "bench_spawn: %s\n", err.text);
        exit(1);
    }
    b->open++;
}

static void on_started(struct spawn_process *p, int r, const char *why, void *arg)
{
    if (r < 0) {
        fprintf(stderr, "bench_spawn: %s\n", why);
        exit(1);
    }
}

static void on_exited(struct spawn_process *p, const struct spawn_exit *e, void *arg)
{
    struct bench *b = p->data;

    spawn_client_ack(b->client, p->id);
    b->done++;
    b->open--;
    if (flux_monotime() < b->until)
        start_one(b);
}

static double helped(const char *helper, double seconds, unsigned k)
{
    static const struct spawn_ops ops = {.started = on_started, .exited = on_exited};
    struct spawn_config cf = {.helper = helper, .orphan_grace = 0};
    struct bench b = {.done = 0};
    struct flux_error err;
    uv_loop_t loop;

    uv_loop_init(&loop);
    if (spawn_client_open(&loop, &cf, &ops, NULL, &b.client, &err) < 0) {
        fprintf(stderr, "bench_spawn: %s\n", err.text);
        exit(1);
    }
    double t0 = flux_monotime();
    b.until = t0 + seconds;
    for (unsigned i = 0; i < k; i++)
        start_one(&b);
    while (b.open > 0)
        uv_run(&loop, UV_RUN_ONCE);
    double rate = b.done / (flux_monotime() - t0);
    spawn_client_close(b.client, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return rate;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_spawn HELPER SECONDS K\n");
        return 2;
    }
    double seconds = atof(argv[2]);
    unsigned k = atoi(argv[3]);
    double a = plain(seconds, k), b = helped(argv[1], seconds, k);
    printf("spawn.posix.%u %.0f /s\nspawn.helper.%u %.0f /s\n", k, a, k, b);
    return 0;
}
