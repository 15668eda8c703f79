// SPDX-License-Identifier: LGPL-3.0-only
/* The spawn helper as its client sees it: starts, descriptors, ends, and the ways things die. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn_fixture.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_exit_status_and_usage_are_told(void **state)
{
    struct fixture *f = *state;
    struct task t;

    fixture_start(f, &t, ARGV("sh", "-c", "exit 7"), NULL, NULL);
    fixture_until(f, &t.told_exit);
    assert_int_equal(t.r, 0);
    assert_true(t.pid > 0);
    assert_int_equal(WEXITSTATUS(t.exit.status), 7);
    assert_false(t.exit.lost);
    assert_true(t.exit.maxrss_kib > 0);
    assert_true(t.exit.ended > 1e9);
}

static void test_failure_to_run_is_told(void **state)
{
    struct fixture *f = *state;
    struct spawn_request req = {.cwd = "/no/such/dir"};
    struct task t;

    fixture_start(f, &t, ARGV("no-such-command-zz"), NULL, NULL);
    fixture_until(f, &t.told_start);
    assert_int_equal(t.r, -ENOENT);
    assert_string_equal(t.why, "cannot run 'no-such-command-zz': No such file or directory");
    fixture_start(f, &t, ARGV("/etc/passwd"), NULL, NULL);
    fixture_until(f, &t.told_start);
    assert_int_equal(t.r, -EACCES);
    fixture_start(f, &t, ARGV("true"), &req, NULL);
    fixture_until(f, &t.told_start);
    assert_int_equal(t.r, -ENOENT);
    assert_string_equal(t.why, "cannot enter directory '/no/such/dir': No such file or directory");
    assert_int_equal(spawn_client_count(f->client), 0);
}

static void test_script_without_interpreter_line_runs(void **state)
{
    struct fixture *f = *state;
    FLUX_AUTO_STR path = flux_printf("%s/script", f->dir);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
    struct task t;

    assert_int_equal(write(fd, "exit $1\n", 8), 8);
    close(fd);
    fixture_start(f, &t, ARGV(path, "9"), NULL, NULL);
    fixture_until(f, &t.told_exit);
    assert_int_equal(WEXITSTATUS(t.exit.status), 9);
    unlink(path);
}

static void test_streams_and_cwd(void **state)
{
    struct fixture *f = *state;
    struct spawn_fd fds[] = {{0, SPAWN_READS}, {1, SPAWN_WRITES}, {2, SPAWN_WRITES}};
    struct spawn_request req = {.inherit_env = true, .cwd = "/usr/lib", .fds = fds, .nfds = 3};
    struct task t;

    fixture_start(f, &t, ARGV("sh", "-c", "cat; pwd; echo oops >&2"), &req, NULL);
    assert_int_equal(write(fds[0].fd, "hello\n", 6), 6);
    close(fds[0].fd);
    FLUX_AUTO_STR out = fixture_read(fds[1].fd);
    FLUX_AUTO_STR errs = fixture_read(fds[2].fd);
    assert_string_equal(out, "hello\n/usr/lib\n");
    assert_string_equal(errs, "oops\n");
    fixture_until(f, &t.told_exit);
}

static void test_environment_given_or_edited(void **state)
{
    struct fixture *f = *state;
    struct spawn_fd fds[] = {{1, SPAWN_WRITES}};
    struct spawn_request req = {.env = ARGV("A=1", "B=two words"), .fds = fds, .nfds = 1};
    struct task t;

    fixture_start(f, &t, ARGV("/usr/bin/env"), &req, NULL);
    FLUX_AUTO_STR out = fixture_read(fds[0].fd);
    assert_string_equal(out, "A=1\nB=two words\n");
    fixture_until(f, &t.told_exit);

    req = (struct spawn_request){
        .env = ARGV("HOME", "FLUX_TEST=x"), .inherit_env = true, .fds = fds, .nfds = 1};
    fixture_start(f, &t, ARGV("sh", "-c", "echo ${HOME-none} $FLUX_TEST ${PATH:+path}"), &req,
                  NULL);
    FLUX_AUTO_STR edited = fixture_read(fds[0].fd);
    assert_string_equal(edited, "none x path\n");
    fixture_until(f, &t.told_exit);
}

static void test_document_is_sealed_and_alone(void **state)
{
    struct fixture *f = *state;
    struct spawn_fd fds[] = {{1, SPAWN_WRITES}};
    struct spawn_request req = {
        .inherit_env = true, .fds = fds, .nfds = 1, .document = "start me", .document_len = 8};
    struct task t;

    fixture_start(f, &t,
                  ARGV("sh", "-c",
                       "cat <&3; (echo x >&3) 2>/dev/null && echo writable;"
                       "exec ls /proc/self/fd"),
                  &req, NULL);
    FLUX_AUTO_STR out = fixture_read(fds[0].fd);
    /* 0 to 3, and ls's own of the directory it reads */
    assert_string_equal(out, "start me0\n1\n2\n3\n4\n");
    fixture_until(f, &t.told_exit);
}

