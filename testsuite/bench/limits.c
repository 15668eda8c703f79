// SPDX-License-Identifier: LGPL-3.0-only
/* What this machine can do at best: the figures that ours are read against. One "name value unit" a
 * line: processes made and waited for, small durable writes, round trips and bytes between two
 * processes. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <flux/base.h>

#define SPAWNS 1000
#define WRITES 100
#define TRIPS 5000
#define PIPE_BYTES (256u << 20)

static void start_one(void)
{
    char *argv[] = {(char *)"true", NULL};
    pid_t pid;

    if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) != 0)
        abort();
}

/* Of the children, and of this process for their sake. */
static double cpu_seconds(void)
{
    static const int who[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
    double sum = 0;

    for (int i = 0; i < 2; i++) {
        struct rusage u;

        getrusage(who[i], &u);
        sum += u.ru_utime.tv_sec + u.ru_stime.tv_sec;
        sum += (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
    }
    return sum;
}

static void spawns(int in_flight)
{
    double cpu = cpu_seconds();
    double start = flux_monotime();

    for (int i = 0; i < in_flight; i++)
        start_one();
    for (int done = 0; done < SPAWNS; done++) {
        if (wait(NULL) < 0)
            abort();
        if (done + in_flight < SPAWNS)
            start_one();
    }
    printf("limit.spawn.%d %.0f /s\n", in_flight, SPAWNS / (flux_monotime() - start));
    if (in_flight == 1)
        printf("limit.spawn.cpu %.3f ms\n", (cpu_seconds() - cpu) * 1000 / SPAWNS);
}

static void durable_writes(const char *dir)
{
    FLUX_AUTO_STR path = flux_printf("%s/limits.XXXXXX", dir);
    FLUX_AUTO_FD int fd = mkostemp(path, O_CLOEXEC);
    char block[4096] = "";
    double start;

    if (fd < 0)
        abort();
    unlink(path);
    start = flux_monotime();
    for (int i = 0; i < WRITES; i++)
        if (write(fd, block, sizeof(block)) < 0 || fdatasync(fd) < 0)
            abort();
    printf("limit.fdatasync %.3f ms\n", (flux_monotime() - start) * 1000 / WRITES);
}

static void echo(int fd)
{
    char block[64];
    ssize_t n;

    while ((n = read(fd, block, sizeof(block))) > 0)
        if (write(fd, block, n) != n)
            break;
    _exit(0);
}

static void round_trips(void)
{
    char block[64] = "";
    double start;
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        abort();
    pid = fork();
    if (pid == 0) {
        close(pair[0]);
        echo(pair[1]);
    }
    close(pair[1]);
    start = flux_monotime();
    for (int i = 0; i < TRIPS; i++)
        if (write(pair[0], block, sizeof(block)) < 0 || read(pair[0], block, sizeof(block)) <= 0)
            abort();
    printf("limit.ping %.3f ms\n", (flux_monotime() - start) * 1000 / TRIPS);
    close(pair[0]);
    waitpid(pid, NULL, 0);
}

static void drain(int fd)
{
    static char block[65536];

    while (read(fd, block, sizeof(block)) > 0)
        ;
    _exit(0);
}

static void pipe_bytes(void)
{
    static char block[65536];
    double start;
    int ends[2];
    pid_t pid;

    if (pipe(ends) < 0)
        abort();
    pid = fork();
    if (pid == 0) {
        close(ends[1]);
        drain(ends[0]);
    }
    close(ends[0]);
    start = flux_monotime();
    for (size_t n = 0; n < PIPE_BYTES; n += sizeof(block))
        if (write(ends[1], block, sizeof(block)) != sizeof(block))
            abort();
    close(ends[1]);
    waitpid(pid, NULL, 0);
    printf("limit.pipe %.0f MB/s\n", PIPE_BYTES / 1e6 / (flux_monotime() - start));
}

int main(int argc, char *argv[])
{
    spawns(1);
    spawns(2);
    fflush(stdout);
    durable_writes(argc > 1 ? argv[1] : "/var/tmp");
    fflush(stdout);
    round_trips();
    fflush(stdout);
    pipe_bytes();
    return 0;
}
