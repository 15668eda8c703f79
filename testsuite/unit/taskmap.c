// SPDX-License-Identifier: LGPL-3.0-only
/* Task maps: the tables of RFC 34 and 13. */
#include <flux/taskmap.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vectors.h"

static struct flux_taskmap *decode(const char *s)
{
    struct flux_taskmap *map = NULL;
    struct flux_error err;

    if (flux_taskmap_decode(s, &map, &err) < 0)
        fail_msg("%s", err.text);
    return map;
}

static struct flux_taskmap *decode_value(json_t *o)
{
    FLUX_AUTO_STR text = json_dumps(o, JSON_COMPACT);

    return decode(text);
}

static void assert_encodes(const struct flux_taskmap *map, enum flux_taskmap_form form,
                           const char *want)
{
    FLUX_AUTO_STR text = flux_taskmap_encode(map, form);

    assert_string_equal(text, want);
}

static void assert_map(const struct flux_taskmap *map, json_t *want)
{
    FLUX_AUTO_STR text = json_dumps(want, JSON_COMPACT);

    assert_encodes(map, FLUX_TASKMAP_JSON, text);
}

static const char *field(json_t *row, const char *key)
{
    json_t *o = json_object_get(row, key);

    return json_is_null(o) ? "" : json_string_value(o);
}

static void rfc_table(void **state)
{
    json_t *table = vectors_load("rfc/taskmap.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "raw_to_map"), i, row) {
        FLUX_AUTO(taskmap) map = decode(field(row, "raw"));
        assert_map(map, json_object_get(row, "map"));
        assert_encodes(map, FLUX_TASKMAP_RAW, field(row, "raw"));
    }
    json_array_foreach (json_object_get(table, "pmi_to_map"), i, row) {
        FLUX_AUTO(taskmap) map = decode(field(row, "pmi"));
        assert_map(map, json_object_get(row, "map"));
        assert_encodes(map, FLUX_TASKMAP_PMI, field(row, "pmi"));
    }
    json_array_foreach (json_object_get(table, "map_only"), i, row) {
        FLUX_AUTO(taskmap) map = decode_value(json_object_get(row, "map"));
        assert_int_equal(flux_taskmap_ntasks(map),
                         json_integer_value(json_object_get(row, "tasks")));
    }
    FLUX_AUTO(taskmap) wrapped = decode_value(json_object_get(table, "wrapped"));
    assert_encodes(wrapped, FLUX_TASKMAP_WRAPPED, "{\"version\":1,\"map\":[[0,4096,256,1]]}");
    json_decref(table);
}

static void pmi_table(void **state)
{
    json_t *table = vectors_load("core/taskmap.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "encode_pmi"), i, row) {
        FLUX_AUTO(taskmap) map = decode_value(json_object_get(row, "map"));
        assert_encodes(map, FLUX_TASKMAP_PMI, field(row, "pmi"));
    }
    json_array_foreach (json_object_get(table, "decode_pmi"), i, row) {
        FLUX_AUTO(taskmap) map = decode(field(row, "pmi"));
        assert_map(map, json_object_get(row, "map"));
    }
    json_array_foreach (json_object_get(table, "invalid"), i, row) {
        struct flux_taskmap *map = NULL;
        if (flux_taskmap_decode(json_string_value(row), &map, NULL) == 0)
            fail_msg("'%s' was accepted", json_string_value(row));
    }
    json_decref(table);
}

static void check_tasks(const struct flux_taskmap *map, unsigned node, const char *want)
{
    FLUX_AUTO(idset) tasks = flux_taskmap_tasks(map, node);
    FLUX_AUTO_STR text = flux_idset_encode(tasks, FLUX_IDSET_RANGE);

    assert_string_equal(text, want);
    assert_int_equal(flux_taskmap_ntasks_on(map, node), flux_idset_count(tasks));
    FLUX_IDSET_FOREACH(tasks, task)
    assert_int_equal(flux_taskmap_node(map, task), node);
}

static void tasks_table(void **state)
{
    json_t *table = vectors_load("core/taskmap.json"), *row, *ids;
    size_t i, node;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "tasks"), i, row) {
        FLUX_AUTO(taskmap) map = decode_value(json_object_get(row, "map"));
        assert_int_equal(flux_taskmap_nnodes(map),
                         json_integer_value(json_object_get(row, "nnodes")));
        assert_int_equal(flux_taskmap_ntasks(map),
                         json_integer_value(json_object_get(row, "ntasks")));
        json_array_foreach (json_object_get(row, "node_idsets_prefix"), node, ids)
            check_tasks(map, node, json_string_value(ids));
        assert_int_equal(flux_taskmap_node(map, flux_taskmap_ntasks(map)), -ENOENT);
    }
    json_decref(table);
}

static void odd_maps(void **state)
{
    static const char *const bad[] = {"0;0",
                                      "1",
                                      "0,2",
                                      "[[0,4294967295,4294967295,1]]",
                                      "[[0,4194304,2,1]]",
                                      "(vector,(0,4,4)",
                                      "(vector,(0,4,4))x"};
    FLUX_AUTO(taskmap) unknown = decode("[]");
    FLUX_AUTO(taskmap) hole = decode("0;;1");
    FLUX_AUTO(taskmap) cyclic = decode("0,2;1,3");
    FLUX_AUTO(taskmap) spelled = decode("(vector,(0,2,1),(0,2,1))");
    struct flux_taskmap *map = NULL;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(bad); i++)
        if (flux_taskmap_decode(bad[i], &map, NULL) == 0)
            fail_msg("'%s' was accepted", bad[i]);
    assert_true(flux_taskmap_unknown(unknown));
    assert_encodes(unknown, FLUX_TASKMAP_JSON, "[]");
    assert_encodes(hole, FLUX_TASKMAP_RAW, "0;;1");
    assert_encodes(cyclic, FLUX_TASKMAP_MULTILINE, "0: 0\n1: 1\n2: 0\n3: 1\n");
    assert_true(flux_taskmap_equal(cyclic, spelled));
    assert_false(flux_taskmap_equal(cyclic, hole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_table),
        cmocka_unit_test(pmi_table),
        cmocka_unit_test(tasks_table),
        cmocka_unit_test(odd_maps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
