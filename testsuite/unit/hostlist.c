// SPDX-License-Identifier: LGPL-3.0-only
/* Hostlists: the tables of RFC 29, and what lists of many hosts must keep. */
#include <flux/hostlist.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vectors.h"

static struct flux_hostlist *decode(const char *s)
{
    struct flux_hostlist *hl = NULL;
    struct flux_error err;

    if (flux_hostlist_decode(s, &hl, &err) < 0)
        fail_msg("%s", err.text);
    return hl;
}

static const char *field(json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

static void assert_encodes(const struct flux_hostlist *hl, const char *want)
{
    FLUX_AUTO_STR text = flux_hostlist_encode(hl);
    FLUX_AUTO(hostlist) again = decode(text);

    assert_string_equal(text, want);
    assert_true(flux_hostlist_equal(hl, again));
}

static void rfc_table(void **state)
{
    json_t *table = vectors_load("rfc/hostlist.json"), *row, *host;
    size_t i, j;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "vectors"), i, row) {
        FLUX_AUTO(hostlist) hl = decode(field(row, "in"));
        json_t *hosts = json_object_get(row, "hosts");
        char buf[FLUX_HOST_SIZE];
        assert_int_equal(flux_hostlist_count(hl), json_array_size(hosts));
        json_array_foreach (hosts, j, host)
            assert_string_equal(flux_hostlist_nth(hl, j, buf), json_string_value(host));
        assert_null(flux_hostlist_nth(hl, j, buf));
    }
    json_decref(table);
}

static void codec_table(void **state)
{
    json_t *table = vectors_load("core/hostlist.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "encode"), i, row) {
        FLUX_AUTO(hostlist) hl = decode(field(row, "in"));
        assert_encodes(hl, field(row, "out"));
        assert_int_equal(flux_hostlist_count(hl),
                         json_integer_value(json_object_get(row, "count")));
    }
    json_array_foreach (json_object_get(table, "invalid"), i, row) {
        struct flux_hostlist *hl = NULL;
        if (flux_hostlist_decode(json_string_value(row), &hl, NULL) == 0)
            fail_msg("'%s' was accepted", json_string_value(row));
    }
    json_decref(table);
}

static void find_and_delete_table(void **state)
{
    json_t *table = vectors_load("core/hostlist.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "find"), i, row) {
        FLUX_AUTO(hostlist) hl = decode(field(row, "in"));
        int want = json_integer_value(json_object_get(row, "index"));
        int got = flux_hostlist_find(hl, field(row, "host"));
        if (got != (want < 0 ? -ENOENT : want))
            fail_msg("%s in %s: %d", field(row, "host"), field(row, "in"), got);
    }
    json_array_foreach (json_object_get(table, "delete"), i, row) {
        FLUX_AUTO(hostlist) hl = decode(field(row, "in"));
        assert_int_equal(flux_hostlist_delete(hl, field(row, "delete"), NULL),
                         json_integer_value(json_object_get(row, "ndeleted")));
        assert_encodes(hl, field(row, "out"));
    }
    json_decref(table);
}

static void sort_uniq_table(void **state)
{
    json_t *table = vectors_load("core/hostlist.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "sort_uniq"), i, row) {
        FLUX_AUTO(hostlist) hl = decode(field(row, "in"));
        flux_hostlist_sort(hl);
        assert_encodes(hl, field(row, "sorted"));
        flux_hostlist_uniq(hl);
        assert_encodes(hl, field(row, "uniq"));
    }
    json_decref(table);
}

static void leading_zeros_survive(void **state)
{
    static const char *const same[] = {
        "foo[08-11]", "foo[8-11]",  "foo[08-09,010]", "foo[007-009,0010-0012]",
        "a1b02",      "foo1,foo01", "foo01,foo1",     "n[0-3]-ib",
        "x[99-101]"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(same); i++) {
        FLUX_AUTO(hostlist) hl = decode(same[i]);
        FLUX_AUTO_STR text = flux_hostlist_encode(hl);
        FLUX_AUTO(hostlist) again = decode(text);
        assert_true(flux_hostlist_equal(hl, again));
    }
    FLUX_AUTO(hostlist) a = decode("f00[7-12]");
    assert_encodes(a, "f[007-009,0010-0012]");
    FLUX_AUTO(hostlist) b = decode("foo[9,10,08,007]");
    assert_encodes(b, "foo[9-10,08,007]");
}

static void natural_order(void **state)
{
    FLUX_AUTO(hostlist) hl = decode("r10n1-ib,r2n1-ib,r2n10,r2n9,r10n2,login");

    flux_hostlist_sort(hl);
    assert_encodes(hl, "login,r2n[9-10],r2n1-ib,r10n2,r10n1-ib");
}

static void set_operations_keep_order(void **state)
{
    FLUX_AUTO(hostlist) a = decode("n[3,1,2,3,4]");
    FLUX_AUTO(hostlist) b = decode("n[3-4,9]");
    FLUX_AUTO(hostlist) both = flux_hostlist_intersect(a, b);
    FLUX_AUTO(hostlist) rest = flux_hostlist_exclude(a, b);
    FLUX_AUTO(hostlist) minus = flux_hostlist_minus(a, b);
    FLUX_AUTO(idset) positions = NULL;
    struct flux_error err;

    assert_encodes(both, "n[3,3-4]");
    assert_encodes(rest, "n[1-2]");
    assert_encodes(minus, "n[1-3]");
    assert_int_equal(flux_hostlist_positions(a, b, &positions, &err), -ENOENT);
    assert_non_null(strstr(err.text, "n9"));
    assert_int_equal(flux_hostlist_positions(a, both, &positions, &err), 0);
    FLUX_AUTO_STR text = flux_idset_encode(positions, 0);
    assert_string_equal(text, "0,3,4");
    FLUX_AUTO(hostlist) picked = flux_hostlist_pick(a, positions);
    assert_true(flux_hostlist_equal(picked, both));
    assert_int_equal(flux_hostlist_find_from(a, "n3", 1), 3);
    assert_int_equal(flux_hostlist_find_from(a, "n3", 4), -ENOENT);
}

static void appending_to_itself_and_ceilings(void **state)
{
    FLUX_AUTO(hostlist) hl = decode("n[3-4,1-2]");
    FLUX_AUTO(hostlist) big = decode("n[0-1048575]");

    assert_int_equal(flux_hostlist_append_list(hl, hl), 0);
    assert_encodes(hl, "n[3-4,1-4,1-2]");
    assert_int_equal(flux_hostlist_append_host(big, "x"), -E2BIG);
    assert_int_equal(flux_hostlist_append(hl, "n[0-1048575]", NULL), -E2BIG);
    assert_int_equal(flux_hostlist_count(hl), 8);
    assert_int_equal(flux_hostlist_append_host(hl, "a,b"), -EINVAL);
    assert_int_equal(flux_hostlist_append_host(hl, ""), -EINVAL);
    assert_int_equal(flux_hostlist_append(hl, "x[1-3]-ib,y", NULL), 0);
    assert_encodes(hl, "n[3-4,1-4,1-2],x1-ib,x2-ib,x3-ib,y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_table),
        cmocka_unit_test(codec_table),
        cmocka_unit_test(find_and_delete_table),
        cmocka_unit_test(sort_uniq_table),
        cmocka_unit_test(leading_zeros_survive),
        cmocka_unit_test(natural_order),
        cmocka_unit_test(set_operations_keep_order),
        cmocka_unit_test(appending_to_itself_and_ceilings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
