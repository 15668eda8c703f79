// SPDX-License-Identifier: LGPL-3.0-only
/* Idsets: the codec table, and the set operations against a plain array of bools. */
#include <flux/idset.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vectors.h"

#define N 500

static int flags_from(const char *s)
{
    return (strstr(s, "range") ? FLUX_IDSET_RANGE : 0) |
           (strstr(s, "brackets") ? FLUX_IDSET_BRACKETS : 0);
}

static void codec_table(void **state)
{
    json_t *table = vectors_load("core/idset.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "codec"), i, row) {
        const char *in = json_string_value(json_object_get(row, "in"));
        const char *out = json_string_value(json_object_get(row, "out"));
        FLUX_AUTO(idset) set = NULL;
        struct flux_error err = {""};
        int r = flux_idset_decode(in, &set, &err);

        if (!out) {
            if (r == 0)
                fail_msg("'%s' was accepted", in);
            assert_int_equal(r, -EINVAL);
            assert_true(*err.text);
            continue;
        }
        if (r < 0)
            fail_msg("'%s': %s", in, err.text);
        FLUX_AUTO_STR text =
            flux_idset_encode(set, flags_from(json_string_value(json_object_get(row, "flags"))));
        assert_string_equal(text, out);
    }
    json_decref(table);
}

static void limits_are_refused(void **state)
{
    FLUX_AUTO(idset) set = flux_idset_new();

    assert_int_equal(flux_idset_add(set, FLUX_IDSET_MAX), 0);
    assert_int_equal(flux_idset_add(set, FLUX_IDSET_MAX + 1), -ERANGE);
    assert_int_equal(flux_idset_add_range(set, 3, 2), -ERANGE);
    assert_int_equal(flux_idset_last(set), FLUX_IDSET_MAX);
    assert_int_equal(flux_idset_next(set, FLUX_IDSET_MAX), FLUX_IDSET_NONE);
    assert_int_equal(flux_idset_count(set), 1);
    assert_int_equal(flux_idset_decode("0-4294967296", &set, NULL), -EINVAL);
}

static void check_against(const struct flux_idset *set, const bool *model)
{
    size_t count = 0;

    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(flux_idset_contains(set, i), model[i]);
        assert_int_equal(flux_idset_rank(set, i), count);
        if (model[i])
            assert_int_equal(flux_idset_nth(set, count++), i);
    }
    assert_int_equal(flux_idset_count(set), count);
    assert_int_equal(flux_idset_empty(set), count == 0);
    assert_int_equal(flux_idset_nth(set, count), FLUX_IDSET_NONE);
}

/* Walk both ways and meet each member once. */
static void check_walks(const struct flux_idset *set)
{
    size_t up = 0, down = 0;
    unsigned last = FLUX_IDSET_NONE;

    FLUX_IDSET_FOREACH(set, id)
    {
        assert_true(flux_idset_contains(set, id));
        assert_int_equal(flux_idset_prev(set, id), last);
        last = id;
        up++;
    }
    assert_int_equal(last, flux_idset_last(set));
    for (unsigned id = last; id != FLUX_IDSET_NONE; id = flux_idset_prev(set, id))
        down++;
    assert_int_equal(up, flux_idset_count(set));
    assert_int_equal(down, up);
}

static struct flux_idset *random_set(bool *model)
{
    struct flux_idset *set = flux_idset_new();

    memset(model, 0, N);
    for (int i = 0; i < 30; i++) {
        unsigned lo = random() % N, hi = lo + random() % (N - lo);
        bool add = random() % 2;
        if (add)
            flux_idset_add_range(set, lo, hi);
        else
            flux_idset_remove_range(set, lo, hi);
        memset(model + lo, add, hi - lo + 1);
    }
    return set;
}

static void operations_match_a_model(void **state)
{
    bool a[N], b[N], m[N];

    srandom(7);
    for (int round = 0; round < 50; round++) {
        FLUX_AUTO(idset) x = random_set(a);
        FLUX_AUTO(idset) y = random_set(b);
        FLUX_AUTO(idset) both = flux_idset_intersect(x, y);
        FLUX_AUTO(idset) any = flux_idset_union(x, y);
        FLUX_AUTO(idset) diff = flux_idset_difference(x, y);
        FLUX_AUTO_STR text = flux_idset_encode(x, FLUX_IDSET_RANGE);
        FLUX_AUTO(idset) again = NULL;

        check_against(x, a);
        check_walks(x);
        for (int i = 0; i < N; i++)
            m[i] = a[i] && b[i];
        check_against(both, m);
        for (int i = 0; i < N; i++)
            m[i] = a[i] || b[i];
        check_against(any, m);
        for (int i = 0; i < N; i++)
            m[i] = a[i] && !b[i];
        check_against(diff, m);
        assert_int_equal(flux_idset_intersects(x, y), !flux_idset_empty(both));
        assert_true(flux_idset_is_subset(both, x) && flux_idset_is_subset(x, any));
        assert_int_equal(flux_idset_decode(text, &again, NULL), 0);
        assert_true(flux_idset_equal(x, again));
        flux_idset_clear(x);
        assert_true(flux_idset_empty(x));
        assert_int_equal(flux_idset_first(x), FLUX_IDSET_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codec_table),
        cmocka_unit_test(limits_are_refused),
        cmocka_unit_test(operations_match_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
