// SPDX-License-Identifier: LGPL-3.0-only
/* Durations: the tables of RFC 23. */
#include <flux/fsd.h>

#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vectors.h"

static double seconds_of(json_t *o)
{
    return json_is_string(o) ? INFINITY : json_number_value(o);
}

static void parse_table(const char *file, const char *key)
{
    json_t *table = vectors_load(file), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "valid"), i, row) {
        const char *in = json_string_value(json_object_get(row, "in"));
        double want = seconds_of(json_object_get(row, key)), got = -1;
        struct flux_error err;

        if (flux_fsd_parse(in, &got, &err) < 0)
            fail_msg("%s", err.text);
        if (got != want)
            fail_msg("'%s': %.17g, not %.17g", in, got, want);
    }
    json_array_foreach (json_object_get(table, "invalid"), i, row) {
        double got;
        if (flux_fsd_parse(json_string_value(row), &got, NULL) == 0)
            fail_msg("'%s' was accepted", json_string_value(row));
    }
    json_decref(table);
}

static void rfc_table(void **state)
{
    parse_table("rfc/fsd.json", "out");
}

static void parse_and_reject_table(void **state)
{
    parse_table("core/fsd.json", "seconds");
}

static void format_table(void **state)
{
    json_t *table = vectors_load("core/fsd.json"), *row;
    char buf[FLUX_FSD_MAX];
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "format"), i, row)
        assert_string_equal(flux_fsd_format(seconds_of(json_object_get(row, "seconds")), buf),
                            json_string_value(json_object_get(row, "out")));
    json_decref(table);
}

static void odd_spellings(void **state)
{
    static const char *const bad[] = {"",     ".",  "s",     "1 s", " 1",
                                      "0x10", "1e", "1.2.3", "1mm", "1e999"};
    char buf[FLUX_FSD_MAX];
    double t;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(bad); i++)
        if (flux_fsd_parse(bad[i], &t, NULL) == 0)
            fail_msg("'%s' was accepted", bad[i]);
    assert_int_equal(flux_fsd_parse("1.5e2s", &t, NULL), 0);
    assert_true(t == 150);
    assert_int_equal(flux_fsd_parse("12345678901234567890123s", &t, NULL), 0);
    assert_true(t > 1.23e22 && t < 1.24e22);
    assert_string_equal(flux_fsd_format(0, buf), "0s");
}

static void rounded_for_a_glance(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0, "0s"},      {0.00123456, "1.23ms"},      {26.7941, "26.8s"},    {359, "5.98m"},
                 {86399, "24h"}, {1234.5 * 86400, "1234.5d"}, {INFINITY, "infinity"}};
    char buf[FLUX_FSD_MAX];

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cases); i++)
        assert_string_equal(flux_fsd_round(cases[i].seconds, buf), cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_table),
        cmocka_unit_test(parse_and_reject_table),
        cmocka_unit_test(format_table),
        cmocka_unit_test(odd_spellings),
        cmocka_unit_test(rounded_for_a_glance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