static void test_extra_descriptors_cross_over(void **state)
{
    struct fixture *f = *state;
    int in[2];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(write(in[1], "given\n", 6), 6);
    close(in[1]);
    struct spawn_fd fds[] = {{9, SPAWN_GIVEN, in[0]}, {7, SPAWN_SOCKET}, {1, SPAWN_WRITES}};
    struct spawn_request req = {.inherit_env = true, .fds = fds, .nfds = 3};
    struct task t;
    fixture_start(f, &t, ARGV("sh", "-c", "cat <&9; head -n1 <&7; echo back >&7"), &req, NULL);
    assert_int_equal(write(fds[1].fd, "sock\n", 5), 5);
    FLUX_AUTO_STR out = fixture_read(fds[2].fd);
    assert_string_equal(out, "given\nsock\n");
    FLUX_AUTO_STR back = fixture_read(fds[1].fd);
    assert_string_equal(back, "back\n");
    fixture_until(f, &t.told_exit);
}

static void test_signals_are_default_in_a_group_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct spawn_fd fds[] = {{1, SPAWN_WRITES}};
    struct spawn_request req = {.inherit_env = true, .fds = fds, .nfds = 1};
    struct task t;

    fixture_start(f, &t,
                  ARGV("sh", "-c",
                       "grep -E '^Sig(Blk|Ign)' /proc/self/status;"
                       "[ $(ps -o pgid= -p $$) = $$ ] && echo leader"),
                  &req, NULL);
    FLUX_AUTO_STR out = fixture_read(fds[0].fd);
    assert_string_equal(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nleader\n");
    fixture_until(f, &t.told_exit);
}

static void test_kill_reaches_the_group(void **state)
{
    struct fixture *f = *state;
    struct spawn_fd fds[] = {{1, SPAWN_WRITES}};
    struct spawn_request req = {.inherit_env = true, .fds = fds, .nfds = 1};
    struct spawn_process *p;
    struct task t;

    /* The pipe ends only when the grandchild is gone as well. */
    fixture_start(f, &t, ARGV("sh", "-c", "sleep 100 & echo up; wait"), &req, &p);
    char buf[8];
    while (read(fds[0].fd, buf, sizeof(buf)) < 3)
        ;
    spawn_client_kill(f->client, p, SIGUSR1, 0);
    fixture_until(f, &t.told_exit);
    assert_int_equal(WTERMSIG(t.exit.status), SIGUSR1);
    free(fixture_read(fds[0].fd));
}

static void test_a_thousand_at_once(void **state)
{
    struct fixture *f = *state;
    enum { N = 1000 };
    FLUX_AUTO_MEM(struct task) t = flux_alloc(N * sizeof(*t));
    struct spawn_process *p[N];

    for (int i = 0; i < N; i++)
        fixture_start(f, &t[i], ARGV("sleep", "1000"), NULL, &p[i]);
    for (int i = 0; i < N; i++)
        fixture_until(f, &t[i].told_start);
    assert_int_equal(spawn_client_count(f->client), N);
    for (int i = 0; i < N; i++)
        spawn_client_kill(f->client, p[i], SIGKILL, 0);
    for (int i = 0; i < N; i++) {
        fixture_until(f, &t[i].told_exit);
        assert_int_equal(WTERMSIG(t[i].exit.status), SIGKILL);
    }
}

