// SPDX-License-Identifier: LGPL-3.0-only
/* Trees over ranks: shapes, routes against a walk up the parents, splits, bad trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include <flux/topology.h>

static struct flux_topology *make(const char *spec, uint32_t size)
{
    struct flux_topology *t = NULL;
    struct flux_error err;

    assert_int_equal(flux_topology_new(spec, size, &t, &err), 0);
    return t;
}

static void shape_of_a_binary_tree(void **state)
{
    FLUX_AUTO(topology) t = make("kary:2", 16);

    assert_int_equal(flux_topology_parent(t, 0), FLUX_TOPOLOGY_NONE);
    assert_int_equal(flux_topology_parent(t, 15), 7);
    assert_int_equal(flux_topology_child_count(t, 0), 2);
    assert_int_equal(flux_topology_child(t, 1, 1), 4);
    assert_int_equal(flux_topology_child_count(t, 7), 1);
    assert_int_equal(flux_topology_maxlevel(t), 4);
    assert_int_equal(flux_topology_level(t, 6), 2);
    assert_int_equal(flux_topology_descendants(t, 0), 15);
    assert_int_equal(flux_topology_descendants(t, 1), 7);
    assert_int_equal(flux_topology_descendants(t, 15), 0);
}

static void shape_of_a_tree_with_few_routers(void **state)
{
    static const uint32_t want[] = {FLUX_TOPOLOGY_NONE, 0, 0, 0, 1, 1, 2, 2, 3};
    FLUX_AUTO(topology) t = make("mincrit:3", 9);
    FLUX_AUTO(topology) small = make("mincrit", 1025);
    FLUX_AUTO(topology) large = make("mincrit", 4096);
    FLUX_AUTO(topology) few = make("mincrit:7", 4);

    for (uint32_t r = 0; r < 9; r++)
        assert_int_equal(flux_topology_parent(t, r), want[r]);
    assert_int_equal(flux_topology_maxlevel(small), 1);
    assert_int_equal(flux_topology_maxlevel(large), 2);
    assert_true(flux_topology_child_count(large, 0) < 8);
    for (uint32_t r = 0; r < 4096; r++)
        assert_true(flux_topology_child_count(large, r) <= 1024);
    assert_int_equal(flux_topology_maxlevel(few), 1);
}

static void shape_of_a_binomial_tree(void **state)
{
    FLUX_AUTO(topology) t = make("binomial", 16);

    assert_int_equal(flux_topology_child_count(t, 0), 4);
    assert_int_equal(flux_topology_parent(t, 13), 12);
    assert_int_equal(flux_topology_parent(t, 12), 8);
    assert_int_equal(flux_topology_maxlevel(t), 4);
}

static void a_flat_tree_has_one_level(void **state)
{
    static const char *specs[] = {"flat", "kary:0", "kary:100"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(specs); i++) {
        FLUX_AUTO(topology) t = make(specs[i], 100);
        assert_int_equal(flux_topology_child_count(t, 0), 99);
        assert_int_equal(flux_topology_maxlevel(t), 1);
    }
}

static bool below(const struct flux_topology *t, uint32_t top, uint32_t rank)
{
    while (rank != FLUX_TOPOLOGY_NONE && rank != top)
        rank = flux_topology_parent(t, rank);
    return rank == top;
}

static void check_routes(const struct flux_topology *t)
{
    uint32_t size = flux_topology_size(t);

    for (uint32_t a = 0; a < size; a++) {
        for (uint32_t b = 0; b < size; b++) {
            uint32_t hop = flux_topology_route(t, a, b);
            assert_int_equal(flux_topology_contains(t, a, b), below(t, a, b));
            if (a == b)
                assert_int_equal(hop, a);
            else if (below(t, a, b)) {
                assert_int_equal(flux_topology_parent(t, hop), a);
                assert_true(below(t, hop, b));
            } else
                assert_int_equal(hop, flux_topology_parent(t, a));
        }
    }
}

static void routes_agree_with_the_parents(void **state)
{
    static const char *specs[] = {"kary:1",   "kary:2", "kary:3",  "kary:32",
                                  "binomial", "flat",   "mincrit", "mincrit:3"};
    static const uint32_t sizes[] = {1, 2, 3, 17, 60};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(specs); i++) {
        for (size_t j = 0; j < FLUX_ARRAY_SIZE(sizes); j++) {
            FLUX_AUTO(topology) t = make(specs[i], sizes[j]);
            check_routes(t);
        }
    }
}

static void custom_trees_may_have_parents_of_higher_rank(void **state)
{
    static const uint32_t parents[] = {0, 4, 4, 2, 0, 3};
    FLUX_AUTO(topology) t = NULL;

    assert_int_equal(flux_topology_custom(parents, 6, &t, NULL), 0);
    check_routes(t);
    assert_int_equal(flux_topology_maxlevel(t), 4);
}

static void bad_trees_are_refused(void **state)
{
    static const uint32_t loop[] = {0, 2, 1}, far[] = {0, 3, 0}, self[] = {0, 1, 0};
    static const char *specs[] = {
        "",       "kary",     "kary:",     "kary:-1",     "kary:2x",
        "tree:2", "mincrit:", "mincrit:x", "mincritical", "kary:99999999999999999999"};
    struct flux_topology *t = NULL;
    struct flux_error err;

    assert_int_equal(flux_topology_custom(loop, 3, &t, &err), -EINVAL);
    assert_non_null(strstr(err.text, "loop"));
    assert_int_equal(flux_topology_custom(far, 3, &t, &err), -EINVAL);
    assert_int_equal(flux_topology_custom(self, 3, &t, &err), -EINVAL);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(specs); i++)
        assert_int_equal(flux_topology_new(specs[i], 4, &t, &err), -EINVAL);
    assert_int_equal(flux_topology_new("flat", 0, &t, &err), -EOVERFLOW);
    assert_null(t);
}

static void subtrees_are_listed(void **state)
{
    FLUX_AUTO(topology) t = make("kary:2", 16);
    FLUX_AUTO(idset) set = flux_topology_subtree(t, 1);
    FLUX_AUTO_STR s = flux_idset_encode(set, FLUX_IDSET_RANGE);

    assert_string_equal(s, "1,3-4,7-10,15");
}

static int note(uint32_t hop, const struct flux_idset *ranks, void *arg)
{
    FLUX_AUTO_STR s = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
    char *out = arg;

    sprintf(out + strlen(out), "%u:%s;", hop, s);
    return hop == 99 ? -EIO : 0;
}

static void sets_are_split_by_next_hop(void **state)
{
    FLUX_AUTO(topology) t = make("kary:2", 16);
    FLUX_AUTO(idset) set = NULL;
    char out[256] = "";

    assert_int_equal(flux_idset_decode("0-15", &set, NULL), 0);
    assert_int_equal(flux_topology_split(t, 1, set, note, out), 0);
    assert_string_equal(out, "1:1;3:3,7-8,15;4:4,9-10;0:0,2,5-6,11-14;");
    flux_idset_add(set, 16);
    assert_int_equal(flux_topology_split(t, 1, set, note, out), -EHOSTUNREACH);
    flux_idset_clear(set);
    out[0] = '\0';
    assert_int_equal(flux_topology_split(t, 1, set, note, out), 0);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_of_a_binary_tree),
        cmocka_unit_test(shape_of_a_tree_with_few_routers),
        cmocka_unit_test(shape_of_a_binomial_tree),
        cmocka_unit_test(a_flat_tree_has_one_level),
        cmocka_unit_test(routes_agree_with_the_parents),
        cmocka_unit_test(custom_trees_may_have_parents_of_higher_rank),
        cmocka_unit_test(bad_trees_are_refused),
        cmocka_unit_test(subtrees_are_listed),
        cmocka_unit_test(sets_are_split_by_next_hop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
