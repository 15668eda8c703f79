// SPDX-License-Identifier: LGPL-3.0-only
/* What the privileged half makes of a message: only what the other half could have said honestly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../../imp/exec.h"
#include "../../../imp/privsep.h"
#include "../../../imp/run_request.h"

static char *exec_argv[] = {"/usr/libexec/flux/flux-shell", "f1", "x", NULL};

static void exec_comes_back_as_it_was_sent(void **state)
{
    struct kv *kv = kv_new();
    struct exec_request req;

    assert_int_equal(exec_request_encode(3, exec_argv, "a.b.c", kv, NULL), 0);
    assert_int_equal(exec_request_decode(kv, &req, NULL), 0);
    assert_string_equal(req.j, "a.b.c");
    assert_string_equal(req.shell, exec_argv[0]);
    assert_int_equal(req.nargs, 2);
    assert_string_equal(req.args[1], "x");
    assert_null(req.args[2]);
    kv_free(kv);
}

static void exec_has_bounds(void **state)
{
    char *many[EXEC_ARGS_MAX + 3] = {NULL}, big[EXEC_PATH_MAX + 1];
    char *one[] = {exec_argv[0], big, NULL};
    struct kv *kv = kv_new();

    for (int i = 0; i < EXEC_ARGS_MAX + 2; i++)
        many[i] = "x";
    memset(big, 'x', sizeof(big));
    big[EXEC_PATH_MAX] = '\0';
    assert_int_equal(exec_request_encode(0, exec_argv, "j", kv, NULL), -EINVAL);
    assert_int_equal(exec_request_encode(EXEC_ARGS_MAX + 2, many, "j", kv, NULL), -EINVAL);
    assert_int_equal(exec_request_encode(2, one, "j", kv, NULL), -E2BIG);
    assert_int_equal(exec_request_encode(EXEC_ARGS_MAX + 1, many, "j", kv, NULL), 0);
    kv_free(kv);
}

/* One thing at a time done to a good request. */
static void spoil_exec(struct kv *kv, int how)
{
    switch (how) {
    case 0:
        kv_delete(kv, "cmd");
        break;
    case 1:
        kv_put_string(kv, "cmd", "run");
        break;
    case 2:
        kv_put_int(kv, "cmd", 1);
        break;
    case 3:
        kv_delete(kv, "J");
        break;
    case 4:
        kv_put_string(kv, "J", "");
        break;
    case 5:
        kv_put_int(kv, "J", 5);
        break;
    case 6:
        kv_delete(kv, "shell_path");
        break;
    case 7:
        kv_put_bool(kv, "shell_path", true);
        break;
    case 8:
        kv_delete(kv, "args.0");
        break; /* args.1 is left over */
    case 9:
        kv_put_string(kv, "args.3", "gap");
        break;
    case 10:
        kv_put_int(kv, "args.2", 1);
        break;
    case 11:
        kv_put_string(kv, "user", "root");
        break;
    case 12:
        kv_put_string(kv, "args.-1", "x");
        break;
    }
}

static void exec_refuses_anything_else(void **state)
{
    for (int how = 0; how < 13; how++) {
        struct kv *kv = kv_new();
        struct imp_error err = {{0}};
        struct exec_request req;
        assert_int_equal(exec_request_encode(3, exec_argv, "a.b.c", kv, NULL), 0);
        spoil_exec(kv, how);
        if (exec_request_decode(kv, &req, &err) == 0)
            fail_msg("accepted: %d", how);
        assert_true(err.text[0]);
        kv_free(kv);
    }
}

static struct conf *patterns(const char *text)
{
    struct conf *conf;

    assert_int_equal(conf_parse(text, strlen(text), "test", &conf, NULL), 0);
    return conf;
}

static void run_passes_what_is_allowed(void **state)
{
    struct conf *conf = patterns("allowed = [\"SITE_*\", \"LD_*\", \"X\"]");
    const struct conf *allowed = conf_get(conf, "allowed");

    assert_true(run_request_passes(NULL, "FLUX_JOB_ID", "f1"));
    assert_false(run_request_passes(NULL, "FLUX_JOB_ID", "f 1"));
    assert_true(run_request_passes(NULL, "FLUX_JOB_USERID", "100"));
    assert_false(run_request_passes(NULL, "FLUX_JOB_USERID", "root"));
    assert_false(run_request_passes(NULL, "SITE_A", "x"));
    assert_true(run_request_passes(allowed, "SITE_A", "x"));
    assert_true(run_request_passes(allowed, "X", ""));
    assert_false(run_request_passes(allowed, "XY", ""));
    assert_false(run_request_passes(allowed, "LD_PRELOAD", "x"));
    conf_free(conf);
}