static void test_found_again_by_the_next_broker(void **state)
{
    struct fixture *f = *state;
    struct spawn_request req = {.inherit_env = true, .cookie = "job one", .cookie_len = 7};
    struct task t, ended, seen;
    pid_t helper = f->helper;

    fixture_start(f, &t, ARGV("sleep", "1000"), &req, NULL);
    fixture_until(f, &t.told_start);
    req.cookie = "seen";
    req.cookie_len = 4;
    fixture_start(f, &seen, ARGV("true"), &req, NULL);
    fixture_until(f, &seen.told_exit);
    spawn_client_ack(f->client, seen.id);
    req.cookie = "end";
    req.cookie_len = 3;
    fixture_start(f, &ended, ARGV("sh", "-c", "exit 3"), &req, NULL);
    spawn_client_close(f->client, -1); /* its end is not seen by anybody */
    fixture_connect(f);
    assert_int_equal(f->helper, helper);
    assert_int_equal(f->nfound, 3);
    struct task *found_run = NULL, *found_end = NULL;
    for (unsigned i = 0; i < 3; i++) {
        if (!strcmp(f->cookies[i], "job one")) {
            found_run = &f->found[i];
            assert_false(found_run->told_exit);
            assert_int_equal(found_run->pid, t.pid);
        } else if (!strcmp(f->cookies[i], "end")) {
            found_end = &f->found[i];
            assert_false(f->found_acked[i]);
        } else {
            assert_string_equal(f->cookies[i], "seen");
            assert_true(f->found_acked[i]);
        }
    }
    fixture_until(f, &found_end->told_exit);
    assert_int_equal(WEXITSTATUS(found_end->exit.status), 3);
    kill(found_run->pid, SIGTERM);
    fixture_until(f, &found_run->told_exit);
    assert_int_equal(WTERMSIG(found_run->exit.status), SIGTERM);
}

static void test_death_of_the_helper_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct task a, b, c;
    pid_t old = f->helper;

    fixture_start(f, &a, ARGV("sleep", "1000"), NULL, NULL);
    fixture_until(f, &a.told_start);
    f->ups = 0;
    kill(old, SIGSTOP); /* so that the next request is not answered */
    fixture_start(f, &b, ARGV("sleep", "1000"), NULL, NULL);
    kill(old, SIGKILL);
    fixture_until(f, &a.told_exit);
    fixture_until(f, &b.told_start);
    assert_true(a.exit.lost);
    assert_int_equal(b.r, -ECONNRESET);
    assert_int_equal(f->downs, 1);
    FLUX_AUTO_STR why = flux_printf("the spawn helper (pid %d) was killed by signal 9", old);
    assert_string_equal(f->down_why, why);
    fixture_gone(a.pid);
    fixture_until_count(f, &f->ups, 1);
    assert_int_not_equal(f->helper, old);
    fixture_start(f, &c, ARGV("true"), NULL, NULL);
    fixture_until(f, &c.told_exit);
    assert_int_equal(c.exit.status, 0);
}

static void test_shutdown_kills_what_is_left(void **state)
{
    struct fixture *f = *state;
    struct task t, stubborn;
    struct spawn_fd fds[] = {{1, SPAWN_WRITES}};
    struct spawn_request req = {.inherit_env = true, .fds = fds, .nfds = 1};
    char c;

    fixture_start(f, &t, ARGV("sleep", "1000"), NULL, NULL);
    fixture_start(f, &stubborn,
                  ARGV("sh", "-c", "trap '' TERM; echo; while :; do sleep 1000; done"), &req, NULL);
    fixture_until(f, &stubborn.told_start);
    while (read(fds[0].fd, &c, 1) != 1)
        ;
    close(fds[0].fd);
    spawn_client_close(f->client, 0.05);
    f->client = NULL;
    fixture_gone(t.pid);
    fixture_gone(stubborn.pid);
    fixture_gone(f->helper);
    assert_int_equal(access(f->sock, F_OK), -1);
}

