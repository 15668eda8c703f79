// SPDX-License-Identifier: LGPL-3.0-only
/* J: its form, the settings of [sign], and type none. */
#include "setup.h"

#include "../../../imp/sign/base64.h"
#include "../vectors.h"

#define NONE "[sign]\nmax-ttl = 100\ndefault-type = 'none'\nallowed-types = ['none', 'munge']\n"

struct pair {
    struct conf *conf;
    struct sign *sign;
};

static struct pair open_pair(const char *text)
{
    struct conf *conf = parse_conf(text);

    return (struct pair){conf, new_sign(conf)};
}

static void close_pair(struct pair *p)
{
    sign_free(p->sign);
    conf_free(p->conf);
}

/* A J of type none with any header. */
static char *make_j(const void *header, size_t len, const char *payload, const char *signature)
{
    char *h = base64_encode(header, len), *p = base64_encode(payload, strlen(payload)), *j = NULL;

    assert_true(asprintf(&j, "%s.%s.%s", h, p, signature) > 0);
    free(h);
    free(p);
    return j;
}

static void settings_are_checked(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "sign.max-ttl is missing"},
        {"[sign]\nmax-ttl = 0\n", "sign.max-ttl must be seconds above 0"},
        {"[sign]\nmax-ttl = -1\n", "sign.max-ttl must be seconds above 0"},
        {"[sign]\nmax-ttl = 9223372036854775807\n", "sign.max-ttl must be seconds above 0"},
        {"[sign]\nmax-ttl = 1\n", "sign.allowed-types is missing"},
        {"[sign]\nmax-ttl = 1\nallowed-types = []\n", "sign.allowed-types is empty"},
        {"[sign]\nmax-ttl = 1\nallowed-types = ['x']\n", "unknown type 'x'"},
        {"[sign]\nmax-ttl = 1\nallowed-types = ['none']\n", "sign.default-type is missing"},
        {"[sign]\nmax-ttl = 1\nallowed-types = ['none']\ndefault-type = 'munge'\n",
         "sign.default-type 'munge' is not one of sign.allowed-types"},
        {NONE "[sign.curve]\nrequire-ca = true\n", "ca.cert-path is missing"},
        {NONE "[sign.curve]\nrequire-ca = true\n[ca]\ncert-path = '/x'\n", "ca.domain is missing"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct conf *conf = parse_conf(rows[i].text);
        struct imp_error err = {""};
        struct sign *sign = NULL;

        if (sign_new(conf, &sign, &err) >= 0 || !strstr(err.text, rows[i].want))
            fail_msg("row %zu: '%s'", i, err.text);
        conf_free(conf);
    }
}

static void the_vectors_decode(void **state)
{
    json_t *all = vectors_load("rfc/sign_derived.json"), *row;
    struct pair p = open_pair(NONE);
    size_t i;

    if (!all) {
        close_pair(&p);
        skip();
    }
    json_array_foreach (json_object_get(all, "valid_none"), i, row) {
        const char *text = json_string_value(json_object_get(row, "payload_utf8"));
        struct sign_request request;
        struct imp_error err;

        if (sign_unwrap(NULL, json_string_value(json_object_get(row, "J")), SIGN_NOVERIFY, &request,
                        &err) < 0)
            fail_msg("row %zu: %s", i, err.text);
        assert_int_equal(request.userid, 1000);
        assert_string_equal(request.mechanism, "none");
        if (text)
            assert_string_equal(request.payload, text);
        else
            assert_int_equal(request.len, 256);
        sign_request_done(&request);
    }
    json_array_foreach (json_object_get(all, "invalid_none"), i, row) {
        struct imp_error err = {""};

        if (unwrap(p.sign, json_string_value(json_object_get(row, "J")), &err) >= 0 || !err.text[0])
            fail_msg("accepted: %s", json_string_value(json_object_get(row, "why")));
    }
    json_decref(all);
    close_pair(&p);
}

#define HEADER(s) s, sizeof(s) - 1

