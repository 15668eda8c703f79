// SPDX-License-Identifier: LGPL-3.0-only
/* Resource counts: the tables of RFC 14, 22 and 45. */
#include <flux/count.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vectors.h"

static int flags_from(const char *s)
{
    return (strstr(s, "short") ? FLUX_COUNT_SHORT : 0) |
           (strstr(s, "brackets") ? FLUX_COUNT_BRACKETS : 0);
}

static void codec_table(void **state)
{
    json_t *table = vectors_load("core/count.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "codec"), i, row) {
        const char *in = json_string_value(json_object_get(row, "in"));
        const char *out = json_string_value(json_object_get(row, "out"));
        int flags = flags_from(json_string_value(json_object_get(row, "flags")));
        FLUX_AUTO(count) c = NULL;
        struct flux_error err = {""};
        int r = flux_count_decode(in, &c, &err);

        if (!out) {
            if (r == 0)
                fail_msg("'%s' was accepted", in);
            assert_true(*err.text);
            continue;
        }
        if (r < 0)
            fail_msg("'%s': %s", in, err.text);
        FLUX_AUTO_STR text = flux_count_encode(c, flags);
        assert_string_equal(text, out);
    }
    json_decref(table);
}

static void iterate_table(void **state)
{
    json_t *table = vectors_load("core/count.json"), *row;
    size_t i, j;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "iterate"), i, row) {
        json_t *values = json_object_get(row, "values"), *v;
        FLUX_AUTO(count) c = NULL;
        int r = flux_count_from_json(json_object_get(row, "count"), &c, NULL);
        unsigned at = 0;

        if (json_is_null(values)) {
            assert_true(r < 0);
            continue;
        }
        assert_int_equal(r, 0);
        json_array_foreach (values, j, v) {
            at = j ? flux_count_next(c, at) : flux_count_first(c);
            assert_int_equal(at, json_integer_value(v));
            assert_int_equal(flux_count_fit(c, at), at);
        }
        assert_int_equal(flux_count_next(c, at), 0);
    }
    json_decref(table);
}

static void equivalent_texts(void **state)
{
    json_t *table = vectors_load("rfc/range.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "equivalent"), i, row) {
        FLUX_AUTO(count) a = NULL;
        FLUX_AUTO(count) b = NULL;

        assert_int_equal(flux_count_decode(json_string_value(json_array_get(row, 0)), &a, NULL), 0);
        assert_int_equal(flux_count_decode(json_string_value(json_array_get(row, 1)), &b, NULL), 0);
        for (unsigned n = 0, x = a->min, y = b->min; n < 200 && (x || y); n++) {
            assert_int_equal(x, y);
            x = flux_count_next(a, x);
            y = flux_count_next(b, y);
        }
    }
    json_decref(table);
}

static void fit_finds_the_largest_below(void **state)
{
    static const struct {
        const char *text;
        unsigned limit, fit;
    } rows[] = {{"4", 3, 0},     {"4", 9, 4},          {"2+", 100, 100},
                {"2-9:3", 7, 5}, {"2-64:2:*", 63, 32}, {"2-300:2:^", 255, 16},
                {"1,4-6", 3, 1}, {"1,4-6", 5, 5},      {"1,4-6", 50, 6}};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(rows); i++) {
        FLUX_AUTO(count) c = NULL;
        assert_int_equal(flux_count_decode(rows[i].text, &c, NULL), 0);
        assert_int_equal(flux_count_fit(c, rows[i].limit), rows[i].fit);
    }
}

static void hostile_texts_are_bounded(void **state)
{
    FLUX_AUTO(count) c = NULL;
    FLUX_AUTO_STR longtext = flux_alloc(10001);

    memset(longtext, '1', 10000);
    assert_int_equal(flux_count_decode(longtext, &c, NULL), -EINVAL);
    assert_int_equal(flux_count_decode("4294967297", &c, NULL), -EINVAL);
    assert_int_equal(flux_count_decode("1-2147483647", &c, NULL), 0);
    assert_null(flux_count_encode(c, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codec_table),
        cmocka_unit_test(iterate_table),
        cmocka_unit_test(equivalent_texts),
        cmocka_unit_test(fit_finds_the_largest_below),
        cmocka_unit_test(hostile_texts_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