static void test_orphaned_helper_goes_after_its_grace(void **state)
{
    struct fixture *f = *state;
    struct task t;

    spawn_client_close(f->client, 0);
    fixture_gone(f->helper);
    f->cf.orphan_grace = 0.05;
    fixture_connect(f);
    fixture_start(f, &t, ARGV("sleep", "1000"), NULL, NULL);
    fixture_until(f, &t.told_start);
    spawn_client_close(f->client, -1);
    f->client = NULL;
    fixture_gone(t.pid);
    fixture_gone(f->helper);
}

static void test_the_grace_of_a_running_helper_changes(void **state)
{
    struct fixture *f = *state;
    struct task before, after;

    fixture_start(f, &before, ARGV("sleep", "1000"), NULL, NULL);
    spawn_client_set_grace(f->client, 0.05);
    fixture_start(f, &after, ARGV("sleep", "1000"), NULL, NULL);
    fixture_until(f, &after.told_start);
    assert_false(before.told_exit);
    spawn_client_close(f->client, -1);
    f->client = NULL;
    fixture_gone(before.pid);
    fixture_gone(after.pid);
    fixture_gone(f->helper);
}

static void test_orphaned_helper_with_nothing_to_tell_goes(void **state)
{
    struct fixture *f = *state;
    struct task t;

    fixture_start(f, &t, ARGV("true"), NULL, NULL);
    fixture_until(f, &t.told_exit);
    spawn_client_ack(f->client, t.id);
    spawn_client_close(f->client, -1);
    f->client = NULL;
    fixture_gone(f->helper);
}

static void test_cgroup(void **state)
{
    struct fixture *f = *state;
    char dir[] = "/sys/fs/cgroup/unified/flux-test-XXXXXX";
    const char *base = "/sys/fs/cgroup/cgroup.procs";
    struct spawn_process *p;
    struct task t;

    if (access(base, W_OK) == 0)
        strcpy(dir, "/sys/fs/cgroup/flux-test-XXXXXX");
    if (!mkdtemp(dir))
        skip();
    struct spawn_request req = {.inherit_env = true, .cgroup = dir};
    struct spawn_fd fds[] = {{1, SPAWN_WRITES}};
    req.fds = fds;
    req.nfds = 1;
    /* The grandchild leaves the process group, but not the cgroup. */
    fixture_start(f, &t, ARGV("sh", "-c", "setsid sleep 1000 & echo up; wait"), &req, &p);
    fixture_until(f, &t.told_start);
    assert_int_equal(t.r, 0);
    char buf[8];
    while (read(fds[0].fd, buf, sizeof(buf)) < 3)
        ;
    spawn_client_kill(f->client, p, SIGKILL, SPAWN_KILL_CGROUP);
    fixture_until(f, &t.told_exit);
    free(fixture_read(fds[0].fd)); /* ends when the last of them has gone */
    for (int i = 0; rmdir(dir) < 0 && errno == EBUSY && i < 1000; i++)
        usleep(1000);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, fixture_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_exit_status_and_usage_are_told),
        CASE(test_failure_to_run_is_told),
        CASE(test_script_without_interpreter_line_runs),
        CASE(test_streams_and_cwd),
        CASE(test_environment_given_or_edited),
        CASE(test_document_is_sealed_and_alone),
        CASE(test_extra_descriptors_cross_over),
        CASE(test_signals_are_default_in_a_group_of_its_own),
        CASE(test_kill_reaches_the_group),
        CASE(test_a_thousand_at_once),
        CASE(test_found_again_by_the_next_broker),
        CASE(test_death_of_the_helper_is_noticed),
        CASE(test_shutdown_kills_what_is_left),
        CASE(test_orphaned_helper_goes_after_its_grace),
        CASE(test_the_grace_of_a_running_helper_changes),
        CASE(test_orphaned_helper_with_nothing_to_tell_goes),
        CASE(test_cgroup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
