// SPDX-License-Identifier: LGPL-3.0-only
/* Which variables may reach a program that runs as root, and how an environment is built. */
#include "../../../imp/environment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void names(void **state)
{
    static const char *const good[] = {"A", "_", "a1", "FLUX_JOB_ID", "SITE_color"};
    static const char *const bad[] = {"",         "1A", "A-B", "A.B", "A B", "A=", "BASH_FUNC_x%%",
                                      "\xc3\xa4", "A\n"};
    char longest[ENVIRONMENT_NAME_MAX + 2];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(environment_is_name(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(environment_is_name(bad[i]));
    memset(longest, 'x', sizeof(longest));
    longest[ENVIRONMENT_NAME_MAX] = '\0';
    assert_true(environment_is_name(longest));
    longest[ENVIRONMENT_NAME_MAX] = 'x';
    longest[ENVIRONMENT_NAME_MAX + 1] = '\0';
    assert_false(environment_is_name(longest));
}

static void harmless_or_not(void **state)
{
    static const char *const good[] = {"FLUX_URI", "FLUX_KVS_NAMESPACE", "SITE",        "LANG",
                                       "LC_ALL",   "FLUX_JOB_NNODES",    "SLURM_JOB_ID"};
    static const char *const bad[] = {"LD_PRELOAD",
                                      "LD_AUDIT",
                                      "LD_X",
                                      "GLIBC_TUNABLES",
                                      "GCONV_PATH",
                                      "MALLOC_TRACE",
                                      "TZ",
                                      "BASH_ENV",
                                      "ENV",
                                      "IFS",
                                      "PS4",
                                      "PATH",
                                      "HOME",
                                      "USER",
                                      "SHELL",
                                      "PYTHONPATH",
                                      "PERL5OPT",
                                      "RUBYOPT",
                                      "NODE_OPTIONS",
                                      "FLUX_EXEC_PATH",
                                      "FLUX_EXEC_PATH_PREPEND",
                                      "FLUX_MODULE_PATH",
                                      "FLUX_PYTHONPATH",
                                      "FLUX_IMP_EXEC_HELPER",
                                      "FLUX_OWNER_USERID",
                                      "TMPDIR",
                                      "EDITOR",
                                      "http_proxy",
                                      "XDG_RUNTIME_DIR",
                                      "BASH_FUNC_x%%",
                                      ""};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!environment_is_harmless(good[i]))
            fail_msg("%s does not pass", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (environment_is_harmless(bad[i]))
            fail_msg("%s passes", bad[i]);
}

static void ids(void **state)
{
    assert_true(environment_is_job_id("\xc6\x92"
                                      "23abc"));
    assert_true(environment_is_job_id("f1"));
    assert_true(environment_is_job_id("0000.0000.0000.0001"));
    assert_true(environment_is_job_id("academy-samba-orion--cool-x-y"));
    assert_false(environment_is_job_id(""));
    assert_false(environment_is_job_id("a b"));
    assert_false(environment_is_job_id("$(x)"));
    assert_false(environment_is_job_id("a/b"));
    assert_false(environment_is_job_id("a\nb"));
    assert_true(environment_is_userid("0"));
    assert_true(environment_is_userid("4294967294"));
    assert_false(environment_is_userid(""));
    assert_false(environment_is_userid("-1"));
    assert_false(environment_is_userid("1 "));
    assert_false(environment_is_userid("12345678901"));
}

static void built_from_nothing(void **state)
{
    struct environment env = {.n = 0};
    char name[32];

    assert_int_equal(environment_set(&env, "A", "1"), 0);
    assert_int_equal(environment_set(&env, "AB", "2"), 0);
    assert_int_equal(environment_set(&env, "A", "3=4"), 0);
    assert_int_equal(env.n, 2);
    assert_string_equal(env.vars[0], "A=3=4");
    assert_string_equal(env.vars[1], "AB=2");
    assert_null(env.vars[2]);
    assert_int_equal(environment_set(&env, "A=B", "x"), -EINVAL);
    for (int i = 2; i < ENVIRONMENT_VARS_MAX; i++) {
        snprintf(name, sizeof(name), "V%d", i);
        assert_int_equal(environment_set(&env, name, ""), 0);
    }
    assert_int_equal(environment_set(&env, "ONE_MORE", ""), -E2BIG);
    assert_int_equal(environment_set(&env, "AB", "still"), 0);
    assert_null(env.vars[ENVIRONMENT_VARS_MAX]);
    environment_done(&env);
    assert_null(env.vars[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(harmless_or_not),
        cmocka_unit_test(ids),
        cmocka_unit_test(built_from_nothing),
    };

    return cmocka_run_group_tests_name("imp_environment", tests, NULL, NULL);
}