static void headers_are_strict(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *want; /* NULL: accepted */
    } rows[] = {
        {HEADER("version\0i1\0mechanism\0snone\0userid\0i5\0"), NULL},
        {HEADER("mechanism\0snone\0extra\0bfalse\0userid\0i5\0version\0i1\0"), NULL},
        {HEADER("version\0i1\0mechanism\0smunge\0userid\0i4294967294\0"), NULL},
        {HEADER(""), "version is not 1"},
        {HEADER("version\0i0\0mechanism\0snone\0userid\0i5\0"), "version is not 1"},
        {HEADER("version\0i2\0mechanism\0snone\0userid\0i5\0"), "version is not 1"},
        {HEADER("version\0d1\0mechanism\0snone\0userid\0i5\0"), "version is not 1"},
        {HEADER("version\0i1\0userid\0i5\0"), "names no mechanism"},
        {HEADER("version\0i1\0mechanism\0i1\0userid\0i5\0"), "names no mechanism"},
        {HEADER("version\0i1\0mechanism\0sNone\0userid\0i5\0"), "unknown type 'None'"},
        {HEADER("version\0i1\0mechanism\0s\0userid\0i5\0"), "unknown type ''"},
        {HEADER("version\0i1\0mechanism\0snone\0"), "names no user"},
        {HEADER("version\0i1\0mechanism\0snone\0userid\0s5\0"), "names no user"},
        {HEADER("version\0i1\0mechanism\0snone\0userid\0i-1\0"), "names no user"},
        {HEADER("version\0i1\0mechanism\0snone\0userid\0i4294967295\0"), "names no user"},
        {HEADER("version\0i1\0mechanism\0snone\0userid\0i4294967296\0"), "names no user"},
        {HEADER("version\0i1\0mechanism\0snone\0userid\0i5\0userid\0i0\0"), "does not decode"},
        {HEADER("version\0i1\0mechanism\0snone\0userid\0i5"), "does not decode"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char *j = make_j(rows[i].bytes, rows[i].len, "p", "none");
        struct sign_request request = {0};
        struct imp_error err = {""};
        int r = sign_unwrap(NULL, j, SIGN_NOVERIFY, &request, &err);

        if (r != (rows[i].want ? -EINVAL : 0) || (rows[i].want && !strstr(err.text, rows[i].want)))
            fail_msg("row %zu: %d '%s'", i, r, err.text);
        sign_request_done(&request);
        free(j);
    }
}

static void what_was_wrapped_unwraps(void **state)
{
    struct pair p = open_pair(NONE);
    char *j = wrap(p.sign, "{\"x\":1}", NULL), *again = wrap(p.sign, "{\"x\":1}", "none");
    struct sign_request request;
    struct imp_error err;
    const char *text;

    assert_string_not_equal(j, again); /* each has its nonce */
    assert_int_equal(sign_unwrap(p.sign, j, 0, &request, &err), 0);
    assert_string_equal(request.payload, "{\"x\":1}");
    assert_int_equal(request.userid, geteuid());
    assert_int_equal(request.expires, 0);
    assert_int_equal(kv_get_string(request.header, "nonce", &text), 0);
    assert_int_equal(strlen(text), 32);
    sign_request_done(&request);
    free(j);
    free(again);
    close_pair(&p);
}

static void no_byte_that_changes_does_harm(void **state)
{
    struct pair p = open_pair(NONE);
    char *j = wrap(p.sign, "{}", NULL);
    size_t n = strlen(j);

    /* of the form alone: what none can't protect is everything that still decodes */
    for (size_t i = 0; i < n; i++)
        for (unsigned c = 1; c < 256; c++) {
            struct sign_request request = {0};
            char keep = j[i];
            j[i] = (char)c;
            (void)sign_unwrap(p.sign, j, 0, &request, NULL);
            sign_request_done(&request);
            j[i] = keep;
        }
    for (size_t i = 0; i < n; i++) {
        char *cut = strndup(j, i);
        if (unwrap(p.sign, cut, NULL) >= 0)
            fail_msg("accepted with %zu bytes", i);
        free(cut);
    }
    free(j);
    close_pair(&p);
}

