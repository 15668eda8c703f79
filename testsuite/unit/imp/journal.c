// SPDX-License-Identifier: LGPL-3.0-only
/* The journal: one request, one start. It wants a directory that root alone can write to. */
#include "../../../imp/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../../imp/conf/secure.h"

#define J "aGk=.aGk=.MUNGE:aGk=:"

static char top[] = "/tmp/imp-journal-XXXXXX";
static char path[64];

static int set_up(void **state)
{
    if (!mkdtemp(top))
        return -1;
    snprintf(path, sizeof(path), "%s/started", top);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", top);
    return system(command);
}

static int enter(const char *j, const char *job)
{
    struct imp_error err = {{0}};
    int r = journal_enter(path, j, job, 3600, &err);

    assert_true(r == 0 || err.text[0]);
    return r;
}

/* Where this is not root's, or a directory above is not, there can be no journal. */
static void need_root(void)
{
    int fd = secure_open_dir(top, 0, NULL);

    if (fd < 0)
        skip();
    close(fd);
}

static void a_request_is_entered_once(void **state)
{
    need_root();
    assert_int_equal(enter(J, "f1"), 0);
    assert_int_equal(enter(J, "f1"), -EALREADY);
    assert_int_equal(enter(J, "f2"), -EALREADY);
    assert_int_equal(enter("aGk=.aGk=.MUNGE:aGkh:", "f2"), 0);
    assert_int_equal(enter("aGk=.aGk=.none", "f3"), 0);
    assert_int_equal(enter("aGk=.aGk=.aGk=", "f3"), 0);
}

static void signatures_have_one_form(void **state)
{
    static const char *const others[] = {"a.b.MUNGE:aGk=:x", "a.b.MUNGE:aGk=: ", "a.b. MUNGE:aGk=:",
                                         "a.b.MUNGE:aGl=:", /* a spare bit is set */
                                         "a.b.MUNGE:aGk:",   "a.b.MUNGE:aG k=:", "a.b.MUNGE:aGk=",
                                         "a.b.aGl=",         "a.b.aGk=\n"};

    need_root();
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (enter(others[i], "f1") != -EINVAL)
            fail_msg("entered: %s", others[i]);
}

static void job_ids_have_bounds(void **state)
{
    char longer[128];

    need_root();
    memset(longer, 'x', sizeof(longer));
    longer[127] = '\0';
    assert_int_equal(enter(J, ""), -EINVAL);
    assert_int_equal(enter(J, longer), -EINVAL);
}

/* Of many that come at once with one request and ids of their own, one is entered. */
static void one_wins_a_race(void **state)
{
    int winners = 0, status;
    char job[16];

    need_root();
    for (int i = 0; i < 16; i++) {
        snprintf(job, sizeof(job), "g%d", i);
        if (fork() == 0)
            _exit(enter("aGk=.aGk=.MUNGE:UkFDRQ==:", job) == 0 ? 0 : 1);
    }
    while (wait(&status) > 0)
        winners += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    assert_int_equal(winners, 1);
}

/* Age all entries by that many seconds. */
static void age(int seconds)
{
    char command[256];

    snprintf(command, sizeof(command),
             "find %s -type f | xargs touch -d \"$(date -d '-%d seconds')\"", path, seconds);
    assert_int_equal(system(command), 0);
}

/* A signature of one whose clock is ahead is valid for longer than an hour after its entry. */
static void an_entry_outlives_the_signature(void **state)
{
    static const char late[] = "aGk=.aGk=.MUNGE:TEFURQ==:";

    need_root();
    assert_int_equal(enter(late, "f1"), 0);
    age(3600 + 1800);
    assert_int_equal(enter(late, "f1"), -EALREADY);
    age(2 * 3600 + 60);
    assert_int_equal(enter(late, "f1"), 0);
}

static void others_may_not_write_to_it(void **state)
{
    need_root();
    assert_int_equal(enter("aGk=.aGk=.MUNGE:T05F:", "f1"), 0);
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(enter("aGk=.aGk=.MUNGE:VFdP:", "f1"), -EPERM);
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(enter("aGk=.aGk=.MUNGE:VFdP:", "f1"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_entered_once),
        cmocka_unit_test(signatures_have_one_form),
        cmocka_unit_test(job_ids_have_bounds),
        cmocka_unit_test(one_wins_a_race),
        cmocka_unit_test(others_may_not_write_to_it),
        cmocka_unit_test(an_entry_outlives_the_signature),
    };

    return cmocka_run_group_tests_name("imp_journal", tests, set_up, tear_down);
}
