// SPDX-License-Identifier: LGPL-3.0-only
/* A spawn client with a real helper in a directory of its own, and what it called back. */
#ifndef TEST_SPAWN_FIXTURE_H
#define TEST_SPAWN_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "spawn_client.h"

struct task {
    bool told_start, told_exit;
    int r; /* of the start */
    char why[256];
    uint64_t id;
    pid_t pid;
    struct spawn_exit exit;
};

struct fixture {
    char dir[64];
    char sock[96];
    uv_loop_t loop;
    uv_timer_t watchdog;
    struct spawn_client *client;
    struct spawn_config cf;
    struct task found[16]; /* in the order of the calls */
    char cookies[16][32];
    bool found_acked[16];
    unsigned nfound;
    pid_t helper;
    unsigned ups, downs;
    char down_why[256];
};

int fixture_up(void **state);
int fixture_down(void **state);
/* Connect (again); waits until the helper is up. */
void fixture_connect(struct fixture *f);
/* Start `argv`; whatever else is wanted is in `req` (may be NULL). */
void fixture_start(struct fixture *f, struct task *t, const char *const *argv,
                   struct spawn_request *req, struct spawn_process **ret);
/* Run the loop until *flag, or fail after ten seconds. */
void fixture_until(struct fixture *f, const bool *flag);
void fixture_until_count(struct fixture *f, const unsigned *count, unsigned want);
/* Wait for a pid that is not our child to be gone. */
void fixture_gone(pid_t pid);
/* All that comes from a pipe until its end. Caller frees. */
char *fixture_read(int fd);

#endif
