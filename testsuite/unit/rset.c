// SPDX-License-Identifier: LGPL-3.0-only
/* Resource sets: R from and to text, the algebra, renumbering, verification, and their cost at the
 * size of a cluster. */
#include <flux/rset.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vectors.h"

/* "RANKS:HOSTS:CORES[:GPUS]" groups separated by spaces. */
static struct flux_rset *make(const char *spec)
{
    struct flux_rset *r = flux_rset_new();
    FLUX_AUTO_STR copy = flux_strdup(spec);
    char *save, *part[4];
    struct flux_error err;

    for (char *g = strtok_r(copy, " ", &save); g; g = strtok_r(NULL, " ", &save)) {
        char *p = g;

        for (int i = 0; i < 4; i++)
            part[i] = p ? strsep(&p, ":") : NULL;
        if (flux_rset_add_group(r, part[0], part[1], part[2], part[3], &err) < 0)
            fail_msg("%s: %s", spec, err.text);
    }
    return r;
}

static void expect_summary(const struct flux_rset *r, const char *text)
{
    FLUX_AUTO_STR s = flux_rset_summary(r);

    assert_string_equal(s, text);
}

static void job_list_table(void **state)
{
    json_t *table = vectors_load("core/R_joblist.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "files"), i, row) {
        bool valid = strcmp(json_string_value(json_object_get(row, "expect")), "valid") == 0;
        FLUX_AUTO(rset) r = NULL;
        struct flux_error err = {""};
        int rc = flux_rset_decode(json_string_value(json_object_get(row, "text")), &r, &err);

        if ((rc == 0) != valid)
            fail_msg("%s: %s", json_string_value(json_object_get(row, "file")), err.text);
        assert_true(rc == 0 || strncmp(err.text, "R: ", 3) == 0);
    }
    json_decref(table);
}

static void rfc_examples_round_trip(void **state)
{
    json_t *table = vectors_load("rfc/json_examples.json"), *row;
    size_t i, n = 0;

    if (!table)
        skip();
    json_array_foreach (table, i, row) {
        FLUX_AUTO(rset) r = NULL;
        FLUX_AUTO_STR text = NULL;
        json_t *o = json_object_get(row, "json"), *back;

        if (!json_object_get(o, "execution"))
            continue;
        assert_int_equal(flux_rset_from_json(o, &r, NULL), 0);
        text = flux_rset_encode(r);
        back = json_loads(text, 0, NULL);
        assert_true(json_equal(o, back));
        json_decref(back);
        n++;
    }
    assert_true(n > 0);
    json_decref(table);
}

static void everything_is_kept(void **state)
{
    static const char text[] =
        "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0,2\",\"children\":{\"core\":\"0-"
        "3\","
        "\"gpu\":\"0\"}},{\"rank\":\"1\",\"children\":{\"core\":\"0-1\"}}],\"starttime\":10,"
        "\"expiration\":20.500000,\"nodelist\":[\"a1,b,a2\"],\"nslots\":3,\"properties\":{\"x\":"
        "\"0-1\",\"+q\":\"2\"}},\"scheduling\":{\"graph\":[1,2]}}";
    FLUX_AUTO(rset) r = NULL;
    FLUX_AUTO(rset) copy = NULL;
    FLUX_AUTO_STR once = NULL;
    FLUX_AUTO_STR twice = NULL;

    assert_int_equal(flux_rset_decode(text, &r, NULL), 0);
    once = flux_rset_encode(r);
    assert_string_equal(once, text);
    copy = flux_rset_copy(r);
    twice = flux_rset_encode(copy);
    assert_string_equal(twice, text);
    assert_int_equal(flux_rset_ncores(r), 10);
    assert_int_equal(flux_rset_ngpus(r), 2);
    assert_int_equal(flux_rset_nslots(r), 3);
    assert_true(flux_rset_has_property(r, 1, "x"));
    assert_false(flux_rset_has_property(r, 2, "x"));
    flux_rset_drop_local_properties(r);
    assert_false(flux_rset_has_property(r, 2, "+q"));
    assert_true(json_is_object(flux_rset_scheduling(r)));
    expect_summary(r, "rank[0,2]/core[0-3],gpu0 rank1/core[0-1]");
}

