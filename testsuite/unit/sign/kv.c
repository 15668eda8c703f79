// SPDX-License-Identifier: LGPL-3.0-only
/* RFC 38: the tables of the RFC, hostile bytes, and kv against what was put into it. */
#include "setup.h"

#include <math.h>

#include "../../../imp/conf/timestamp.h"
#include "../../../imp/sign/base64.h"
#include "../vectors.h"

/* "\\0" in the vectors is one NUL. */
static size_t unescape(const char *from, char *to)
{
    size_t n = 0;

    while (*from) {
        bool nul = from[0] == '\\' && from[1] == '0';
        to[n++] = nul ? '\0' : *from;
        from += nul ? 2 : 1;
    }
    return n;
}

static void put_vector(struct kv *kv, const char *key, const char *type, const char *value)
{
    if (strcmp(type, "string") == 0)
        assert_int_equal(kv_put_string(kv, key, value), 0);
    else if (strcmp(type, "integer") == 0)
        assert_int_equal(kv_put_int(kv, key, strtoll(value, NULL, 10)), 0);
    else if (strcmp(type, "double") == 0)
        assert_int_equal(kv_put_double(kv, key, strtod(value, NULL)), 0);
    else if (strcmp(type, "boolean") == 0)
        assert_int_equal(kv_put_bool(kv, key, strcmp(value, "true") == 0), 0);
    else
        assert_int_equal(kv_put_time(kv, key, atoll(value)), 0);
}

static void the_rfcs_vectors_encode_and_decode(void **state)
{
    json_t *all = vectors_load("rfc/kv.json"), *row;
    size_t i;

    if (!all)
        skip();
    json_array_foreach (json_object_get(all, "vectors"), i, row) {
        const char *text = json_string_value(json_object_get(row, "encoding"));
        char bytes[1024];
        size_t want = unescape(text, bytes), len;
        struct kv *kv = kv_new(), *back = NULL;

        put_vector(kv, json_string_value(json_object_get(row, "key")),
                   json_string_value(json_object_get(row, "type")),
                   json_string_value(json_object_get(row, "value")));
        const void *got = kv_encode(kv, &len);
        assert_int_equal(len, want);
        assert_memory_equal(got, bytes, len);
        assert_int_equal(kv_decode(bytes, want, &back), 0);
        kv_free(kv);
        kv_free(back);
    }
    json_decref(all);
}

static void the_invalid_vectors_are_refused(void **state)
{
    json_t *all = vectors_load("rfc/sign_derived.json"), *row;
    size_t i;

    if (!all)
        skip();
    json_array_foreach (json_object_get(all, "kv_invalid"), i, row) {
        const char *hex = json_string_value(json_object_get(row, "bytes_hex"));
        unsigned char bytes[256];
        size_t n = strlen(hex) / 2;
        struct kv *kv = NULL;

        for (size_t k = 0; k < n; k++)
            sscanf(hex + 2 * k, "%2hhx", &bytes[k]);
        if (kv_decode(bytes, n, &kv) != -EINVAL)
            fail_msg("accepted: %s", json_string_value(json_object_get(row, "why")));
    }
    json_decref(all);
}

#define BYTES(s) s, sizeof(s) - 1 /* the NUL at the end is written out */

