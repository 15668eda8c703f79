// SPDX-License-Identifier: LGPL-3.0-only
/* Type munge with real munged of its own sockets and keys. */
#include "setup.h"

#include <fcntl.h>
#include <munge.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <sys/wait.h>

#include "../../../imp/sign/base64.h"

static pid_t daemons[2];
static struct conf *confs[2];
static struct sign *signs[2]; /* of two sites */

static void start(int n)
{
    char socket[128], key[128], pid[128], log[128], seed[128], bytes[64];
    char *argv[] = {(char *)"munged",
                    (char *)"--foreground",
                    (char *)"--force",
                    socket,
                    key,
                    pid,
                    log,
                    seed,
                    NULL};
    FILE *f;

    snprintf(socket, sizeof(socket), "--socket=%s/%d.sock", test_dir, n);
    snprintf(key, sizeof(key), "--key-file=%s/%d.key", test_dir, n);
    snprintf(pid, sizeof(pid), "--pid-file=%s/%d.pid", test_dir, n);
    snprintf(log, sizeof(log), "--log-file=%s/%d.log", test_dir, n);
    snprintf(seed, sizeof(seed), "--seed-file=%s/%d.seed", test_dir, n);
    randombytes_buf(bytes, sizeof(bytes));
    f = fopen(strchr(key, '=') + 1, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, sizeof(bytes), 1, f), 1);
    fclose(f);
    chmod(strchr(key, '=') + 1, 0600);
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawn(&daemons[n], "/usr/sbin/munged", &quiet, NULL, argv, environ) != 0)
        daemons[n] = 0;
    posix_spawn_file_actions_destroy(&quiet);
}

/* Until it answers, a minute at most. */
static bool await(int n)
{
    struct timespec pause = {.tv_nsec = 10000000};
    munge_ctx_t ctx = munge_ctx_create();
    char *cred = NULL, path[128];
    bool up = false;

    snprintf(path, sizeof(path), "%s/%d.sock", test_dir, n);
    munge_ctx_set(ctx, MUNGE_OPT_SOCKET, path);
    for (int i = 0; i < 6000 && !up && daemons[n] > 0; i++) {
        up = munge_encode(&cred, ctx, NULL, 0) == EMUNGE_SUCCESS;
        if (!up)
            nanosleep(&pause, NULL);
    }
    free(cred);
    munge_ctx_destroy(ctx);
    return up;
}

static void stop(int n)
{
    if (daemons[n] > 0) {
        kill(daemons[n], SIGTERM);
        waitpid(daemons[n], NULL, 0);
    }
    daemons[n] = 0;
}

static int setup(void **state)
{
    char text[512];

    if (make_dir(state) < 0 || sodium_init() < 0)
        return -1;
    for (int n = 0; n < 2; n++) {
        start(n);
        snprintf(text, sizeof(text),
                 "[sign]\nmax-ttl = 1000\ndefault-type = 'munge'\nallowed-types = ['munge', "
                 "'none']\n[sign.munge]\nsocket-path = '%s/%d.sock'\n",
                 test_dir, n);
        confs[n] = parse_conf(text);
        signs[n] = new_sign(confs[n]);
    }
    return await(0) && await(1) ? 0 : -1;
}

static int teardown(void **state)
{
    for (int n = 0; n < 2; n++) {
        stop(n);
        sign_free(signs[n]);
        conf_free(confs[n]);
    }
    return remove_dir(state);
}

