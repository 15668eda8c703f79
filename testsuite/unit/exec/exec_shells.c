// SPDX-License-Identifier: LGPL-3.0-only
/* Job shells of the exec service over a tree of seven brokers: their document, signals, attaching
 * again, reports that are merged. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <flux/v1/job_exec_service.h>
#include <flux/v1/shell.h>

#include "seen.h"

static char *make_shell(struct fabric *f, const char *script)
{
    char *path = flux_printf("%s/shell", f->dir);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700);

    assert_int_equal(write(fd, script, strlen(script)), strlen(script));
    close(fd);
    return path;
}

static struct seen *start_shell(struct fabric *f, const char *ranks, uint64_t id, uint32_t attempt,
                                const char *script)
{
    flux_exec_start_request in = FLUX_EXEC_START_REQUEST_INIT;
    flux_shell_start common = FLUX_SHELL_START_INIT;
    uint8_t doc[256];
    struct seen *s = seen_new(f);
    FLUX_AUTO_STR dir = flux_printf("DIR=%s", f->dir);
    const char *env[] = {dir};

    common.job_id = id;
    common.jobspec = "{}";
    in.start.len = protobuf_c_message_pack(&common.base, doc);
    in.start.data = doc;
    in.id = id;
    in.ranks = ranks;
    in.attempt = attempt;
    in.userid = getuid();
    in.environment = env;
    in.n_environment = 1;
    FLUX_AUTO_STR shell = make_shell(f, script);
    in.shell = shell;
    s->future = flux_exec_start_stream(f->nodes[0].client, FLUX_RANK(0), &in);
    flux_future_then(s->future, seen_start_item, s);
    return s;
}

static void remove_shell(struct fabric *f)
{
    FLUX_AUTO_STR path = flux_printf("%s/shell", f->dir);

    unlink(path);
}

static void test_shells_get_their_document(void **state)
{
    struct fabric *f = *state;
    struct seen *s = start_shell(f, "0-6", 1234, 0,
                                 "#!/bin/sh\ncat <&3 >$DIR/doc.$$\n"
                                 "mv $DIR/doc.$$ $DIR/doc-$(echo $$)\n");
    bool ranks[SIZE] = {false};

    until_end(s);
    assert_ranks(s->started, "0-6");
    assert_ranks(s->exited, "0-6");
    assert_int_equal(s->status, 0);
    FLUX_AUTO_STR cmd = flux_printf("ls -d %s/doc-*", f->dir);
    FILE *p = popen(cmd, "re");
    char path[256];
    while (fgets(path, sizeof(path), p)) {
        uint8_t data[1024];
        path[strcspn(path, "\n")] = '\0';
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, data, sizeof(data));
        close(fd);
        unlink(path);
        flux_shell_start *doc = (flux_shell_start *)protobuf_c_message_unpack(
            &flux__v1__shell_start__descriptor, NULL, n, data);
        assert_non_null(doc);
        assert_int_equal(doc->job_id, 1234);
        assert_string_equal(doc->jobspec, "{}");
        assert_string_equal(doc->rundir, f->dir);
        FLUX_AUTO_STR host = flux_printf("node%u", doc->broker_rank);
        assert_string_equal(doc->hostname, host);
        ranks[doc->broker_rank] = true;
        flux_shell_start_free(doc);
    }
    pclose(p);
    for (int i = 0; i < SIZE; i++)
        assert_true(ranks[i]);
    remove_shell(f);
    seen_free(s);
}

static void kill_job(struct fabric *f, uint64_t id, const char *ranks, int signum, int want);

/* The IMP gets the signed request on standard input, and the document and the shell to pass on. */
static void test_another_users_shell_goes_through_the_imp(void **state)
{
    struct fabric *f = *state;
    flux_exec_start_request in = FLUX_EXEC_START_REQUEST_INIT;
    FLUX_AUTO_STR imp = make_shell(f, "#!/bin/sh\ncat >${0%/*}/input; echo \"$@\" >${0%/*}/args\n"
                                      "cat <&3 >${0%/*}/document\ntrap 'exit 8' USR1\n"
                                      ": >${0%/*}/ready; while :; do sleep 0.01; done\n");
    FLUX_AUTO_STR check =
        flux_printf("cd %s && until [ -e ready ]; do sleep 0.01; done;"
                    "[ \"$(cat input)\" = '{\"J\":\"signed text\"}' ] &&"
                    "[ \"$(cat args)\" = 'exec /the/shell '\"$(cat args | cut -d' ' "
                    "-f3)\" ] && [ -s document ]; r=$?; rm -f input args document "
                    "ready; exit $r",
                    f->dir);
    struct seen *s = seen_new(f);

    in.id = 77;
    in.ranks = "2";
    in.userid = 1000;
    in.j = "signed text";
    in.shell = "/the/shell";
    in.imp = imp;
    s->future = flux_exec_start_stream(f->nodes[0].client, FLUX_RANK(0), &in);
    flux_future_then(s->future, seen_start_item, s);
    until_started(s, 1);
    assert_int_equal(system(check), 0);
    kill_job(f, 77, "", SIGKILL, 0); /* which only the IMP may do: it is told by SIGUSR1 */
    until_end(s);
    assert_int_equal(WEXITSTATUS(s->status), 8);
    remove_shell(f);
    seen_free(s);
}

