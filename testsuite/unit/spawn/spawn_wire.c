// SPDX-License-Identifier: LGPL-3.0-only
/* The spawn helper's socket from outside: what is malformed costs that connection alone. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <flux/base.h>
#include "spawn.pb-c.h"

extern char **environ;

static char dir[] = "/tmp/test-spawn-wire-XXXXXX";
static char sock[64];
static pid_t helper;

static int group_up(void **state)
{
    FLUX_AUTO_STR arg = NULL;
    struct pollfd none = {.fd = -1};

    assert_non_null(mkdtemp(dir));
    snprintf(sock, sizeof(sock), "%s/sock", dir);
    arg = flux_printf("--socket=%s", sock);
    /* Nobody is connected at first: the grace keeps it alive. */
    char *argv[] = {getenv("FLUX_SPAWND"), arg, (char *)"--orphan-grace=60", NULL};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    posix_spawn_file_actions_t fa;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, pair[1], 3);
    assert_int_equal(posix_spawn(&helper, argv[0], &fa, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&fa);
    close(pair[1]);
    for (int i = 0; access(sock, F_OK) < 0 && i < 5000; i++)
        poll(&none, 1, 1);
    return 0; /* pair[0] stays open: the reason for the helper to live */
}

static int group_down(void **state)
{
    kill(helper, SIGTERM);
    waitpid(helper, NULL, 0);
    unlink(sock);
    rmdir(dir);
    return 0;
}

static int dial(void)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    struct pollfd none = {.fd = -1};
    int r;

    strcpy(sa.sun_path, sock);
    /* The socket is there a moment before the helper listens on it. */
    for (int i = 0; (r = connect(fd, (struct sockaddr *)&sa, sizeof(sa))) < 0 && i < 5000; i++)
        poll(&none, 1, 1);
    assert_int_equal(r, 0);
    return fd;
}

static void send_record(int fd, Flux__V1__SpawnRequest *req)
{
    size_t n = flux__v1__spawn_request__get_packed_size(req);
    uint8_t data[n + 4];
    uint32_t be = htonl(n);

    memcpy(data, &be, 4);
    flux__v1__spawn_request__pack(req, data + 4);
    assert_int_equal(write(fd, data, n + 4), n + 4);
}

static void read_all(int fd, void *to, size_t n)
{
    assert_int_equal(recv(fd, to, n, MSG_WAITALL), n);
}

static Flux__V1__SpawnReply *read_record(int fd)
{
    uint32_t be;

    read_all(fd, &be, 4);
    uint8_t data[ntohl(be) + 1];
    read_all(fd, data, ntohl(be));
    Flux__V1__SpawnReply *r = flux__v1__spawn_reply__unpack(NULL, ntohl(be), data);
    assert_non_null(r);
    return r;
}

static void hello(int fd)
{
    Flux__V1__SpawnRequest req = FLUX__V1__SPAWN_REQUEST__INIT;
    Flux__V1__SpawnHello h = FLUX__V1__SPAWN_HELLO__INIT;

    h.version = 1;
    req.what_case = FLUX__V1__SPAWN_REQUEST__WHAT_HELLO;
    req.hello = &h;
    send_record(fd, &req);
    Flux__V1__SpawnReply *r = read_record(fd);
    assert_int_equal(r->what_case, FLUX__V1__SPAWN_REPLY__WHAT_WELCOME);
    assert_int_equal(r->welcome->pid, helper);
    flux__v1__spawn_reply__free_unpacked(r, NULL);
}

static void assert_cut_off(int fd)
{
    char c;
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&pfd, 1, 10000), 1);
    assert_true(read(fd, &c, 1) <= 0);
    close(fd);
}

static void test_malformed_records_cost_the_connection(void **state)
{
    static const struct {
        const char *data;
        size_t len;
    } bad[] = {{"\xff\xff\xff\xff", 4},           /* too long */
               {"\0\0\0\x03\x0a\x7f\x01", 7},     /* truncated inside */
               {"\0\0\0\x04\xff\xff\xff\xff", 8}, /* no protobuf */
               {"\0\0\0\0", 4},                   /* empty before hello */
               {"GET / HTTP/1.1\r\n\r\n", 18}};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(bad); i++) {
        int fd = dial();
        assert_int_equal(write(fd, bad[i].data, bad[i].len), bad[i].len);
        assert_cut_off(fd);
    }
    int fd = dial();
    hello(fd);
    close(fd);
}