/* A J whose header names any user and whose signature is a credential for any bytes. */
static char *forge(uid_t userid, const char *payload, const void *signed_bytes, size_t len)
{
    struct kv *header = kv_new();
    munge_ctx_t ctx = munge_ctx_create();
    char *h, *p = base64_encode(payload, strlen(payload)), *text = NULL, *cred = NULL, *j = NULL;
    unsigned char content[1 + crypto_hash_sha256_BYTES] = {1};
    size_t n;

    kv_put_int(header, "version", 1);
    kv_put_string(header, "mechanism", "munge");
    kv_put_int(header, "userid", userid);
    const void *bytes = kv_encode(header, &n);
    h = base64_encode(bytes, n);
    assert_true(asprintf(&text, "%s.%s", h, p) > 0);
    crypto_hash_sha256(content + 1, (unsigned char *)text, strlen(text));
    munge_ctx_set(ctx, MUNGE_OPT_SOCKET, in_dir("0.sock"));
    munge_encode(&cred, ctx, signed_bytes ? signed_bytes : content,
                 (int)(signed_bytes ? len : sizeof(content)));
    assert_true(asprintf(&j, "%s.%s", text, cred) > 0);
    munge_ctx_destroy(ctx);
    kv_free(header);
    free(h);
    free(p);
    free(text);
    free(cred);
    return j;
}

/* Bytes of HEADER.PAYLOAD. */
static int signed_len(const char *j)
{
    return (int)(strrchr(j, '.') - j);
}

static void a_signed_request_is_verified_again_and_again(void **state)
{
    char *j = wrap(signs[0], "{\"version\":1}", NULL);
    struct sign_request request;
    struct imp_error err = {""};

    /* on each node of a job, and again when it is started again */
    for (int i = 0; i < 3; i++) {
        if (sign_unwrap(signs[0], j, 0, &request, &err) < 0)
            fail_msg("%s", err.text);
        assert_string_equal(request.payload, "{\"version\":1}");
        assert_int_equal(request.userid, geteuid());
        assert_true(request.expires > time(NULL) + 990 && request.expires <= time(NULL) + 1000);
        sign_request_done(&request);
    }
    free(j);
}

/* But for the last character of a credential: munge ignores the bits of it that stand for nothing.
 * So a signature has more than one spelling, and what is signed has one. */
static void any_change_of_any_part_is_found(void **state)
{
    char *j = wrap(signs[0], "{\"version\":1}", NULL);
    size_t n = strlen(j);
    struct imp_error err;

    for (size_t i = 0; i < n; i++) {
        char keep = j[i];
        j[i] = keep == 'A' ? 'B' : 'A';
        if (unwrap(signs[0], j, &err) >= 0 && i < n - 5)
            fail_msg("byte %zu of %zu changed, and accepted", i, n);
        j[i] = keep;
    }
    assert_int_equal(unwrap(signs[0], j, &err), 0);
    free(j);
}

static void parts_of_different_requests_do_not_fit_together(void **state)
{
    char *a = wrap(signs[0], "aaaa", NULL), *b = wrap(signs[0], "bbbb", NULL), *j = NULL;
    struct imp_error err;

    assert_true(asprintf(&j, "%.*s%s", signed_len(a), a, b + signed_len(b)) > 0);
    assert_int_equal(unwrap(signs[0], j, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "altered"));
    free(a);
    free(b);
    free(j);
}

static void nobody_signs_in_the_name_of_another(void **state)
{
    char *j = forge(geteuid() + 1, "x", NULL, 0), *own = forge(geteuid(), "x", NULL, 0);
    struct imp_error err;

    assert_int_equal(unwrap(signs[0], j, &err), -EPERM);
    assert_non_null(strstr(err.text, "but was signed by user"));
    assert_int_equal(unwrap(signs[0], own, &err), 0);
    free(own);
    free(j);
}

static void credentials_for_other_bytes_are_refused(void **state)
{
    static const unsigned char zeros[64];
    unsigned char kind[1 + crypto_hash_sha256_BYTES] = {2};
    struct imp_error err;
    char *j[] = {forge(geteuid(), "x", zeros, 0), forge(geteuid(), "x", zeros, 33),
                 forge(geteuid(), "x", zeros, 64), forge(geteuid(), "x", kind, sizeof(kind))};

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(unwrap(signs[0], j[i], &err), -EBADMSG);
        free(j[i]);
    }
}