static void decoding_is_strict(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        int r;
    } rows[] = {
        {BYTES(""), 0},
        {BYTES("k\0s\0"), 0},
        {BYTES("k\0sv\0"), 0},
        {BYTES("k\0sv\0l\0i1\0"), 0},
        {BYTES("a b\0s c \0"), 0},
        {BYTES("k\0s\x01\xff\0"), 0},
        {BYTES("k\0i0\0"), 0},
        {BYTES("k\0i-1\0"), 0},
        {BYTES("k\0i9223372036854775807\0"), 0},
        {BYTES("k\0i-9223372036854775808\0"), 0},
        {BYTES("k\0d0\0"), 0},
        {BYTES("k\0d-1.5e300\0"), 0},
        {BYTES("k\0dnan\0"), 0},
        {BYTES("k\0d-inf\0"), 0},
        {BYTES("k\0btrue\0"), 0},
        {BYTES("k\0t1970-01-01T00:00:00Z\0"), 0},
        {BYTES("k\0t9999-12-31T23:59:59Z\0"), 0},
        {BYTES("k\0t2024-02-29T12:00:00Z\0"), 0},
        {BYTES("\0"), -EINVAL},
        {BYTES("k"), -EINVAL},
        {BYTES("k\0"), -EINVAL},
        {BYTES("k\0s"), -EINVAL},
        {BYTES("k\0sv"), -EINVAL},
        {BYTES("k\0sv\0x"), -EINVAL},
        {BYTES("k\0sv\0x\0"), -EINVAL},
        {BYTES("k\0sv\0\0"), -EINVAL},
        {BYTES("k\0sv\0\0s\0"), -EINVAL},
        {BYTES("k\0\0\0"), -EINVAL},
        {BYTES("k\0S\0"), -EINVAL},
        {BYTES("k\0xv\0"), -EINVAL},
        {BYTES("k\0sv\0k\0sv\0"), -EINVAL},
        {BYTES("k\0sv\0l\0s\0k\0i1\0"), -EINVAL},
        {BYTES("k\0i\0"), -EINVAL},
        {BYTES("k\0i-\0"), -EINVAL},
        {BYTES("k\0i+1\0"), -EINVAL},
        {BYTES("k\0i01\0"), -EINVAL},
        {BYTES("k\0i-0\0"), -EINVAL},
        {BYTES("k\0i 1\0"), -EINVAL},
        {BYTES("k\0i1 \0"), -EINVAL},
        {BYTES("k\0i0x1\0"), -EINVAL},
        {BYTES("k\0i1.0\0"), -EINVAL},
        {BYTES("k\0i1e3\0"), -EINVAL},
        {BYTES("k\0i9223372036854775808\0"), -EINVAL},
        {BYTES("k\0i-9223372036854775809\0"), -EINVAL},
        {BYTES("k\0i99999999999999999999999\0"), -EINVAL},
        {BYTES("k\0d\0"), -EINVAL},
        {BYTES("k\0d 1\0"), -EINVAL},
        {BYTES("k\0d1x\0"), -EINVAL},
        {BYTES("k\0d1,5\0"), -EINVAL},
        {BYTES("k\0b\0"), -EINVAL},
        {BYTES("k\0b1\0"), -EINVAL},
        {BYTES("k\0bTrue\0"), -EINVAL},
        {BYTES("k\0btruex\0"), -EINVAL},
        {BYTES("k\0t\0"), -EINVAL},
        {BYTES("k\0t0\0"), -EINVAL},
        {BYTES("k\0t2023-02-29T12:00:00Z\0"), -EINVAL},
        {BYTES("k\0t2023-13-01T12:00:00Z\0"), -EINVAL},
        {BYTES("k\0t2023-00-01T12:00:00Z\0"), -EINVAL},
        {BYTES("k\0t2023-01-01T24:00:00Z\0"), -EINVAL},
        {BYTES("k\0t2023-01-01T12:60:00Z\0"), -EINVAL},
        {BYTES("k\0t2023-01-01T12:00:60Z\0"), -EINVAL},
        {BYTES("k\0t2023-01-01T12:00:00\0"), -EINVAL},
        {BYTES("k\0t2023-01-01 12:00:00Z\0"), -EINVAL},
        {BYTES("k\0t2023-01-01T12:00:00z\0"), -EINVAL},
        {BYTES("k\0t2023-01-01T12:00:00ZZ\0"), -EINVAL},
        {BYTES("k\0t1969-12-31T23:59:59Z\0"), -EINVAL},
        {BYTES("k\0t2023-01-01T12:00:00+00:00\0"), -EINVAL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        /* a block of just that size, so that a sanitizer sees every byte read beyond it */
        char *bytes = memcpy(malloc(rows[i].len + !rows[i].len), rows[i].bytes, rows[i].len);
        struct kv *kv = NULL;
        int r = kv_decode(bytes, rows[i].len, &kv);

        if (r != rows[i].r)
            fail_msg("row %zu: %d", i, r);
        kv_free(kv);
        free(bytes);
    }
}

