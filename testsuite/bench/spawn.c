// SPDX-License-Identifier: LGPL-3.0-only
/* bench_spawn HELPER SECONDS K: processes a second with K in flight, by plain posix_spawn + waitpid
 * and through the spawn helper (request, process, exit report, acknowledgement); and what one costs
 * of processor time, all included, which says more on a busy machine. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
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

struct figures {
    double rate; /* 1/s */
    double cpu;  /* ms each, of us and of all that has ended below us */
};

static double cpu_seconds(void)
{
    struct rusage ru[2];
    double sum = 0;

    getrusage(RUSAGE_SELF, &ru[0]);
    getrusage(RUSAGE_CHILDREN, &ru[1]);
    for (int i = 0; i < 2; i++)
        sum += ru[i].ru_utime.tv_sec + ru[i].ru_stime.tv_sec +
               (ru[i].ru_utime.tv_usec + ru[i].ru_stime.tv_usec) * 1e-6;
    return sum;
}

static struct figures plain(double seconds, unsigned k)
{
    double cpu0 = cpu_seconds();
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
    return (struct figures){rate, (cpu_seconds() - cpu0) * 1000 / (done + k)};
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

static struct figures helped(const char *helper, double seconds, unsigned k)
{
    double cpu0 = cpu_seconds();
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
    return (struct figures){rate, (cpu_seconds() - cpu0) * 1000 / b.done};
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_spawn HELPER SECONDS K\n");
        return 2;
    }
    double seconds = atof(argv[2]);
    unsigned k = atoi(argv[3]);
    struct figures a = plain(seconds, k), b = helped(argv[1], seconds, k);
    printf("spawn.posix.%u %.0f /s\nspawn.posix.%u.cpu %.3f ms\n", k, a.rate, k, a.cpu);
    printf("spawn.helper.%u %.0f /s\nspawn.helper.%u.cpu %.3f ms\n", k, b.rate, k, b.cpu);
    return 0;
}
