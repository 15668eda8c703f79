// SPDX-License-Identifier: LGPL-3.0-only
/* A writer is killed at any moment, again and again: every transaction it acknowledged is there, in
 * order, and the one after that is there wholly or not at all. */
#include "rig.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 25

/* Transaction i: two keys and an append, with values and log entries that tell i. */
static int commit(struct rig *rig, unsigned i)
{
    char key[32], text[32], big[600];
    struct kvs_op ops[3] = {
        {.kind = KVS_OP_PUT, .key = key, .value = text},
        {.kind = KVS_OP_PUT, .key = "big", .value = big, .len = sizeof(big)},
        {.kind = KVS_OP_APPEND, .key = "log", .value = text},
    };
    uint64_t version;

    snprintf(key, sizeof(key), "d%u.k%u", i % 13, i);
    snprintf(text, sizeof(text), "%08u", i);
    memset(big, 'a' + i % 26, sizeof(big));
    ops[0].len = ops[2].len = strlen(text);
    if (kvs_stage(rig->kvs, "", ops, 3, &version, NULL) < 0)
        return -1;
    return rig_flush(rig);
}

static void writer(struct rig *rig, int fd, unsigned next)
{
    if (rig_open(rig) < 0)
        _exit(1);
    for (;; next++) {
        if (next % 40 == 0)
            kvs_checkpoint_start(rig->kvs);
        if (next % 150 == 0)
            kvs_gc_start(rig->kvs, false);
        if (commit(rig, next) < 0 || write(fd, &next, sizeof(next)) != sizeof(next))
            _exit(1);
    }
}

/* Let a writer go on from `next`, kill it after `acks` acknowledgements and a bit; returns how many
 * were given. */
static unsigned run_and_kill(struct rig *rig, unsigned next, unsigned acks)
{
    unsigned got = 0, ack;
    int fd[2], status;
    pid_t pid;

    assert_int_equal(pipe(fd), 0);
    pid = fork();
    if (pid == 0) {
        close(fd[0]);
        writer(rig, fd[1], next);
    }
    close(fd[1]);
    while (got < acks && read(fd[0], &ack, sizeof(ack)) == sizeof(ack)) {
        assert_int_equal(ack, next + got);
        got++;
    }
    assert_int_equal(got, acks);
    for (volatile unsigned spin = random() % 400000; spin; spin--) {
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    while (read(fd[0], &ack, sizeof(ack)) == sizeof(ack))
        got++;
    close(fd[0]);
    return got;
}

static void acknowledged_is_durable(void **state)
{
    struct rig rig = {.sopt.sync = true,
                      .sopt.keep = true,
                      .kopt.cache_bytes = 16 * 1024,
                      .kopt.log_bytes = 16 * 1024};
    unsigned next = 0;

    srandom(getpid());
    rig_init(&rig);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned acked = next + run_and_kill(&rig, next, 1 + random() % 60);
        int r;

        assert_int_equal(rig_open(&rig), 0);
        assert_int_equal(rig.damaged, 0);
        FLUX_AUTO_STR log = rig_get(&rig, "log", &r);
        FLUX_AUTO_STR big = rig_get(&rig, "big", &r);
        unsigned have = strlen(log) / 8;

        assert_true(have == acked || have == acked + 1);
        assert_int_equal(strlen(log) % 8, 0);
        assert_int_equal(big[0], 'a' + (have - 1) % 26);
        for (unsigned i = 0; i < have; i++) {
            FLUX_AUTO_STR key = flux_printf("d%u.k%u", i % 13, i);
            FLUX_AUTO_STR text = flux_printf("%08u", i);

            rig_expect(&rig, key, text);
            assert_memory_equal(log + 8 * i, text, 8);
        }
        next = have;
        rig_close(&rig);
    }
    rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(acknowledged_is_durable)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
