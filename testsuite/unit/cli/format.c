// SPDX-License-Identifier: LGPL-3.0-only
/* The output format engine: specs, conversions, prefixes, order, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "format/format.h"

struct row {
    const char *name;
    long long count;
    double time;
};

static void get_name(const void *row, const char *name, struct format_value *v)
{
    format_set_string(v, ((const struct row *)row)->name);
}

static void get_count(const void *row, const char *name, struct format_value *v)
{
    format_set_int(v, ((const struct row *)row)->count);
}

static void get_time(const void *row, const char *name, struct format_value *v)
{
    format_set_real(v, ((const struct row *)row)->time);
}

static void get_path(const void *row, const char *name, struct format_value *v)
{
    format_set_copy(v, name, strlen(name));
}

static void get_none(const void *row, const char *name, struct format_value *v)
{
}

static void get_flag(const void *row, const char *name, struct format_value *v)
{
    format_set_bool(v, ((const struct row *)row)->count != 0);
}

static const struct format_field fields[] = {
    {"name", "NAME", get_name, true},
    {"count", "COUNT", get_count, false},
    {"time", "TIME", get_time, false},
    {"notes.", "NOTES", get_path, false},
    {"none", "NONE", get_none, false},
    {"flag", "FLAG", get_flag, false},
    {NULL},
};

static char *print(const char *text, const struct row *rows, size_t n, const char *order,
                   bool header)
{
    struct flux_buf out = FLUX_BUF_INIT(0);
    struct flux_error err = {""};
    const void *pointers[16];
    struct format *f = NULL;

    for (size_t i = 0; i < n; i++)
        pointers[i] = &rows[i];
    if (format_compile(fields, text, &f, &err) < 0 ||
        format_rows(f, pointers, n, order, header, &out, &err) < 0) {
        format_free(f);
        flux_buf_done(&out);
        return flux_printf("error: %s", err.text);
    }
    format_free(f);
    return flux_buf_take(&out);
}

static const struct {
    const char *text;
    struct row row;
    const char *want;
} specs[] = {
    {"{name}", {"abc"}, "abc\n"},
    {"{name:5}|", {"abc"}, "abc  |\n"},
    {"{name:<5}|", {"abc"}, "abc  |\n"},
    {"{name:>5}|", {"abc"}, "  abc|\n"},
    {"{name:^6}|", {"abc"}, " abc  |\n"},
    {"{name:*^7}|", {"abc"}, "**abc**|\n"},
    {"{name:.2}|", {"abc"}, "ab|\n"},
    {"{name:.2+}|", {"abc"}, "a+|\n"},
    {"{name:.3+}|", {"abc"}, "abc|\n"},
    {"{name:<8.8+}|", {"abcdefghijk"}, "abcdefg+|\n"},
    {"{name:>8.8h}|", {""}, "       -|\n"},
    {"{name:>8.8h+}|", {"abcdefghijk"}, "abcdefg+|\n"},
    {"{name:h}|", {NULL}, "-|\n"},
    {"{name:>3}|", {NULL}, "   |\n"},
    {"{name:4}|", {"ƒ1"}, "ƒ1  |\n"},
    {"{name:>4}|", {"✔"}, "   ✔|\n"},
    {"{name:.3}|", {"ƒƒƒƒ"}, "ƒƒƒ|\n"},
    {"{name:6}|", {"日本"}, "日本  |\n"},
    {"{name:.3}|", {"日本"}, "日|\n"},
    {"{name:\xe2\x80\xa2<5}|", {"ab"}, "ab•••|\n"},
    {"{count}", {.count = 42}, "42\n"},
    {"{count:5}|", {.count = 42}, "   42|\n"},
    {"{count:<5}|", {.count = 42}, "42   |\n"},
    {"{count:05}|", {.count = 42}, "00042|\n"},
    {"{count:05}|", {.count = -42}, "-0042|\n"},
    {"{count:+}", {.count = 42}, "+42\n"},
    {"{count: }", {.count = 42}, " 42\n"},
    {"{count:x}", {.count = 255}, "ff\n"},
    {"{count:#x}", {.count = 255}, "0xff\n"},
    {"{count:X}", {.count = 255}, "FF\n"},
    {"{count:o}", {.count = 8}, "10\n"},
    {"{count:b}", {.count = 5}, "101\n"},
    {"{count:,}", {.count = 1234567}, "1,234,567\n"},
    {"{count:,}", {.count = 123}, "123\n"},
    {"{count:.2f}", {.count = 3}, "3.00\n"},
    {"{count:>4h}|", {.count = 0}, "   -|\n"},
    {"{count:>4h}|", {.count = 7}, "   7|\n"},
    {"{count:s}|", {.count = 7}, "7|\n"},
    {"{time}", {.time = 1.5}, "1.5\n"},
    {"{time}", {.time = 2}, "2.0\n"},
    {"{time}", {.time = 900}, "900.0\n"},
    {"{time}", {.time = 1795391821.581279}, "1795391821.581279\n"},
    {"{time}", {.time = 0.001}, "0.001\n"},
    {"{time:.1f}", {.time = 2.25}, "2.2\n"},
    {"{time:8.3f}|", {.time = 2.25}, "   2.250|\n"},
    {"{time:.0f}", {.time = 12.7}, "13\n"},
    {"{time:e}", {.time = 12.5}, "1.250000e+01\n"},
    {"{time:%}", {.time = 0.5}, "50.000000%\n"},
    {"{time:.0%}", {.time = 0.5}, "50%\n"},
    {"{time:.2f}", {.time = -1.5}, "-1.50\n"},
    {"{time!F}", {.time = 90}, "1.5m\n"},
    {"{time!F:>8h}|", {.time = 0}, "       -|\n"},
    {"{time!F:>8}|", {.time = 0.5}, "  0.500s|\n"},
    {"{time!F}", {.time = 0.0003}, "0s\n"},
    {"{time!F}", {.time = 8100}, "2.25h\n"},
    {"{time!F}", {.time = 123456}, "1.429d\n"},
    {"{time!H}", {.time = 3725}, "1:02:05\n"},
    {"{time!H}", {.time = 90061}, "1 day, 1:01:01\n"},
    {"{time!P}", {.time = 0.0512}, "5.12%\n"},
    {"{time!P}", {.time = 0.999}, "99.9%\n"},
    {"{time!P}", {.time = 0.9999}, "100%\n"},
    {"{time!P}", {.time = 0}, "0%\n"},
    {"{time!D}", {.time = 1608109165}, "2020-12-16T08:59:25\n"},
    {"{time!D:>22}|", {.time = 1608109165}, "   2020-12-16T08:59:25|\n"},
    {"{time!D:h}|", {.time = 0}, "-|\n"},
    {"{time!d:%b%d %R::<14}|", {.time = 1608109165}, "Dec16 08:59   |\n"},
    {"{time!d:%FT%T::<20}|", {.time = 1608109165}, "2020-12-16T08:59:25 |\n"},
    {"{time!d:%Y}|", {.time = 1608109165}, "2020|\n"},
    {"{time!d}|", {.time = 1608109165}, "2020-12-16T08:59:25|\n"},
    {"{name!s:>4}|", {"ab"}, "  ab|\n"},
    {"{notes.a.b}", {NULL}, "notes.a.b\n"},
    {"{{{name}}}", {"x"}, "{x}\n"},
    {"a{name}b{count}c", {"x", 1}, "axb1c\n"},
    {"{none:>3}|", {NULL}, "   |\n"},
    {"{none:>3h}|", {NULL}, "  -|\n"},
    {"{none:d}|", {NULL}, "|\n"},
    {"{none!D}|", {NULL}, "|\n"},
    {"{flag}", {.count = 1}, "True\n"},
    {"{flag:d}", {.count = 1}, "1\n"},
    {"plain", {NULL}, "plain\n"},
};

static void specs_follow_python(void **state)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(specs); i++) {
        FLUX_AUTO_STR got = print(specs[i].text, &specs[i].row, 1, NULL, false);

        if (strcmp(got, specs[i].want) != 0)
            fail_msg("%s: got '%s', want '%s'", specs[i].text, got, specs[i].want);
    }
}

static const struct row three[] = {{"bb", 2, 0}, {"a", 10, 0}, {"cccccc", 2, 0}};

static const struct {
    const char *text, *order, *want;
    bool header;
} tables[] = {
    {"{name:>4} {count:<6}|", NULL, "NAME COUNT |\n  bb 2     |\n   a 10    |\ncccccc 2     |\n",
     true},
    {"{name:<3.3} {count:>6}|", NULL, "NAM  COUNT|\nbb       2|\na       10|\nccc      2|\n", true},
    {"+:{name:<3.3} {count}|", NULL, "NAME   COUNT|\nbb     2|\na      10|\ncccccc 2|\n", true},
    {"{name:<6} ?:{time:>5} {count}", NULL, "bb     2\na      10\ncccccc 2\n", false},
    {"{name:<6} ?:{count:>5}", NULL, "bb         2\na         10\ncccccc     2\n", false},
    {"{name:<6} ?+:{count:>1}", NULL, "NAME   COUNT\nbb         2\na         10\ncccccc     2\n",
     true},
    {"?:{none}{name}", NULL, "bb\na\ncccccc\n", false},
    {"{name}", "name", "a\nbb\ncccccc\n", false},
    {"{name}", "-name", "cccccc\nbb\na\n", false},
    {"{name}", "count", "bb\ncccccc\na\n", false},
    {"{name}", "-count,-name", "a\ncccccc\nbb\n", false},
    {"sort:-count,name {name}", NULL, "a\nbb\ncccccc\n", false},
    {"sort:count {name}", "name", "a\nbb\ncccccc\n", false},
    {"{count:.0f}", NULL, "COUNT\n2\n10\n2\n", true},
};

static void tables_drop_widen_and_sort(void **state)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(tables); i++) {
        FLUX_AUTO_STR got = print(tables[i].text, three, 3, tables[i].order, tables[i].header);

        if (strcmp(got, tables[i].want) != 0)
            fail_msg("%s: got '%s', want '%s'", tables[i].text, got, tables[i].want);
    }
}

static const struct {
    const char *text, *order, *want;
} errors[] = {
    {"{nonesuch}", NULL, "error: Unknown format field: nonesuch"},
    {"{}", NULL, "error: Unknown format field: "},
    {"{name", NULL, "error: expected '}' before end of string"},
    {"name}", NULL, "error: Single '}' encountered in format string"},
    {"{name!q}", NULL, "error: Unknown conversion specifier '!q'"},
    {"{name:z}", NULL, "error: Invalid format specifier 'z'"},
    {"{name:.}", NULL, "error: Format specifier missing precision"},
    {"{name:99999}", NULL, "error: format width is above 4096"},
    {"{name!Dx}", NULL, "error: expected ':' after conversion in '{name!Dx}'"},
    {"{name}", "nonesuch", "error: Invalid sort key: nonesuch"},
};

static void mistakes_are_named(void **state)
{
    struct row row = {"x"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(errors); i++) {
        FLUX_AUTO_STR got = print(errors[i].text, &row, 1, errors[i].order, false);

        if (strcmp(got, errors[i].want) != 0)
            fail_msg("%s: got '%s', want '%s'", errors[i].text, got, errors[i].want);
    }
}

static void merge_key_leaves_merged_fields_out(void **state)
{
    struct row a = {"x", 1, 0}, b = {"y", 1, 0}, c = {"x", 2, 0};
    struct format *f = NULL;
    FLUX_AUTO_STR ka = NULL;
    FLUX_AUTO_STR kb = NULL;
    FLUX_AUTO_STR kc = NULL;

    assert_int_equal(format_compile(fields, "{name} {count}", &f, NULL), 0);
    ka = format_merge_key(f, &a);
    kb = format_merge_key(f, &b);
    kc = format_merge_key(f, &c);
    assert_string_equal(ka, kb);
    assert_string_not_equal(ka, kc);
    assert_true(format_uses(f, "name"));
    assert_false(format_uses(f, "time"));
    format_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specs_follow_python),
        cmocka_unit_test(tables_drop_widen_and_sort),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(merge_key_leaves_merged_fields_out),
    };

    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
