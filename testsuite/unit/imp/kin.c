// SPDX-License-Identifier: LGPL-3.0-only
/* The processes of a job: whose cgroup it is, and that all descendants are found. */
#include "../../../imp/kin.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void cgroup_paths(void **state)
{
    static const struct {
        const char *text, *path; /* NULL: none */
    } rows[] = {
        {"0::/\n", "/"},
        {"0::/system.slice/flux.service/flux-f1\n", "/system.slice/flux.service/flux-f1"},
        {"9:name=systemd:/\n4:memory:/x\n0::/a\n", "/a"},
        {"0::/../../a/b\n", "/a/b"},
        {"0::/../..\n", ""},
        {"0::/..a\n", "/..a"},
        {"0::/a", "/a"},
        {"", NULL},
        {"1:memory:/a\n", NULL},
        {"10::/a\n", NULL},
        {"0::a\n", NULL},
    };
    char path[64];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int r = kin_parse_cgroup(rows[i].text, path, sizeof(path));
        assert_int_equal(r, rows[i].path ? 0 : -ENOENT);
        if (rows[i].path)
            assert_string_equal(path, rows[i].path);
    }
    assert_int_equal(kin_parse_cgroup("0::/0123456789\n", path, 8), -ENOENT);
}

static void a_cgroup_is_a_jobs_by_its_name(void **state)
{
    assert_true(kin_cgroup_is_job("/system.slice/flux.service/flux-f1"));
    assert_true(kin_cgroup_is_job("/x/imp-shell-1.service"));
    assert_false(kin_cgroup_is_job("/system.slice/flux.service"));
    assert_false(kin_cgroup_is_job("/flux-x/other"));
    assert_false(kin_cgroup_is_job("/"));
    assert_false(kin_cgroup_is_job(""));
}

/* A child whose own child has a session of its own, and one that has lost its parent. */
static pid_t start_family(int ready)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            dprintf(ready, "x");
            pause();
        }
        _exit(0); /* its child is an orphan now */
    }
    if (fork() == 0) {
        dprintf(ready, "x");
        pause();
    }
    dprintf(ready, "x");
    pause();
    _exit(0);
}

static void all_descendants_are_killed(void **state)
{
    struct kin kin = {.alone = false};
    int fds[2], killed = 0;
    char three[3];

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    assert_int_equal(pipe(fds), 0);
    assert_true(start_family(fds[1]) > 0);
    close(fds[1]);
    for (size_t n = 0; n < sizeof(three);)
        n += read(fds[0], three + n, sizeof(three) - n);
    while (kin_kill(&kin) > 0)
        while (waitpid(-1, NULL, WNOHANG) > 0)
            killed++;
    assert_true(killed >= 3);
    assert_int_equal(read(fds[0], three, 1), 0); /* nobody has it open */
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    close(fds[0]);
    assert_false(kin_left(&kin));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cgroup_paths),
        cmocka_unit_test(a_cgroup_is_a_jobs_by_its_name),
        cmocka_unit_test(all_descendants_are_killed),
    };

    return cmocka_run_group_tests_name("imp_kin", tests, NULL, NULL);
}