static void bad_sets_are_refused(void **state)
{
    static const char *const bad[] = {
        "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{\"core\":\"0\"}}],"
        "\"nodelist\":[\"a\",\"b\"]}}",
        "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{\"core\":\"x\"}}],"
        "\"nodelist\":[\"a\"]}}",
        "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{}}],"
        "\"nodelist\":[\"a\"]}}",
        "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{\"fpga\":\"0\"}}],"
        "\"nodelist\":[\"a\"]}}",
        "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{\"core\":"
        "\"0-99999\"}}],\"nodelist\":[\"a\"]}}",
        "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0-1000000\",\"children\":{\"core\":"
        "\"0\"}}],\"nodelist\":[\"a\"]}}",
        "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{\"core\":\"0\"}}],"
        "\"nodelist\":[\"a\"],\"properties\":{\"p\":\"7\"}}}",
        "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{\"core\":\"0\"}}],"
        "\"nodelist\":[\"a\"],\"expiration\":-1}}",
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(bad); i++) {
        FLUX_AUTO(rset) r = NULL;
        struct flux_error err = {""};

        assert_int_equal(flux_rset_decode(bad[i], &r, &err), -EPROTO);
        assert_true(*err.text);
    }
}

static void algebra(void **state)
{
    FLUX_AUTO(rset) a = make("0-3:n[0-3]:0-3:0");
    FLUX_AUTO(rset) b = make("2:n2:2-5 3-4:n[3-4]:0-3:0");
    FLUX_AUTO(rset) u = NULL;
    FLUX_AUTO(rset) x = NULL;
    FLUX_AUTO(rset) d = flux_rset_diff(a, b);
    FLUX_AUTO(rset) i = flux_rset_intersect(a, b);
    FLUX_AUTO(rset) other = make("0:elsewhere:0");
    struct flux_error err;

    assert_int_equal(flux_rset_union(a, b, &u, NULL), 0);
    expect_summary(u, "rank[0-1,3-4]/core[0-3],gpu0 rank2/core[0-5],gpu0");
    expect_summary(d, "rank[0-1]/core[0-3],gpu0 rank2/core[0-1],gpu0");
    expect_summary(i, "rank2/core[2-3] rank3/core[0-3],gpu0");
    assert_int_equal(flux_rset_append(a, b, &x, &err), -EEXIST);
    assert_string_equal(err.text, "R: in both: rank2/core[2-3] rank3/core[0-3],gpu0");
    assert_int_equal(flux_rset_append(d, b, &x, NULL), 0);
    assert_int_equal(flux_rset_ncores(x), flux_rset_ncores(u));
    assert_int_equal(flux_rset_union(a, other, &x, &err), -EINVAL);
    assert_string_equal(err.text, "R: rank 0 is both n0 and elsewhere");
}

static void ranks_can_be_picked_and_renumbered(void **state)
{
    FLUX_AUTO(rset) r = make("3:c:4-7:1 5,9:a,b:2-3");
    FLUX_AUTO(rset) some = NULL;
    FLUX_AUTO(idset) ranks = NULL;
    FLUX_AUTO(hostlist) hosts = NULL;
    FLUX_AUTO_STR nodelist = NULL;
    struct flux_error err;

    assert_int_equal(flux_idset_decode("5,9,77", &ranks, NULL), 0);
    some = flux_rset_copy_ranks(r, ranks);
    expect_summary(some, "rank[5,9]/core[2-3]");
    flux_idset_remove(ranks, 77);
    assert_int_equal(flux_rset_set_property(r, "p", ranks, NULL), 0);
    flux_rset_remap(r);
    expect_summary(r, "rank0/core[0-3],gpu1 rank[1-2]/core[0-1]");
    assert_true(flux_rset_has_property(r, 1, "p") && flux_rset_has_property(r, 2, "p"));
    assert_int_equal(flux_hostlist_decode("a,b,c", &hosts, NULL), 0);
    assert_int_equal(flux_rset_rerank(r, hosts, NULL), 0);
    expect_summary(r, "rank[0-1]/core[0-1] rank2/core[0-3],gpu1");
    nodelist = flux_rset_nodelist(r);
    assert_string_equal(nodelist, "a,b,c");
    assert_true(flux_rset_has_property(r, 0, "p") && !flux_rset_has_property(r, 2, "p"));
    flux_hostlist_free(hosts);
    assert_int_equal(flux_hostlist_decode("a,b,d", &hosts, NULL), 0);
    assert_int_equal(flux_rset_rerank(r, hosts, &err), -ENOENT);
    assert_string_equal(err.text, "R: host d is not in the set");
}