static void values_come_back(void **state)
{
    struct kv *kv = kv_new(), *back = NULL;
    const char *s;
    int64_t i;
    double d;
    bool b;
    time_t t;
    size_t len;

    assert_int_equal(kv_put_string(kv, "s", "text"), 0);
    assert_int_equal(kv_put_int(kv, "i", INT64_MIN), 0);
    assert_int_equal(kv_put_double(kv, "d", 0.5), 0);
    assert_int_equal(kv_put_double(kv, "nan", NAN), 0);
    assert_int_equal(kv_put_bool(kv, "b", true), 0);
    assert_int_equal(kv_put_time(kv, "t", 1692370785), 0);
    const void *bytes = kv_encode(kv, &len);
    assert_int_equal(kv_decode(bytes, len, &back), 0);
    assert_int_equal(kv_get_string(back, "s", &s), 0);
    assert_string_equal(s, "text");
    assert_true(kv_get_int(back, "i", &i) == 0 && i == INT64_MIN);
    assert_true(kv_get_double(back, "d", &d) == 0 && d == 0.5);
    assert_true(kv_get_double(back, "nan", &d) == 0 && isnan(d));
    assert_true(kv_get_bool(back, "b", &b) == 0 && b);
    assert_true(kv_get_time(back, "t", &t) == 0 && t == 1692370785);
    kv_free(back);
    kv_free(kv);
}

static void a_value_of_another_type_is_not_given_out(void **state)
{
    static const char types[] = "sidbt";
    struct kv *kv = kv_new();
    const char *s;
    int64_t i;
    double d;
    bool b;
    time_t t;

    kv_put_string(kv, "s", "1");
    kv_put_int(kv, "i", 1);
    kv_put_double(kv, "d", 1);
    kv_put_bool(kv, "b", true);
    kv_put_time(kv, "t", 1);
    for (const char *c = types; *c; c++) {
        char key[2] = {*c, '\0'};
        assert_int_equal(kv_get_string(kv, key, &s), *c == 's' ? 0 : -EINVAL);
        assert_int_equal(kv_get_int(kv, key, &i), *c == 'i' ? 0 : -EINVAL);
        assert_int_equal(kv_get_double(kv, key, &d), *c == 'd' ? 0 : -EINVAL);
        assert_int_equal(kv_get_bool(kv, key, &b), *c == 'b' ? 0 : -EINVAL);
        assert_int_equal(kv_get_time(kv, key, &t), *c == 't' ? 0 : -EINVAL);
    }
    assert_int_equal(kv_get_string(kv, "none", &s), -ENOENT);
    assert_int_equal(kv_get_string(kv, "", &s), -ENOENT);
    kv_free(kv);
}

static void what_cannot_be_written_is_refused(void **state)
{
    struct kv *kv = kv_new();
    char key[16];

    assert_int_equal(kv_put_string(kv, "", "x"), -EINVAL);
    assert_int_equal(kv_put_time(kv, "t", -1), -EINVAL);
    assert_int_equal(kv_put_time(kv, "t", 253402300800), -EINVAL);
    for (int i = 0; i < KV_LEN_MAX; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(kv_put_bool(kv, key, true), 0);
    }
    assert_int_equal(kv_put_bool(kv, "more", true), -E2BIG);
    kv_free(kv);

    char *large = malloc(KV_SIZE_MAX + 1);
    memset(large, 'x', KV_SIZE_MAX);
    large[KV_SIZE_MAX] = '\0';
    kv = kv_new();
    assert_int_equal(kv_put_string(kv, "k", large), -E2BIG);
    assert_int_equal(kv_put_string(kv, "k", "small"), 0);
    assert_int_equal(kv_decode(large, (size_t)KV_SIZE_MAX + 1, &kv), -E2BIG);
    kv_free(kv);
    free(large);
}