static void kill_job(struct fabric *f, uint64_t id, const char *ranks, int signum, int want)
{
    flux_exec_kill_request in = FLUX_EXEC_KILL_REQUEST_INIT;
    struct answer a = {.done = false};

    in.id = id;
    in.ranks = ranks;
    in.signum = signum;
    in.group = true;
    flux_future_then(flux_exec_kill_async(f->nodes[0].client, FLUX_RANK(0), &in), seen_answer, &a);
    until_answered(f, &a);
    assert_int_equal(a.r, want);
}

static void test_shells_are_killed_along_the_tree(void **state)
{
    struct fabric *f = *state;
    struct seen *s = start_shell(f, "0-6", 5, 0, "#!/bin/sh\nsleep 1000 & wait\n");

    until_started(s, 7);
    kill_job(f, 5, "2,5-6", SIGTERM, 0);
    while (flux_idset_count(s->exited) < 3)
        fabric_step(f);
    assert_ranks(s->exited, "2,5-6");
    kill_job(f, 5, "", SIGKILL, 0);
    until_end(s);
    assert_ranks(s->exited, "0-6");
    kill_job(f, 5, "", SIGKILL, -ENOENT);
    remove_shell(f);
    seen_free(s);
}

static void test_the_same_job_is_not_started_twice(void **state)
{
    struct fabric *f = *state;
    struct seen *s = start_shell(f, "3", 6, 0, "#!/bin/sh\nexec sleep 1000\n");

    until_started(s, 1);
    struct seen *again = start_shell(f, "3", 6, 1, "#!/bin/sh\nexec sleep 1000\n");
    until_end(again);
    assert_ranks(again->failed, "3");
    assert_int_equal(again->errnum, EEXIST);
    seen_free(again);
    kill_job(f, 6, "", SIGTERM, 0);
    until_end(s);
    seen_free(s);
    s = start_shell(f, "3", 6, 1, "#!/bin/sh\nexit 2\n");
    until_end(s);
    assert_int_equal(WEXITSTATUS(s->status), 2);
    remove_shell(f);
    seen_free(s);
}

static struct seen *attach(struct fabric *f, const char *ranks, uint64_t id)
{
    flux_exec_attach_request in = FLUX_EXEC_ATTACH_REQUEST_INIT;
    struct seen *s = seen_new(f);

    in.id = id;
    in.ranks = ranks;
    s->future = flux_exec_attach_stream(f->nodes[0].client, FLUX_RANK(0), &in);
    flux_future_then(s->future, seen_attach_item, s);
    return s;
}

