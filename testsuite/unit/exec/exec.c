// SPDX-License-Identifier: LGPL-3.0-only
/* Commands of the exec service over a tree of seven brokers (0 - 1,2; 1 - 3,4; 2 - 5,6): split,
 * merge, output, input, signals, losses. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <flux/paths.h>

#include "seen.h"

static struct seen *run_with(struct fabric *f, const char *ranks, const char *script,
                             const char *label, bool with_stdin, bool background)
{
    flux_exec_run_request in = FLUX_EXEC_RUN_REQUEST_INIT;
    const char *argv[] = {"sh", "-c", script};
    struct seen *s = seen_new(f);
    struct flux_to to = FLUX_RANK(0);

    in.ranks = ranks;
    in.argv = argv;
    in.n_argv = 3;
    in.label = label ? label : "";
    in.stdin = with_stdin;
    in.background = background;
    to.credit = 100000;
    s->future = flux_exec_run_stream(f->nodes[0].client, to, &in);
    flux_future_then(s->future, seen_run_item, s);
    return s;
}

static struct seen *run_script(struct fabric *f, const char *ranks, const char *script)
{
    return run_with(f, ranks, script, NULL, false, false);
}

static void test_a_command_runs_on_all_ranks(void **state)
{
    struct seen *s = run_script(*state, "0-6", "echo out; echo err >&2; exit 3");

    until_end(s);
    assert_int_equal(s->r, 0);
    assert_ranks(s->started, "0-6");
    assert_ranks(s->exited, "0-6");
    assert_int_equal(WEXITSTATUS(s->status), 3);
    assert_int_equal(s->out[1].len, 7 * 4);
    assert_int_equal(s->out[2].len, 7 * 4);
    seen_free(s);
}

static void test_only_the_ranks_asked_for(void **state)
{
    struct seen *s = run_script(*state, "3,6", "echo $FLUX_URI");

    until_end(s);
    assert_ranks(s->exited, "3,6");
    assert_memory_equal(s->out[1].data, "local:///nowhere\nlocal:///nowhere\n", 34);
    seen_free(s);
}

static void test_bad_requests_are_refused(void **state)
{
    static const struct {
        const char *ranks;
        int r;
    } cases[] = {{"", -EINVAL}, {"7", -EHOSTUNREACH}, {"0-1000", -EHOSTUNREACH}, {"x", -EINVAL}};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cases); i++) {
        struct seen *s = run_script(*state, cases[i].ranks, "true");
        until_end(s);
        assert_int_equal(s->r, cases[i].r);
        assert_true(strlen(s->err) > 0);
        seen_free(s);
    }
}

static void test_a_command_that_cannot_be_run_fails_everywhere(void **state)
{
    struct fabric *f = *state;
    flux_exec_run_request in = FLUX_EXEC_RUN_REQUEST_INIT;
    const char *argv[] = {"no-such-command-zz"};
    struct seen *s = seen_new(f);

    in.ranks = "1-2";
    in.argv = argv;
    in.n_argv = 1;
    s->future = flux_exec_run_stream(f->nodes[0].client, FLUX_RANK(0), &in);
    flux_future_then(s->future, seen_run_item, s);
    until_end(s);
    assert_int_equal(s->r, 0);
    assert_ranks(s->failed, "1-2");
    assert_int_equal(s->errnum, ENOENT);
    assert_non_null(strstr(s->text, "cannot run 'no-such-command-zz': No such file or directory"));
    assert_non_null(strstr(s->text, "node"));
    seen_free(s);
}

static void feed(struct fabric *f, const char *label, const char *ranks, const void *data,
                 size_t len, bool eof, struct answer *a)
{
    flux_exec_run_input_request in = FLUX_EXEC_RUN_INPUT_REQUEST_INIT;

    in.label = label;
    in.ranks = ranks;
    in.data = (ProtobufCBinaryData){.data = (uint8_t *)data, .len = len};
    in.eof = eof;
    *a = (struct answer){.done = false};
    flux_future_then(flux_exec_run_input_async(f->nodes[0].client, FLUX_RANK(0), &in), seen_answer,
                     a);
}

static void test_input_goes_to_all(void **state)
{
    struct fabric *f = *state;
    struct seen *s = run_with(f, "0-6", "cat", "in", true, false);
    struct answer a;

    feed(f, "in", "", "hello\n", 6, false, &a);
    until_answered(f, &a);
    assert_int_equal(a.r, 0);
    feed(f, "in", "4-5", "more\n", 5, false, &a);
    until_answered(f, &a);
    feed(f, "in", "", NULL, 0, true, &a);
    until_answered(f, &a);
    until_end(s);
    assert_ranks(s->exited, "0-6");
    assert_int_equal(s->status, 0);
    assert_int_equal(s->out[1].len, 7 * 6 + 2 * 5);
    seen_free(s);
    feed(f, "in", "", "x", 1, false, &a);
    until_answered(f, &a);
    assert_int_equal(a.r, -ENOENT);
}

static void send_kill(struct fabric *f, const char *label, const char *ranks, int signum)
{
    flux_exec_run_kill_request in = FLUX_EXEC_RUN_KILL_REQUEST_INIT;
    struct answer a = {.done = false};

    in.label = label;
    in.ranks = ranks;
    in.signum = signum;
    flux_future_then(flux_exec_run_kill_async(f->nodes[0].client, FLUX_RANK(0), &in), seen_answer,
                     &a);
    until_answered(f, &a);
    assert_int_equal(a.r, 0);
}

static void test_one_who_never_reads_holds_back_its_input_only(void **state)
{
    struct fabric *f = *state;
    struct seen *s = run_with(f, "3", "exec sleep 1000", "deaf", true, false);
    FLUX_AUTO_MEM(char) data = flux_alloc(60000);
    struct answer a[8];
    int n = 0;

    until_started(s, 1);
    /* A pipe's worth and 64 KiB more are taken; then answers stop coming. */
    for (; n < 8; n++) {
        feed(f, "deaf", "", data, 60000, false, &a[n]);
        for (int i = 0; i < 50 && !a[n].done; i++)
            uv_run(&f->loop, UV_RUN_NOWAIT);
        if (!a[n].done)
            break;
    }
    assert_in_range(n, 1, 7);
    struct seen *other = run_script(f, "3", "echo fine");
    until_end(other);
    assert_int_equal(other->out[1].len, 5);
    seen_free(other);
    send_kill(f, "deaf", "", SIGTERM);
    until_answered(f, &a[n]);
    until_end(s);
    assert_int_equal(WTERMSIG(s->status), SIGTERM);
    seen_free(s);
}