static void what_is_no_credential_is_refused(void **state)
{
    static const char *const bad[] = {
        "x", "MUNGE:", "MUNGE::", "MUNGE:AwQFAAD:", "none", " ", "\n"};
    char *j = wrap(signs[0], "x", NULL), *text = NULL;
    struct imp_error err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_true(asprintf(&text, "%.*s.%s", signed_len(j), j, bad[i]) > 0);
        if (unwrap(signs[0], text, &err) >= 0)
            fail_msg("accepted '%s'", bad[i]);
        free(text);
    }
    free(j);
}

static void requests_of_another_key_are_refused_by_name(void **state)
{
    char *j = wrap(signs[1], "x", NULL);
    struct imp_error err;

    assert_int_equal(unwrap(signs[0], j, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "munge keys of the hosts differ"));
    free(j);
}

static void time_runs_out(void **state)
{
    char *j = wrap(signs[0], "x", NULL);
    struct imp_error err = {""};

    clock_ahead = 999;
    assert_int_equal(unwrap(signs[0], j, &err), 0);
    clock_ahead = 1002;
    assert_int_equal(unwrap(signs[0], j, &err), -ETIME);
    assert_non_null(strstr(err.text, "sign.max-ttl is 1000"));
    clock_ahead = 0;
    free(j);
}

/* A credential has munge's own, shorter limit, which is not the limit of requests. */
static void munges_own_limit_is_not_ours(void **state)
{
    struct timespec pause = {.tv_nsec = 20000000};
    munge_ctx_t ctx = munge_ctx_create();
    char *j = wrap(signs[0], "x", NULL), *text = strndup(j, (size_t)signed_len(j)), *cred,
         *late = NULL;
    unsigned char content[1 + crypto_hash_sha256_BYTES] = {1};
    munge_err_t e = EMUNGE_SUCCESS;
    struct imp_error err = {""};

    crypto_hash_sha256(content + 1, (unsigned char *)text, strlen(text));
    munge_ctx_set(ctx, MUNGE_OPT_SOCKET, in_dir("0.sock"));
    munge_ctx_set(ctx, MUNGE_OPT_TTL, 1);
    assert_int_equal(munge_encode(&cred, ctx, content, sizeof(content)), EMUNGE_SUCCESS);
    for (int i = 0; i < 3000 && e != EMUNGE_CRED_EXPIRED; i++) {
        e = munge_decode(cred, ctx, NULL, NULL, NULL, NULL);
        nanosleep(&pause, NULL);
    }
    assert_int_equal(e, EMUNGE_CRED_EXPIRED);
    assert_true(asprintf(&late, "%s.%s", text, cred) > 0);
    if (unwrap(signs[0], late, &err) < 0)
        fail_msg("%s", err.text);
    munge_ctx_destroy(ctx);
    free(cred);
    free(late);
    free(text);
    free(j);
}

/* The last one: the daemon is gone afterwards. */
static void a_munged_that_is_down_is_said_so(void **state)
{
    struct sign_input in = {.payload = "x", .len = 1, .userid = geteuid()};
    char *j = wrap(signs[1], "x", NULL), *more = NULL;
    struct imp_error err = {""};

    stop(1);
    assert_int_equal(unwrap(signs[1], j, &err), -ECONNREFUSED);
    assert_non_null(strstr(err.text, "is munge.service running?"));
    assert_non_null(strstr(err.text, in_dir("1.sock")));
    assert_int_equal(sign_wrap(signs[1], &in, &more, &err), -ECONNREFUSED);
    assert_null(more);
    free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_request_is_verified_again_and_again),
        cmocka_unit_test(any_change_of_any_part_is_found),
        cmocka_unit_test(parts_of_different_requests_do_not_fit_together),
        cmocka_unit_test(nobody_signs_in_the_name_of_another),
        cmocka_unit_test(credentials_for_other_bytes_are_refused),
        cmocka_unit_test(what_is_no_credential_is_refused),
        cmocka_unit_test(requests_of_another_key_are_refused_by_name),
        cmocka_unit_test(time_runs_out),
        cmocka_unit_test(munges_own_limit_is_not_ours),
        cmocka_unit_test(a_munged_that_is_down_is_said_so),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
