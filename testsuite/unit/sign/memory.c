// SPDX-License-Identifier: LGPL-3.0-only
/* Out of memory at every allocation in turn: an error, never a crash, and never a yes. */
#include "setup.h"

#include <sodium.h>

#include "../../../imp/sign/cert.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
int __real_asprintf(char **ret, const char *fmt, ...);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_asprintf(char **ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The allocation that fails, counted down; 0: none. */
static unsigned countdown;
static bool failed;

static bool fails(void)
{
    bool now = countdown > 0 && --countdown == 0;

    failed |= now;
    errno = now ? ENOMEM : errno;
    return now;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
    return fails() ? NULL : __real_strndup(s, n);
}

int __wrap_asprintf(char **ret, const char *fmt, ...)
{
    va_list ap;

    if (fails())
        return -1;
    va_start(ap, fmt);
    int r = vasprintf(ret, fmt, ap);
    va_end(ap);
    return r;
}

/* Call `work` with the k-th allocation failing, for all k until it gets by without a failure. What
 * may fail and not matter, such as giving memory back, may succeed. */
static unsigned with_every_failure(int (*work)(void *arg), void *arg)
{
    for (unsigned k = 1;; k++) {
        failed = false;
        countdown = k;
        int r = work(arg);
        countdown = 0;
        if (!failed) {
            assert_int_equal(r, 0);
            return k - 1;
        }
        if (r != 0 && r != -ENOMEM)
            fail_msg("allocation %u failed: %d", k, r);
        assert_true(k < 10000);
    }
}

static const char settings[] =
    "[sign]\nmax-ttl = 1_00\ndefault-type = \"no\\u006ee\"\nallowed-types = ['none', 'curve']\n"
    "[sign.munge]\nsocket-path = '/x'\n";

static int read_settings(void *arg)
{
    struct conf *conf = NULL;
    struct sign *sign = NULL;
    struct imp_error err;
    int r = conf_parse(settings, strlen(settings), "f", &conf, &err);

    if (r < 0)
        return r;
    r = conf_check(conf, &conf_keys_security, &err);
    if (r == 0)
        r = sign_new(conf, &sign, &err);
    sign_free(sign);
    conf_free(conf);
    return r;
}

static int wrap_and_unwrap(void *arg)
{
    struct sign_input in = {.payload = "{}", .len = 2, .userid = geteuid()};
    struct sign_request request = {0};
    struct imp_error err;
    char *j = NULL;
    int r = sign_wrap(arg, &in, &j, &err);

    if (r == 0)
        r = sign_unwrap(arg, j, 0, &request, &err);
    if (r == 0)
        assert_string_equal(request.payload, "{}");
    else
        assert_null(request.header);
    sign_request_done(&request);
    free(j);
    return r;
}

static int forged(void *arg)
{
    struct sign_request request = {0};
    struct imp_error err;
    /* of another user, of type none */
    int r = sign_unwrap(arg,
                        "dmVyc2lvbgBpMQBtZWNoYW5pc20Ac25vbmUAdXNlcmlkAGkxMDAxAA==."
                        "eyJ2ZXJzaW9uIjoxfQ==.none",
                        0, &request, &err);

    assert_true(r < 0);
    return r == -EPERM ? 0 : r;
}

static int certificates(void *arg)
{
    struct cert *cert = NULL, *back = NULL, *third = NULL;
    struct kv *kv = kv_new();
    char *text = NULL, *signature = NULL;
    int r = kv ? cert_new(&cert, NULL) : -ENOMEM;

    if (r == 0)
        r = cert_sign(cert, cert, NULL);
    if (r == 0)
        r = cert_verify(cert, cert, NULL);
    if (r == 0)
        r = (text = cert_format(cert, true)) ? 0 : -ENOMEM;
    if (r == 0)
        r = cert_parse(text, strlen(text), "f", &back, NULL);
    if (r == 0)
        r = cert_to_kv(cert, kv);
    if (r == 0)
        r = cert_from_kv(kv, &third, NULL);
    if (r == 0)
        r = cert_sign_bytes(cert, "x", 1, &signature, NULL);
    if (r == 0)
        r = cert_verify_bytes(third, "x", 1, signature, NULL);
    if (r == 0 && !cert_equal(cert, back)) /* which says no where it can't know */
        r = -ENOMEM;
    free(text);
    free(signature);
    kv_free(kv);
    cert_free(cert);
    cert_free(back);
    cert_free(third);
    /* what a file has no memory for is no certificate */
    return r == -EINVAL && failed ? -ENOMEM : r;
}

static int load_files(void *arg)
{
    struct conf *conf = NULL;
    struct imp_error err;
    int r = conf_load(arg, geteuid(), &conf, &err);

    conf_free(conf);
    return r;
}

static void settings_are_read_or_refused(void **state)
{
    assert_true(with_every_failure(read_settings, NULL) > 20);
}

static void requests_are_made_and_read_or_refused(void **state)
{
    struct conf *conf = parse_conf(settings);
    struct sign *sign = new_sign(conf);

    assert_true(with_every_failure(wrap_and_unwrap, sign) > 5);
    if (geteuid() != 1001)
        assert_true(with_every_failure(forged, sign) > 3);
    sign_free(sign);
    conf_free(conf);
}

static void certificates_are_made_and_read_or_refused(void **state)
{
    assert_int_equal(sodium_init() < 0, 0);
    assert_true(with_every_failure(certificates, NULL) > 50);
}

static void directories_are_read_or_refused(void **state)
{
    write_text(in_dir("a.toml"), 0644, settings);
    write_text(in_dir("b.toml"), 0644, "[ca]\ndomain = 'x'\n");
    assert_true(with_every_failure(load_files, test_dir) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read_or_refused),
        cmocka_unit_test(requests_are_made_and_read_or_refused),
        cmocka_unit_test(certificates_are_made_and_read_or_refused),
        cmocka_unit_test(directories_are_read_or_refused),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