static void test_signals_to_some(void **state)
{
    struct fabric *f = *state;
    struct seen *s = run_with(f, "0-6", "exec sleep 1000", "sig", false, false);

    until_started(s, 7);
    send_kill(f, "sig", "0,3-4", SIGUSR1);
    while (flux_idset_count(s->exited) < 3)
        fabric_step(f);
    assert_ranks(s->exited, "0,3-4");
    send_kill(f, "sig", "", SIGTERM);
    until_end(s);
    assert_ranks(s->exited, "0-6");
    seen_free(s);
}

static void test_one_who_never_stops_writing_is_held_by_credit(void **state)
{
    struct fabric *f = *state;
    struct seen *s = run_script(f, "0,3,5", "exec yes");

    s->stingy = true;
    until_started(s, 3);
    size_t before;
    do { /* until a quarter of a second of turns brings nothing more to what has come */
        before = s->out[1].len;
        for (int i = 0; i < 50; i++) {
            uv_run(&f->loop, UV_RUN_NOWAIT);
            usleep(5000);
        }
    } while (!before || s->out[1].len != before);
    assert_in_range(before, 1, 1 << 20);
    struct seen *other = run_script(f, "0-6", "echo fine");
    until_end(other);
    assert_int_equal(other->out[1].len, 7 * 5);
    seen_free(other);
    seen_free(s); /* the caller goes away: they are killed */
}

static void test_much_output_arrives_whole(void **state)
{
    struct fabric *f = *state;
    struct seen *s = run_script(f, "0-6", "seq 1 200000");

    until_end(s);
    assert_int_equal(s->out[1].len, 7 * 1288895);
    seen_free(s);
}

static void wait_file(const char *path)
{
    struct stat sb;

    for (int i = 0; (stat(path, &sb) < 0 || sb.st_size == 0) && i < 60000; i++)
        usleep(1000);
    assert_int_equal(stat(path, &sb), 0);
}

static pid_t read_pid(const char *path)
{
    FILE *f = fopen(path, "re");
    int pid;

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    return pid;
}