static void run_checks_the_environment_on_both_sides(void **state)
{
    char *environment[] = {"SITE_A=1", "LD_PRELOAD=x", "FLUX_JOB_ID=f1", "nothing", "=x", "B=2",
                           NULL};
    struct conf *conf = patterns("allowed = [\"SITE_*\", \"LD_*\"]");
    const struct conf *allowed = conf_get(conf, "allowed");
    struct kv *kv = kv_new();
    struct environment env = {.n = 0};
    const char *name;

    assert_int_equal(run_request_encode("prolog", environment, allowed, kv, NULL), 0);
    assert_int_equal(run_request_decode(kv, &name, NULL), 0);
    assert_string_equal(name, "prolog");
    assert_int_equal(run_request_environment(kv, allowed, &env, NULL), 0);
    assert_int_equal(env.n, 2);
    environment_done(&env);
    assert_int_equal(run_request_environment(kv, NULL, &env, NULL), -EPERM); /* SITE_A */
    environment_done(&env);
    kv_put_string(kv, "IMP_RUN_ENV_LD_PRELOAD", "x");
    assert_int_equal(run_request_environment(kv, allowed, &env, NULL), -EPERM);
    environment_done(&env);
    kv_put_int(kv, "IMP_RUN_ENV_SITE_B", 1);
    assert_int_equal(run_request_decode(kv, &name, NULL), -EINVAL);
    kv_free(kv);
    conf_free(conf);
}

static void run_refuses_other_keys(void **state)
{
    char *environment[] = {NULL};
    struct kv *kv = kv_new();
    const char *name;

    assert_int_equal(run_request_encode("prolog", environment, NULL, kv, NULL), 0);
    assert_int_equal(kv_put_string(kv, "path", "/bin/sh"), 0);
    assert_int_equal(run_request_decode(kv, &name, NULL), -EINVAL);
    kv_free(kv);
}

static int decode(const void *bytes, size_t len, struct kv **ret)
{
    struct imp_error err = {{0}};
    unsigned char *copy = malloc(len + !len);
    int r;

    if (len > 0)
        memcpy(copy, bytes, len);
    r = privsep_decode(copy, len, ret, &err);
    free(copy);
    assert_true(r == 0 || err.text[0]);
    return r;
}

static void messages_are_whole_or_refused(void **state)
{
    static const char body[] = "cmd\0srun\0";
    unsigned char text[64] = {0, 0, 0, sizeof(body) - 1};
    size_t n = PRIVSEP_HEADER + sizeof(body) - 1;
    struct kv *kv;

    memcpy(text + PRIVSEP_HEADER, body, sizeof(body) - 1);
    assert_int_equal(decode(text, n, &kv), 0);
    kv_free(kv);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(decode(text, i, &kv), -EBADMSG);
    assert_int_equal(decode(text, n + 1, &kv), -EBADMSG);
    text[0] = 0xff; /* a length that wraps where it is added to */
    text[1] = text[2] = text[3] = 0xff;
    assert_int_equal(decode(text, n, &kv), -EBADMSG);
    memset(text, 0, PRIVSEP_HEADER);
    assert_int_equal(decode(text, PRIVSEP_HEADER, &kv), -EBADMSG);
    text[3] = sizeof(body) - 2;
    assert_int_equal(decode(text, n - 1, &kv), -EBADMSG); /* a kv that does not end */
}

static void a_reason_is_a_refusal_whatever_else_is_said(void **state)
{
    static const char body[] = "cmd\0srun\0refused\0sno\nway\0";
    unsigned char text[64] = {0, 0, 0, sizeof(body) - 1};
    struct imp_error err = {{0}};
    struct kv *kv;

    memcpy(text + PRIVSEP_HEADER, body, sizeof(body) - 1);
    assert_int_equal(privsep_decode(text, PRIVSEP_HEADER + sizeof(body) - 1, &kv, &err), -EPERM);
    assert_null(strchr(err.text, '\n'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exec_comes_back_as_it_was_sent),
        cmocka_unit_test(exec_has_bounds),
        cmocka_unit_test(exec_refuses_anything_else),
        cmocka_unit_test(run_passes_what_is_allowed),
        cmocka_unit_test(run_checks_the_environment_on_both_sides),
        cmocka_unit_test(run_refuses_other_keys),
        cmocka_unit_test(messages_are_whole_or_refused),
        cmocka_unit_test(a_reason_is_a_refusal_whatever_else_is_said),
    };

    return cmocka_run_group_tests_name("imp_request", tests, NULL, NULL);
}
