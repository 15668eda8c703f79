// SPDX-License-Identifier: LGPL-3.0-only
/* Task maps from jobspec and R: where tasks go, by every scheme. */
#include <flux/layout.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct made {
    struct flux_jobspec *js;
    struct flux_rset *r;
};

/* `resources` and `count` are JSON; nodes have the cores given, in turn. */
static struct made make(const char *resources, const char *count, const char *options,
                        const char *const *cores)
{
    FLUX_AUTO_STR text = flux_printf(
        "{\"version\":1,\"resources\":[%s],\"attributes\":{\"system\":{\"duration\":0,"
        "\"shell\":{\"options\":%s}}},\"tasks\":[{\"command\":[\"a\"],\"slot\":\"task\","
        "\"count\":%s}]}",
        resources, options, count);
    struct made m;
    struct flux_error err = {""};

    if (flux_jobspec_decode(text, strlen(text), &m.js, &err) < 0)
        fail_msg("%s", err.text);
    m.r = flux_rset_new();
    for (unsigned i = 0; cores[i]; i++) {
        FLUX_AUTO(idset) ids = NULL;
        FLUX_AUTO_STR host = flux_printf("n%u", i);

        assert_int_equal(flux_idset_decode(cores[i], &ids, NULL), 0);
        assert_int_equal(flux_rset_add(m.r, i + 10, host, ids, NULL, &err), 0);
    }
    return m;
}

static void unmake(struct made *m)
{
    flux_jobspec_free(m->js);
    flux_rset_free(m->r);
}

#define SLOT(count, cores)                                                                         \
    "{\"type\":\"slot\",\"count\":" #count                                                         \
    ",\"label\":\"task\",\"with\":[{\"type\":\"core\",\"count\":" #cores "}]}"
#define NODES(n, slot) "{\"type\":\"node\",\"count\":" #n ",\"with\":[" slot "]}"

static void check(const char *resources, const char *count, const char *options,
                  const char *const *cores, const char *expected)
{
    struct made m = make(resources, count, options, cores);
    FLUX_AUTO(taskmap) map = NULL;
    FLUX_AUTO_STR raw = NULL;
    struct flux_error err = {""};
    int r = flux_layout_taskmap(m.js, m.r, &map, &err);

    if (!expected) {
        assert_true(r < 0);
        assert_true(err.text[0]);
    } else {
        if (r < 0)
            fail_msg("%s", err.text);
        raw = flux_taskmap_encode(map, FLUX_TASKMAP_RAW);
        assert_string_equal(raw, expected);
    }
    unmake(&m);
}

static const char *const even[] = {"0-3", "0-3", NULL};
static const char *const uneven[] = {"0-3", "0-1", "2", NULL};

static void slots_fill_their_nodes(void **state)
{
    check(SLOT(7, 1), "{\"per_slot\":1}", "{}", uneven, "0-3;4-5;6");
    check(SLOT(4, 2), "{\"per_slot\":1}", "{}", even, "0-1;2-3");
    check(NODES(2, SLOT(1, 4)), "{\"per_slot\":1}", "{}", even, "0;1");
}

static void fewer_slots_than_room_are_spread(void **state)
{
    check(SLOT(5, 1), "{\"per_slot\":1}", "{}", even, "0-2;3-4");
    check(SLOT(2, 1), "{\"per_slot\":1}", "{}", even, "0;1");
}

static void a_total_is_spread_and_piled_up(void **state)
{
    check(NODES(2, SLOT(2, 1)), "{\"total\":3}", "{}", even, "0-1;2");
    check(NODES(2, SLOT(4, 1)), "{\"total\":10}", "{}", even, "0-4;5-9");
}

static void tasks_can_be_counted_by_resource(void **state)
{
    check(SLOT(7, 1), "{\"per_slot\":1}", "{\"per-resource\":{\"type\":\"node\",\"count\":2}}",
          uneven, "0-1;2-3;4-5");
    check(SLOT(7, 1), "{\"per_slot\":1}", "{\"per-resource\":{\"type\":\"core\"}}", uneven,
          "0-3;4-5;6");
    check(SLOT(7, 1), "{\"per_slot\":1}", "{\"per-resource\":{\"type\":\"rack\"}}", uneven, NULL);
}

static void schemes_order_them(void **state)
{
    check(SLOT(7, 1), "{\"per_slot\":1}", "{\"taskmap\":{\"scheme\":\"cyclic\"}}", uneven,
          "0,3,5-6;1,4;2");
    check(SLOT(8, 1), "{\"per_slot\":1}", "{\"taskmap\":{\"scheme\":\"cyclic\",\"value\":\"2\"}}",
          even, "0-1,4-5;2-3,6-7");
    check(SLOT(4, 2), "{\"per_slot\":1}",
          "{\"taskmap\":{\"scheme\":\"manual\",\"value\":\"[[1,1,1,1],[0,1,3,1]]\"}}", even,
          "1-3;0");
    check(SLOT(4, 2), "{\"per_slot\":1}",
          "{\"taskmap\":{\"scheme\":\"hostfile\",\"value\":\"n1,n0,n1,n0\"}}", even, "1,3;0,2");
}

static void wrong_schemes_are_refused(void **state)
{
    check(SLOT(4, 2), "{\"per_slot\":1}", "{\"taskmap\":{\"scheme\":\"x\"}}", even, NULL);
    check(SLOT(4, 2), "{\"per_slot\":1}", "{\"taskmap\":{\"scheme\":\"cyclic\",\"value\":\"0\"}}",
          even, NULL);
    check(SLOT(4, 2), "{\"per_slot\":1}",
          "{\"taskmap\":{\"scheme\":\"manual\",\"value\":\"[[0,1,1,1]]\"}}", even, NULL);
    check(SLOT(4, 2), "{\"per_slot\":1}",
          "{\"taskmap\":{\"scheme\":\"manual\",\"value\":\"[[2,1,4,1]]\"}}", even, NULL);
    check(SLOT(4, 2), "{\"per_slot\":1}",
          "{\"taskmap\":{\"scheme\":\"hostfile\",\"value\":\"n1,n0,n1,n9\"}}", even, NULL);
    check(SLOT(4, 2), "{\"per_slot\":1}",
          "{\"taskmap\":{\"scheme\":\"hostfile\",\"value\":\"n1\"}}", even, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_fill_their_nodes),
        cmocka_unit_test(fewer_slots_than_room_are_spread),
        cmocka_unit_test(a_total_is_spread_and_piled_up),
        cmocka_unit_test(tasks_can_be_counted_by_resource),
        cmocka_unit_test(schemes_order_them),
        cmocka_unit_test(wrong_schemes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