static void constraints_select_ranks(void **state)
{
    FLUX_AUTO(rset) r = make("0-3:n[0-3]:0");
    FLUX_AUTO(idset) ranks = NULL;
    FLUX_AUTO(constraint) c = NULL;
    FLUX_AUTO(idset) hit = NULL;
    FLUX_AUTO_STR text = NULL;
    json_t *o;

    assert_int_equal(flux_idset_decode("1-2", &ranks, NULL), 0);
    assert_int_equal(flux_rset_set_property(r, "+big", ranks, NULL), 0);
    assert_int_equal(flux_query_parse("big -host:n2", &flux_query_nodes, &o, NULL), 0);
    assert_int_equal(flux_constraint_parse(o, &c, NULL), 0);
    json_decref(o);
    hit = flux_rset_match(r, c);
    text = flux_idset_encode(hit, 0);
    assert_string_equal(text, "1");
    assert_int_equal(flux_rset_set_property(r, "a&b", NULL, NULL), -EINVAL);
}

static void verification_names_the_difference(void **state)
{
    struct flux_rset_rules rules = {FLUX_RSET_STRICT, {FLUX_RSET_STRICT, FLUX_RSET_IGNORE}};
    FLUX_AUTO(rset) want = make("0-1:n[0-1]:0-3:0");
    FLUX_AUTO(rset) same = make("1:n1:0-3");
    FLUX_AUTO(rset) less = make("1:n1:0-1:0");
    FLUX_AUTO(rset) more = make("1:n1:0-4:0");
    FLUX_AUTO(rset) name = make("1:n7:0-3:0");
    FLUX_AUTO(rset) rank = make("4:n4:0-3:0");
    struct flux_error err;

    assert_int_equal(flux_rset_verify(want, same, &rules, &err), 0);
    assert_int_equal(flux_rset_verify(want, less, &rules, &err), -EINVAL);
    assert_string_equal(err.text, "rank 1 (n1): missing resources: core[2-3]");
    assert_int_equal(flux_rset_verify(want, more, &rules, &err), -EINVAL);
    assert_string_equal(err.text, "rank 1 (n1): extra resources: core4");
    rules.ids[FLUX_RSET_CORE] = FLUX_RSET_ALLOW_EXTRA;
    assert_int_equal(flux_rset_verify(want, more, &rules, &err), 0);
    assert_int_equal(flux_rset_verify(want, name, &rules, &err), -EINVAL);
    assert_string_equal(err.text, "rank 1: host name is n7, expected n1");
    assert_int_equal(flux_rset_verify(want, rank, &rules, &err), -EINVAL);
}

static void a_cluster_is_cheap(void **state)
{
    FLUX_AUTO(rset) r = make("0-4095:n[0-4095]:0-63:0-3");
    FLUX_AUTO(rset) job = make("100-227:n[100-227]:0-31");
    double start = flux_monotime();

    for (int i = 0; i < 10; i++) {
        FLUX_AUTO(rset) left = flux_rset_diff(r, job);
        FLUX_AUTO(rset) back = NULL;
        FLUX_AUTO_STR text = flux_rset_encode(left);

        assert_int_equal(flux_rset_decode(text, &back, NULL), 0);
        assert_int_equal(flux_rset_ncores(back), 4096 * 64 - 128 * 32);
    }
    /* ten rounds of diff, encode and decode */
    print_message("# %.2f ms a round\n", (flux_monotime() - start) * 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(job_list_table),
        cmocka_unit_test(rfc_examples_round_trip),
        cmocka_unit_test(everything_is_kept),
        cmocka_unit_test(bad_sets_are_refused),
        cmocka_unit_test(algebra),
        cmocka_unit_test(ranks_can_be_picked_and_renumbered),
        cmocka_unit_test(constraints_select_ranks),
        cmocka_unit_test(verification_names_the_difference),
        cmocka_unit_test(a_cluster_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
