// SPDX-License-Identifier: LGPL-3.0-only
/* Constraints (RFC 31) and queries (RFC 35): the tables, and the bounds on what comes from outside.
 */
#include <flux/constraint.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "vectors.h"

static bool xx_and_yy(const struct flux_constraint_node *node, const char *name)
{
    return strcmp(name, "xx") == 0 || strcmp(name, "yy") == 0;
}

static const struct flux_constraint_node foo0 = {0, "foo0", xx_and_yy, NULL};

static bool matches(const json_t *o)
{
    FLUX_AUTO(constraint) c = NULL;

    assert_int_equal(flux_constraint_parse(o, &c, NULL), 0);
    return flux_constraint_match(c, &foo0);
}

static void match_table(void **state)
{
    json_t *table = vectors_load("core/constraint.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "match"), i, row) {
        bool expect = json_is_true(json_object_get(row, "match"));

        if (matches(json_object_get(row, "constraint")) != expect)
            fail_msg("%s", json_string_value(json_object_get(row, "desc")));
    }
    json_decref(table);
}

static void validate_table(void **state)
{
    json_t *table = vectors_load("core/constraint.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "validate"), i, row) {
        struct flux_error err = {""};
        int r = flux_constraint_validate(json_object_get(row, "constraint"), &err);

        if ((r == 0) != json_is_true(json_object_get(row, "valid")))
            fail_msg("%s: %s", json_string_value(json_object_get(row, "desc")), err.text);
        assert_true(r == 0 || *err.text);
    }
    json_decref(table);
}

static void rfc_table(void **state)
{
    json_t *table = vectors_load("rfc/constraint.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "always_match"), i, row)
        assert_true(matches(row));
    json_array_foreach (json_object_get(table, "never_match"), i, row)
        assert_false(matches(row));
    json_array_foreach (json_object_get(table, "examples"), i, row)
        assert_int_equal(flux_constraint_validate(row, NULL), 0);
    json_array_foreach (json_object_get(table, "equivalent"), i, row)
        assert_int_equal(matches(json_array_get(row, 0)), matches(json_array_get(row, 1)));
    json_decref(table);
}

static void deep_nesting_is_refused(void **state)
{
    json_t *o = json_object();

    for (int i = 0; i < 100; i++)
        o = json_pack("{s:[o]}", "not", o);
    assert_int_equal(flux_constraint_validate(o, NULL), -EINVAL);
    json_decref(o);
}

static void run_query_table(const char *file, const struct flux_query_syntax *syntax)
{
    json_t *table = vectors_load(file), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "valid"), i, row) {
        const char *in = json_string_value(json_object_get(row, "in"));
        struct flux_error err;
        json_t *out;

        if (flux_query_parse(in, syntax, &out, &err) < 0)
            fail_msg("'%s': %s", in, err.text);
        if (!json_equal(out, json_object_get(row, "out")))
            fail_msg("'%s': other than expected", in);
        json_decref(out);
    }
    json_array_foreach (json_object_get(table, "invalid"), i, row) {
        json_t *out = NULL;

        if (flux_query_parse(json_string_value(row), syntax, &out, NULL) == 0)
            fail_msg("'%s' was accepted", json_string_value(row));
    }
    json_decref(table);
}

static void core_query_table(void **state)
{
    run_query_table("core/query.json", &(struct flux_query_syntax){"t", NULL});
}

static void rfc_query_table(void **state)
{
    run_query_table("rfc/query.json", &(struct flux_query_syntax){"name", NULL});
}

static void node_queries_become_constraints(void **state)
{
    json_t *o;
    struct flux_error err;
    char deep[200];

    assert_int_equal(flux_query_parse("^gpu host:a[1-2] or rank:3", &flux_query_nodes, &o, NULL),
                     0);
    FLUX_AUTO_STR text = json_dumps(o, JSON_COMPACT);
    assert_string_equal(text, "{\"or\":[{\"and\":[{\"properties\":[\"^gpu\"]},{\"hostlist\":["
                              "\"a[1-2]\"]}]},{\"ranks\":[\"3\"]}]}");
    assert_int_equal(flux_constraint_validate(o, NULL), 0);
    json_decref(o);
    assert_int_equal(flux_query_parse("a colour:red", &flux_query_nodes, &o, &err), -EINVAL);
    assert_string_equal(err.text, "query: column 3: unknown operator 'colour'");
    assert_int_equal(flux_query_parse("", &flux_query_nodes, &o, NULL), -EINVAL);
    assert_int_equal(flux_query_parse("- a", &flux_query_nodes, &o, NULL), -EINVAL);
    memset(deep, '(', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    assert_int_equal(flux_query_parse(deep, &flux_query_nodes, &o, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match_table),
        cmocka_unit_test(validate_table),
        cmocka_unit_test(rfc_table),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(core_query_table),
        cmocka_unit_test(rfc_query_table),
        cmocka_unit_test(node_queries_become_constraints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