static void test_bytes_one_by_one(void **state)
{
    static const uint8_t data[] = {0, 0, 0, 4, 0x0a, 2, 8, 1}; /* hello, version 1 */
    int fd = dial();

    for (size_t i = 0; i < sizeof(data); i++)
        assert_int_equal(write(fd, data + i, 1), 1);
    Flux__V1__SpawnReply *r = read_record(fd);
    assert_int_equal(r->what_case, FLUX__V1__SPAWN_REPLY__WHAT_WELCOME);
    flux__v1__spawn_reply__free_unpacked(r, NULL);
    close(fd);
}

static void test_wrong_version_is_refused(void **state)
{
    static const uint8_t data[] = {0, 0, 0, 4, 0x0a, 2, 8, 99};
    int fd = dial();

    assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
    assert_cut_off(fd);
}

static uint32_t start_code(int fd, Flux__V1__SpawnStart *start)
{
    Flux__V1__SpawnRequest req = FLUX__V1__SPAWN_REQUEST__INIT;
    uint32_t code;

    req.what_case = FLUX__V1__SPAWN_REQUEST__WHAT_START;
    req.start = start;
    send_record(fd, &req);
    Flux__V1__SpawnReply *r = read_record(fd);
    assert_int_equal(r->what_case, FLUX__V1__SPAWN_REPLY__WHAT_STARTED);
    assert_int_equal(r->started->id, start->id);
    code = r->started->code;
    assert_true(code == 0 || r->started->text[0]);
    flux__v1__spawn_reply__free_unpacked(r, NULL);
    return code;
}

static void test_newest_client_wins(void **state)
{
    Flux__V1__SpawnStart no_command = FLUX__V1__SPAWN_START__INIT;
    int a = dial(), b = dial();

    hello(a);
    hello(b);
    assert_cut_off(a);
    assert_int_equal(start_code(b, &no_command), EINVAL);
    close(b);
}

static void test_bad_starts_are_refused(void **state)
{
    Flux__V1__SpawnStart start = FLUX__V1__SPAWN_START__INIT;
    Flux__V1__SpawnFd map = FLUX__V1__SPAWN_FD__INIT, *list[] = {&map, &map};
    char *argv[] = {(char *)"sleep", (char *)"1000"};
    uint8_t cookie[300] = {0};
    int fd = dial();

    hello(fd);
    start.id = 1;
    assert_int_equal(start_code(fd, &start), EINVAL); /* no command */
    start.n_argv = 2;
    start.argv = argv;
    start.n_fds = 1;
    start.fds = list;
    map.source = FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_PASSED; /* but none came along */
    assert_int_equal(start_code(fd, &start), EBADF);
    map.source = FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_NULL;
    map.fd = 100000;
    assert_int_equal(start_code(fd, &start), EBADF);
    map.fd = 4;
    start.n_fds = 2; /* the same twice */
    assert_int_equal(start_code(fd, &start), EBADF);
    map.fd = 5;
    start.n_fds = 1;
    map.source = FLUX__V1__SPAWN_SOURCE__SPAWN_SOURCE_INHERIT; /* 0 to 2 only */
    assert_int_equal(start_code(fd, &start), EBADF);
    start.n_fds = 0;
    start.cookie.data = cookie;
    start.cookie.len = sizeof(cookie);
    assert_int_equal(start_code(fd, &start), EINVAL);
    start.cookie.len = 0;
    assert_int_equal(start_code(fd, &start), 0);
    assert_int_equal(start_code(fd, &start), EEXIST);
    close(fd);
}

static void test_kill_of_what_is_not_there(void **state)
{
    Flux__V1__SpawnRequest req = FLUX__V1__SPAWN_REQUEST__INIT;
    Flux__V1__SpawnKill k = FLUX__V1__SPAWN_KILL__INIT;
    int fd = dial();

    hello(fd);
    k.id = 12345;
    k.signal = SIGTERM;
    req.what_case = FLUX__V1__SPAWN_REQUEST__WHAT_KILL;
    req.kill = &k;
    send_record(fd, &req);
    Flux__V1__SpawnReply *r = read_record(fd);
    assert_int_equal(r->what_case, FLUX__V1__SPAWN_REPLY__WHAT_KILLED);
    assert_int_equal(r->killed->code, ESRCH);
    flux__v1__spawn_reply__free_unpacked(r, NULL);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_records_cost_the_connection),
        cmocka_unit_test(test_bytes_one_by_one),
        cmocka_unit_test(test_wrong_version_is_refused),
        cmocka_unit_test(test_newest_client_wins),
        cmocka_unit_test(test_bad_starts_are_refused),
        cmocka_unit_test(test_kill_of_what_is_not_there),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, group_up, group_down);
}
