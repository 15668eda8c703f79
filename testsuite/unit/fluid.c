// SPDX-License-Identifier: LGPL-3.0-only
/* FLUIDs: the tables of RFC 19, round trips through every form, and the generator's promises. */
#include <flux/fluid.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vectors.h"

static uint64_t id_of(json_t *row)
{
    return strtoull(json_string_value(json_object_get(row, "id")), NULL, 10);
}

static void expect(uint64_t id, enum flux_fluid_form form, const char *want)
{
    char buf[FLUX_FLUID_MAX];

    assert_int_equal(flux_fluid_encode(id, form, buf, sizeof(buf)), strlen(want));
    assert_string_equal(buf, want);
}

static void parse_rows(json_t *rows)
{
    json_t *row;
    size_t i;

    json_array_foreach (rows, i, row) {
        const char *in = json_string_value(json_object_get(row, "in"));
        struct flux_error err;
        uint64_t id;
        if (flux_fluid_parse(in, &id, &err) < 0)
            fail_msg("%s", err.text);
        if (id != id_of(row))
            fail_msg("'%s' gave %llu", in, (unsigned long long)id);
    }
}

static void tables(void **state)
{
    json_t *table = vectors_load("core/fluid.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "encode_f58"), i, row) {
        expect(id_of(row), FLUX_FLUID_F58_UTF8, json_string_value(json_object_get(row, "f58")));
        expect(id_of(row), FLUX_FLUID_F58_ASCII, json_string_value(json_object_get(row, "ascii")));
    }
    parse_rows(json_object_get(table, "parse"));
    parse_rows(json_object_get(table, "words"));
    json_array_foreach (json_object_get(table, "words"), i, row)
        expect(id_of(row), FLUX_FLUID_WORDS, json_string_value(json_object_get(row, "in")));
    json_array_foreach (json_object_get(table, "emoji_order"), i, row)
        expect(i, FLUX_FLUID_EMOJI, json_string_value(row));
    json_array_foreach (json_object_get(table, "invalid"), i, row) {
        uint64_t id;
        if (flux_fluid_parse(json_string_value(row), &id, NULL) == 0)
            fail_msg("'%s' was accepted", json_string_value(row));
    }
    json_decref(table);
}

static void every_form_reads_back(void **state)
{
    static const uint64_t ids[] = {
        0, 1, 575, 576, 0xffffffff, 0x100000000, 6731191091817518, UINT64_MAX - 1, UINT64_MAX};
    char buf[FLUX_FLUID_MAX];
    uint64_t id;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(ids); i++)
        for (int form = FLUX_FLUID_DEC; form <= FLUX_FLUID_F58_ASCII; form++) {
            assert_true(flux_fluid_encode(ids[i], form, buf, sizeof(buf)) > 0);
            assert_int_equal(flux_fluid_parse(buf, &id, NULL), 0);
            assert_true(id == ids[i]);
        }
    expect(0x00000004b2000000, FLUX_FLUID_KVS, "job.0000.0004.b200.0000");
    expect(6731191091817518, FLUX_FLUID_DOTHEX, "0017.e9fb.8df1.6c2e");
    assert_int_equal(flux_fluid_encode(1234, FLUX_FLUID_DEC, buf, 4), -EOVERFLOW);
    assert_int_equal(flux_fluid_form("words"), FLUX_FLUID_WORDS);
    assert_int_equal(flux_fluid_form("roman"), -EINVAL);
}

static void locale_decides_the_letter(void **state)
{
    assert_string_equal(flux_fluid_f58(1234), getenv("FLUX_F58_FORCE_ASCII") ? "fNH" : "ƒNH");
    assert_ptr_not_equal(flux_fluid_f58(1), flux_fluid_f58(2));
}

static void generator_never_repeats(void **state)
{
    struct flux_fluid_gen gen, later;
    uint64_t id, last = 0;

    assert_int_equal(flux_fluid_init(&gen, FLUX_FLUID_GENERATORS, 0), -EINVAL);
    assert_int_equal(flux_fluid_init(&gen, 5, flux_walltime()), 0);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(flux_fluid_next(&gen, &id), 0);
        assert_true(id > last);
        assert_int_equal(id >> 10 & 0x3fff, 5);
        last = id;
    }
    assert_int_equal(flux_fluid_init(&later, 5, flux_walltime() + 100), 0);
    flux_fluid_seed(&later, last);
    assert_int_equal(flux_fluid_next(&later, &id), 0);
    assert_true(id > last);
    flux_fluid_seed(&later, 1);
    assert_int_equal(flux_fluid_next(&later, &last), 0);
    assert_true(last > id);
}

static void generator_ends_after_40_bits(void **state)
{
    struct flux_fluid_gen gen;
    uint64_t id;

    flux_fluid_init(&gen, 0, flux_walltime());
    flux_fluid_seed(&gen, UINT64_MAX);
    assert_int_equal(flux_fluid_next(&gen, &id), -EOVERFLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),
        cmocka_unit_test(every_form_reads_back),
        cmocka_unit_test(locale_decides_the_letter),
        cmocka_unit_test(generator_never_repeats),
        cmocka_unit_test(generator_ends_after_40_bits),
    };

    setenv("LC_ALL", "C.UTF-8", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