static void test_shells_outlive_caller_and_broker(void **state)
{
    struct fabric *f = *state;
    const char *script = "#!/bin/sh\n[ -e $DIR/fast ] && exit 4; exec sleep 1000\n";

    f->statedir = f->dir; /* an instance that comes back */
    fabric_stop_part(f, 3);
    fabric_start_part(f, 3);
    struct seen *s = start_shell(f, "0,3", 7, 0, script);
    until_started(s, 2);
    seen_free(s); /* the caller goes */
    for (int i = 0; i < 20; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    fabric_stop_part(f, 3); /* and a broker restarts */
    fabric_start_part(f, 3);
    s = attach(f, "0,3-4", 7);
    until_started(s, 2);
    while (flux_idset_empty(s->failed))
        fabric_step(f);
    assert_ranks(s->failed, "4"); /* where there was none */
    assert_int_equal(s->errnum, ENOENT);
    kill_job(f, 7, "", SIGTERM, 0);
    until_end(s);
    assert_ranks(s->exited, "0,3");
    assert_int_equal(WTERMSIG(s->status), SIGTERM);
    seen_free(s);
    f->statedir = NULL;
    remove_shell(f);
}

/* A leader that wants all shells, or none. */
FLUX_JOB_EXEC_HANDLERS(leader);
static bool wanted;

int leader_reconcile(struct flux_call *call, const flux_job_exec_reconcile_request *in,
                     flux_job_exec_reconcile_response *out)
{
    if (wanted)
        return 0;
    out->n_unwanted = in->n_ids;
    out->unwanted = flux_call_alloc(call, in->n_ids * sizeof(*out->unwanted));
    memcpy(out->unwanted, in->ids, in->n_ids * sizeof(*out->unwanted));
    return 0;
}

int leader_start(struct flux_call *call, const flux_job_exec_start_request *in)
{
    return -ENOSYS;
}

int leader_kill(struct flux_call *call, const flux_job_exec_kill_request *in,
                flux_job_exec_kill_response *out)
{
    return -ENOSYS;
}

int leader_abort(struct flux_call *call, const flux_job_exec_abort_request *in,
                 flux_job_exec_abort_response *out)
{
    return -ENOSYS;
}

int leader_expire(struct flux_call *call, const flux_job_exec_expire_request *in,
                  flux_job_exec_expire_response *out)
{
    return -ENOSYS;
}

int leader_list(struct flux_call *call, const flux_job_exec_list_request *in,
                flux_job_exec_list_response *out)
{
    return -ENOSYS;
}

int leader_resumed(struct flux_call *call, const flux_job_exec_resumed_request *in,
                   flux_job_exec_resumed_response *out)
{
    return -ENOSYS;
}

static void restart_part(struct fabric *f, uint32_t rank)
{
    for (int i = 0; i < 20; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    fabric_stop_part(f, rank);
    fabric_start_part(f, rank);
}

/* A shell runs on rank 3, and its broker is started anew. */
static void shell_left_behind(struct fabric *f, bool is_wanted)
{
    static const struct flux_job_exec_ops ops = FLUX_JOB_EXEC_OPS(leader);

    f->statedir = f->dir;
    fabric_stop_part(f, 3);
    fabric_start_part(f, 3);
    wanted = is_wanted;
    flux_job_exec_serve(f->nodes[0].module, &ops, NULL, NULL);
    struct seen *s = start_shell(f, "3", 10, 0, "#!/bin/sh\nexec sleep 1000\n");
    until_started(s, 1);
    seen_free(s);
    restart_part(f, 3);
}

static void test_a_shell_that_nobody_wants_is_gone_before_the_next_starts(void **state)
{
    struct fabric *f = *state;

    shell_left_behind(f, false);
    struct seen *next = start_shell(f, "3", 12, 0, "#!/bin/sh\nexit 3\n");
    until_end(next); /* it has waited for the end of the other */
    assert_int_equal(WEXITSTATUS(next->status), 3);
    struct seen *s = attach(f, "3", 10);
    until_end(s);
    assert_int_equal(s->errnum, ENOENT);
    seen_free(s);
    seen_free(next);
    f->statedir = NULL;
    remove_shell(f);
}

static void test_a_shell_of_a_job_that_goes_on_is_left_alone(void **state)
{
    struct fabric *f = *state;

    shell_left_behind(f, true);
    struct seen *s = attach(f, "3", 10);
    until_started(s, 1);
    kill_job(f, 10, "", SIGTERM, 0);
    until_end(s);
    assert_int_equal(WTERMSIG(s->status), SIGTERM);
    seen_free(s);
    f->statedir = NULL;
    remove_shell(f);
}

static void test_two_calls_may_cover_different_ranks_of_a_job(void **state)
{
    struct fabric *f = *state;
    const char *script = "#!/bin/sh\nexec sleep 1000\n";
    struct seen *one = start_shell(f, "1,3", 13, 0, script);
    struct seen *two = start_shell(f, "0,4", 13, 0, script);

    until_started(one, 2);
    until_started(two, 2);
    kill_job(f, 13, "", SIGTERM, 0);
    until_end(one);
    until_end(two);
    assert_ranks(one->exited, "1,3");
    assert_ranks(two->exited, "0,4");
    seen_free(one);
    seen_free(two);
    remove_shell(f);
}

/* Who asks again after a loss must not start what may have run under an earlier helper. */
static void test_a_helper_younger_than_an_earlier_start_is_not_believed(void **state)
{
    struct fabric *f = *state;
    flux_exec_start_request in = FLUX_EXEC_START_REQUEST_INIT;
    struct seen *s = seen_new(f);

    in.id = 14;
    in.ranks = "4";
    in.userid = getuid();
    in.shell = "/bin/true";
    in.attempt = 1;
    in.maybe_started = 3600;
    s->future = flux_exec_start_stream(f->nodes[0].client, FLUX_RANK(0), &in);
    flux_future_then(s->future, seen_start_item, s);
    until_end(s);
    assert_ranks(s->failed, "4");
    assert_int_equal(s->errnum, ESTALE);
    seen_free(s);
}

static void test_another_user_needs_the_imp(void **state)
{
    struct fabric *f = *state;
    flux_exec_start_request in = FLUX_EXEC_START_REQUEST_INIT;
    struct seen *s = seen_new(f);

    in.id = 11;
    in.ranks = "1";
    in.userid = getuid() + 1;
    in.shell = "/bin/true";
    s->future = flux_exec_start_stream(f->nodes[0].client, FLUX_RANK(0), &in);
    flux_future_then(s->future, seen_start_item, s);
    until_end(s);
    assert_ranks(s->failed, "1");
    assert_int_equal(s->errnum, EPERM);
    seen_free(s);
}

static void test_an_end_nobody_saw_is_told_to_who_attaches(void **state)
{
    struct fabric *f = *state;
    struct seen *s = start_shell(f, "0,3", 8, 0, "#!/bin/sh\nread x <$DIR/gate; exit 5\n");
    FLUX_AUTO_STR gate = flux_printf("%s/gate", f->dir);

    assert_int_equal(mkfifo(gate, 0600), 0);
    until_started(s, 2);
    seen_free(s);
    for (int i = 0; i < 20; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    int fd = open(gate, O_RDWR | O_CLOEXEC);
    assert_int_equal(write(fd, "\n\n", 2), 2);
    for (int i = 0; i < 200; i++) { /* they end, unseen */
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    close(fd);
    s = attach(f, "0,3", 8);
    until_end(s);
    assert_ranks(s->exited, "0,3");
    assert_int_equal(WEXITSTATUS(s->status), 5);
    seen_free(s);
    unlink(gate);
    remove_shell(f);
}

static void test_what_comes_at_once_is_merged(void **state)
{
    struct fabric *f = *state;
    struct seen *s = start_shell(f, "0-6", 9, 0, "#!/bin/sh\nread x <$DIR/gate\n");
    FLUX_AUTO_STR gate = flux_printf("%s/gate", f->dir);

    assert_int_equal(mkfifo(gate, 0600), 0);
    until_started(s, 7);
    unsigned before = s->items;
    kill_job(f, 9, "", SIGKILL, 0);
    until_end(s);
    assert_in_range(s->items - before, 1, 7);
    unlink(gate);
    remove_shell(f);
    seen_free(s);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_shells_get_their_document),
        CASE(test_another_users_shell_goes_through_the_imp),
        CASE(test_shells_are_killed_along_the_tree),
        CASE(test_the_same_job_is_not_started_twice),
        CASE(test_shells_outlive_caller_and_broker),
        CASE(test_a_shell_that_nobody_wants_is_gone_before_the_next_starts),
        CASE(test_a_shell_of_a_job_that_goes_on_is_left_alone),
        CASE(test_two_calls_may_cover_different_ranks_of_a_job),
        CASE(test_a_helper_younger_than_an_earlier_start_is_not_believed),
        CASE(test_another_user_needs_the_imp),
        CASE(test_an_end_nobody_saw_is_told_to_who_attaches),
        CASE(test_what_comes_at_once_is_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