static void extra_keys_are_signed_but_none_of_ours_is_overridden(void **state)
{
    struct pair p = open_pair(NONE);
    struct kv *extra = kv_new();
    struct sign_input in = {.payload = "x", .len = 1, .userid = geteuid(), .extra = extra};
    struct sign_request request;
    struct imp_error err;
    char *j;
    int64_t n;

    kv_put_int(extra, "userid", 7);
    kv_put_int(extra, "more", 8);
    assert_int_equal(sign_wrap(p.sign, &in, &j, &err), 0);
    assert_int_equal(sign_unwrap(p.sign, j, 0, &request, &err), 0);
    assert_int_equal(request.userid, geteuid());
    assert_true(kv_get_int(request.header, "more", &n) == 0 && n == 8);
    sign_request_done(&request);
    kv_free(extra);
    free(j);
    close_pair(&p);
}

static void types_that_are_not_allowed_are_refused(void **state)
{
    struct pair p = open_pair(NONE);
    struct conf *conf =
        parse_conf("[sign]\nmax-ttl = 9\ndefault-type = 'munge'\nallowed-types = ['munge']\n");
    struct sign *munge_only = new_sign(conf);
    struct imp_error err = {""};
    char *j = wrap(p.sign, "x", "none");

    assert_int_equal(unwrap(munge_only, j, &err), -EPERM);
    assert_non_null(strstr(err.text, "'none' is not in sign.allowed-types"));
    assert_int_equal(unwrap(NULL, j, &err), -EINVAL);
    free(j);
    sign_free(munge_only);
    conf_free(conf);
    close_pair(&p);
}

static void nobody_signs_for_others(void **state)
{
    static const char *const types[] = {"none", "munge", "curve"};
    struct pair p = open_pair(NONE);
    struct imp_error err;
    char *j = NULL;

    for (size_t i = 0; i < 3; i++) {
        struct sign_input in = {
            .payload = "x", .len = 1, .userid = geteuid() + 1, .mechanism = types[i]};
        assert_int_equal(sign_wrap(p.sign, &in, &j, &err), -EPERM);
    }
    close_pair(&p);
}

static void requests_hold_for_the_instance_they_name(void **state)
{
    struct pair a = open_pair(NONE "instance = 'a'\n"), b = open_pair(NONE "instance = 'b'\n");
    struct pair any = open_pair(NONE);
    char *for_a = wrap(a.sign, "x", NULL), *for_any = wrap(any.sign, "x", NULL);
    struct imp_error err = {""};

    assert_int_equal(unwrap(a.sign, for_a, &err), 0);
    assert_int_equal(unwrap(any.sign, for_a, &err), 0);
    assert_int_equal(unwrap(b.sign, for_a, &err), -EPERM);
    assert_non_null(strstr(err.text, "not signed for 'b'"));
    assert_int_equal(unwrap(a.sign, for_any, &err), -EPERM);
    free(for_a);
    free(for_any);
    close_pair(&a);
    close_pair(&b);
    close_pair(&any);
}

static void payloads_are_bounded(void **state)
{
    struct pair p = open_pair(NONE);
    char *large = calloc(1, (size_t)SIGN_PAYLOAD_MAX + 1), *j = NULL;
    struct sign_input in = {.payload = large, .len = SIGN_PAYLOAD_MAX, .userid = geteuid()};
    struct sign_request request;
    struct imp_error err;

    assert_int_equal(sign_wrap(p.sign, &in, &j, &err), 0);
    assert_int_equal(sign_unwrap(p.sign, j, 0, &request, &err), 0);
    assert_int_equal(request.len, SIGN_PAYLOAD_MAX);
    sign_request_done(&request);
    free(j);
    in.len++;
    assert_int_equal(sign_wrap(p.sign, &in, &j, &err), -EFBIG);
    free(large);
    large = malloc((size_t)SIGN_J_MAX + 2);
    memset(large, 'A', (size_t)SIGN_J_MAX + 1);
    large[SIGN_J_MAX + 1] = '\0';
    assert_int_equal(unwrap(p.sign, large, &err), -EFBIG);
    free(large);
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(the_vectors_decode),
        cmocka_unit_test(headers_are_strict),
        cmocka_unit_test(what_was_wrapped_unwraps),
        cmocka_unit_test(no_byte_that_changes_does_harm),
        cmocka_unit_test(extra_keys_are_signed_but_none_of_ours_is_overridden),
        cmocka_unit_test(types_that_are_not_allowed_are_refused),
        cmocka_unit_test(nobody_signs_for_others),
        cmocka_unit_test(requests_hold_for_the_instance_they_name),
        cmocka_unit_test(payloads_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