static void keys_are_replaced_and_deleted(void **state)
{
    struct kv *kv = kv_new();
    const char *s;
    int64_t i;
    size_t len;

    kv_put_string(kv, "a", "1");
    kv_put_string(kv, "b", "2");
    kv_put_int(kv, "a", 3);
    assert_int_equal(kv_get_string(kv, "a", &s), -EINVAL);
    assert_true(kv_get_int(kv, "a", &i) == 0 && i == 3);
    assert_int_equal(kv_delete(kv, "b"), 0);
    assert_int_equal(kv_delete(kv, "b"), -ENOENT);
    assert_int_equal(kv_delete(kv, "a"), 0);
    kv_encode(kv, &len);
    assert_int_equal(len, 0);
    kv_free(kv);
}

static void prefixes_join_and_split(void **state)
{
    struct kv *kv = kv_new(), *part = kv_new(), *back = kv_new();
    const void *x, *y;
    size_t n, m;

    kv_put_string(part, "a", "1");
    kv_put_time(part, "b.c", 7);
    kv_put_string(kv, "other", "x");
    assert_int_equal(kv_join(kv, "part.", part), 0);
    assert_int_equal(kv_split(kv, "part.", back), 0);
    x = kv_encode(part, &n);
    y = kv_encode(back, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    /* nothing is left of a key that is the prefix */
    kv_put_string(kv, "part.", "x");
    assert_int_equal(kv_split(kv, "part.", back), -EINVAL);
    kv_free(kv);
    kv_free(part);
    kv_free(back);
}

static void times_are_those_of_the_calendar(void **state)
{
    /* every week and some up to the last year, and both sides of its end */
    for (time_t t = 0; t < 253402300800; t += 90061 * 7) {
        char want[TIMESTAMP_SIZE], got[TIMESTAMP_SIZE];
        struct tm tm;
        time_t back;

        gmtime_r(&t, &tm);
        assert_true(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
        assert_int_equal(timestamp_encode(t, got), 0);
        assert_string_equal(got, want);
        assert_int_equal(timestamp_decode(got, &back), 0);
        assert_true(back == t);
    }
    char text[TIMESTAMP_SIZE];
    assert_int_equal(timestamp_encode(253402300799, text), 0);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    assert_int_equal(timestamp_encode(253402300800, text), -EINVAL);
    assert_int_equal(timestamp_encode(INT64_MAX, text), -EINVAL);
    assert_int_equal(timestamp_encode(-1, text), -EINVAL);
    assert_int_equal(timestamp_encode(INT64_MIN, text), -EINVAL);
}

static void base64_is_canonical_or_refused(void **state)
{
    static const struct {
        const char *text, *bytes; /* NULL: refused */
    } rows[] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        {"Zg", NULL},
        {"Zg=", NULL},
        {"Zh==", NULL},
        {"Zm9=", NULL},
        {"=", NULL},
        {"====", NULL},
        {"Zg==Zg==", NULL},
        {"Zm9v\n", NULL},
        {"Zm 9v", NULL},
        {"Zm9v====", NULL},
        {"-___", NULL},
        {"Zm9!", NULL},
        {"Z", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t n = strlen(rows[i].text), len;
        char *text = memcpy(malloc(n + !n), rows[i].text, n), *bytes;
        int r = base64_decode(text, n, &bytes, &len);

        if (r != (rows[i].bytes ? 0 : -EINVAL))
            fail_msg("'%s': %d", rows[i].text, r);
        if (r == 0) {
            char *again = base64_encode(bytes, len);
            assert_string_equal(bytes, rows[i].bytes);
            assert_string_equal(again, rows[i].text);
            free(again);
            free(bytes);
        }
        free(text);
    }
    char exact[3];
    assert_int_equal(base64_decode_exact("Zm9v", exact, 3), 0);
    assert_int_equal(base64_decode_exact("Zm8=", exact, 3), -EINVAL);
    assert_int_equal(base64_decode_exact("Zm9vYg==", exact, 3), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfcs_vectors_encode_and_decode),
        cmocka_unit_test(the_invalid_vectors_are_refused),
        cmocka_unit_test(decoding_is_strict),
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(a_value_of_another_type_is_not_given_out),
        cmocka_unit_test(what_cannot_be_written_is_refused),
        cmocka_unit_test(keys_are_replaced_and_deleted),
        cmocka_unit_test(prefixes_join_and_split),
        cmocka_unit_test(times_are_those_of_the_calendar),
        cmocka_unit_test(base64_is_canonical_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