static void wait_gone(struct fabric *f, pid_t pid)
{
    for (int i = 0; kill(pid, 0) == 0 && i < 60000; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_int_equal(kill(pid, 0), -1);
}

static void test_commands_die_with_their_caller(void **state)
{
    struct fabric *f = *state;
    FLUX_AUTO_STR path = flux_printf("%s/pid", f->dir);
    FLUX_AUTO_STR script = flux_printf("echo $$ >%s; exec sleep 1000", path);
    struct seen *s = run_script(f, "4", script);

    until_started(s, 1);
    wait_file(path);
    pid_t pid = read_pid(path);
    seen_free(s);
    wait_gone(f, pid);
    unlink(path);
}

static void test_background_commands_stay_and_are_listed(void **state)
{
    struct fabric *f = *state;
    struct seen *s = run_with(f, "4", "exec sleep 1000", "bg", false, true);
    flux_exec_list_request in = FLUX_EXEC_LIST_REQUEST_INIT;

    until_started(s, 1);
    seen_free(s);
    for (int i = 0; i < 20; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    FLUX_AUTO_MSG(flux_exec_list_response) out = NULL;
    struct flux_error err;
    assert_int_equal(flux_exec_list(f->nodes[0].client, FLUX_RANK(4), &in, &out, &err), 0);
    assert_int_equal(out->n_processes, 1);
    assert_string_equal(out->processes[0]->label, "bg");
    assert_string_equal(out->processes[0]->command, "sh -c exec sleep 1000");
    assert_int_equal(out->processes[0]->id, 0);
    kill(out->processes[0]->pid, SIGKILL);
    wait_gone(f, out->processes[0]->pid);
}

/* --- losses --- */

static void test_a_lost_subtree_is_named(void **state)
{
    struct fabric *f = *state;
    struct seen *s = run_with(f, "0-6", "exec sleep 1000", "lost", false, false);

    until_started(s, 7);
    fabric_cut(f, 1);
    while (flux_idset_count(s->failed) < 3)
        fabric_step(f);
    assert_ranks(s->failed, "1,3-4");
    assert_int_equal(s->errnum, EHOSTUNREACH);
    assert_non_null(strstr(s->text, "lost contact with node[1,3-4] (rank 1,3-4)"));
    assert_false(s->ended);
    send_kill(f, "lost", "", SIGTERM);
    until_end(s);
    assert_ranks(s->exited, "0,2,5-6");
    seen_free(s);
}

static void test_the_leaf_of_a_chain_is_lost(void **state)
{
    struct fabric *f = *state;
    struct seen *s = run_with(f, "6", "exec sleep 1000", NULL, false, false);

    until_started(s, 1);
    fabric_cut(f, 6);
    until_end(s);
    assert_ranks(s->failed, "6");
    assert_non_null(strstr(s->text, "lost contact with node6 (rank 6)"));
    seen_free(s);
}

static pid_t helper_of(struct fabric *f, uint32_t rank)
{
    FLUX_AUTO_STR want = flux_printf("--socket=" FLUX_SPAWND_SOCKET, f->dir, rank);
    FLUX_AUTO_STR cmd = flux_printf("pgrep -f -- '%s'", want);
    FILE *p = popen(cmd, "re");
    int pid = -1;

    assert_int_equal(fscanf(p, "%d", &pid), 1);
    pclose(p);
    return pid;
}

static void test_death_of_a_helper_loses_its_processes(void **state)
{
    struct fabric *f = *state;
    struct seen *s = run_with(f, "0,3", "exec sleep 1000", "h", false, false);

    until_started(s, 2);
    kill(helper_of(f, 3), SIGKILL);
    while (flux_idset_empty(s->failed))
        fabric_step(f);
    assert_ranks(s->failed, "3");
    assert_string_equal(s->text, "lost on node3 (rank 3): its spawn helper died");
    send_kill(f, "h", "", SIGTERM);
    until_end(s);
    seen_free(s);
    s = run_script(f, "3", "echo again");
    until_end(s);
    assert_int_equal(s->status, 0);
    assert_int_equal(s->out[1].len, 6);
    seen_free(s);
}

static void test_a_lost_node_is_waited_for_as_configured(void **state)
{
    static const struct {
        const char *conf;
        double seconds;
    } cases[] = {
        {"{}", 0},
        {"{\"exec\":{\"lost-timeout\":\"90s\"}}", 90},
        {"{\"exec\":{\"lost-timeout\":5}}", 5},
        {"{\"exec\":{\"lost-timeout\":\"infinity\"}}", 1e9},
        {"{\"exec\":{\"lost-timeout\":\"none\"}}", 1e9},
    };
    struct fabric *f = *state;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cases); i++) {
        json_t *conf = json_loads(cases[i].conf, 0, NULL);

        assert_true(flux_lost_timeout(f->nodes[0].client, conf) == cases[i].seconds);
        json_decref(conf);
    }
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_command_runs_on_all_ranks),
        CASE(test_only_the_ranks_asked_for),
        CASE(test_bad_requests_are_refused),
        CASE(test_a_command_that_cannot_be_run_fails_everywhere),
        CASE(test_input_goes_to_all),
        CASE(test_one_who_never_reads_holds_back_its_input_only),
        CASE(test_signals_to_some),
        CASE(test_one_who_never_stops_writing_is_held_by_credit),
        CASE(test_much_output_arrives_whole),
        CASE(test_commands_die_with_their_caller),
        CASE(test_background_commands_stay_and_are_listed),
        CASE(test_a_lost_subtree_is_named),
        CASE(test_the_leaf_of_a_chain_is_lost),
        CASE(test_death_of_a_helper_loses_its_processes),
        CASE(test_a_lost_node_is_waited_for_as_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
