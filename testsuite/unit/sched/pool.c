// SPDX-License-Identifier: LGPL-3.0-only
/* The scheduler's engine: what is granted is free, fits, and comes back whole; checked by example
 * and against a plain model under random load. */
#include "pool.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

struct fixture {
    struct pool *p;
    struct pool_mask *all;
};

static struct pool *make_pool(const char *const groups[][4], size_t n)
{
    FLUX_AUTO(rset) r = flux_rset_new();
    FLUX_AUTO(idset) ranks = NULL;
    struct pool *p;

    for (size_t i = 0; i < n; i++)
        assert_int_equal(
            flux_rset_add_group(r, groups[i][0], groups[i][1], groups[i][2], groups[i][3], NULL),
            0);
    ranks = flux_rset_ranks(r);
    p = pool_new(r);
    pool_set_state(p, ranks, POOL_UP);
    return p;
}

/* Ranks 0-3 with 4 cores and 1 gpu, rank 4 with 8 cores and no gpu. */
static int setup(void **state)
{
    static const char *const groups[][4] = {{"0-3", "n[0-3]", "0-3", "0"},
                                            {"4", "big", "0-7", NULL}};
    struct fixture *f = flux_alloc(sizeof(*f));

    f->p = make_pool(groups, 2);
    assert_int_equal(pool_mask(f->p, NULL, &f->all, NULL), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pool_free(f->p);
    free(f);
    return 0;
}

static char *summary_of(struct pool *p, struct pool_alloc *a)
{
    FLUX_AUTO(rset) r = NULL;
    FLUX_AUTO(rset) direct = pool_alloc_rset(p, a);
    FLUX_AUTO_STR expected = flux_rset_summary(direct);
    char *summary;
    FLUX_AUTO_STR text = pool_encode(p, a, 100, 160.5, &summary);
    FLUX_AUTO_STR decoded = NULL;

    assert_int_equal(flux_rset_decode(text, &r, NULL), 0);
    decoded = flux_rset_summary(r);
    assert_string_equal(summary, expected);
    assert_string_equal(decoded, expected);
    assert_true(flux_rset_starttime(r) == 100 && flux_rset_expiration(r) == 160.5);
    return summary;
}

static struct pool_alloc *expect(struct fixture *f, struct pool_request rq, const char *summary)
{
    struct pool_alloc *a = NULL;
    FLUX_AUTO_STR s = NULL;

    if (!rq.mask)
        rq.mask = f->all;
    if (!summary) {
        assert_int_equal(pool_alloc(f->p, &rq, NULL, &a), -EAGAIN);
        return NULL;
    }
    assert_int_equal(pool_alloc(f->p, &rq, NULL, &a), 0);
    s = summary_of(f->p, a);
    assert_string_equal(s, summary);
    return a;
}

static void first_fit_packs_in_rank_order(void **state)
{
    struct fixture *f = *state;
    struct pool_alloc *a, *b;

    a = expect(f, (struct pool_request){.nslots = 3, .cores_per_slot = 1}, "rank0/core[0-2]");
    b = expect(f, (struct pool_request){.nslots = 2, .cores_per_slot = 2}, "rank1/core[0-3]");
    pool_release(f->p, a);
    a = expect(f, (struct pool_request){.nslots = 1, .cores_per_slot = 5}, "rank4/core[0-4]");
    pool_release(f->p, a);
    a = expect(f, (struct pool_request){.nslots = 5, .cores_per_slot = 1, .gpus_per_slot = 0},
               "rank0/core[0-3] rank2/core0");
    pool_release(f->p, a);
    pool_release(f->p, b);
}

static void gpus_decide_too(void **state)
{
    struct fixture *f = *state;
    struct pool_alloc *a, *b;

    a = expect(f, (struct pool_request){.nslots = 2, .cores_per_slot = 1, .gpus_per_slot = 1},
               "rank[0-1]/core0,gpu0");
    b = expect(f, (struct pool_request){.nslots = 2, .cores_per_slot = 4, .gpus_per_slot = 1},
               "rank[2-3]/core[0-3],gpu0");
    expect(f, (struct pool_request){.nslots = 1, .cores_per_slot = 1, .gpus_per_slot = 1}, NULL);
    pool_release(f->p, a);
    pool_release(f->p, b);
}

static void nodes_and_exclusive_nodes(void **state)
{
    struct fixture *f = *state;
    struct pool_request whole = {.nnodes = 3, .slots_per_node = 1, .exclusive = true};
    struct pool_alloc *a, *b;

    a = expect(f, (struct pool_request){.nnodes = 2, .slots_per_node = 2, .cores_per_slot = 1},
               "rank[0-1]/core[0-1]");
    b = expect(f, whole, "rank[2-3]/core[0-3],gpu0 rank4/core[0-7]");
    expect(f, whole, NULL);
    pool_release(f->p, a);
    whole.nnodes = 2;
    a = expect(f, whole, "rank[0-1]/core[0-3],gpu0");
    pool_release(f->p, a);
    pool_release(f->p, b);
}

static void down_nodes_are_left_alone(void **state)
{
    struct fixture *f = *state;
    FLUX_AUTO(idset) ranks = flux_idset_new();
    struct pool_alloc *a, *b;
    struct pool_request rq = {.nslots = 1, .cores_per_slot = 1, .mask = f->all};
    FLUX_AUTO(rset) down = NULL;

    a = expect(f, rq, "rank0/core0");
    flux_idset_add(ranks, 0);
    pool_set_state(f->p, ranks, POOL_DOWN);
    b = expect(f, rq, "rank1/core0");
    pool_release(f->p, a);
    down = pool_down(f->p);
    assert_int_equal(flux_rset_nnodes(down), 1);
    a = expect(f, rq, "rank1/core1");
    pool_release(f->p, a);
    pool_set_state(f->p, ranks, POOL_UP);
    a = expect(f, (struct pool_request){.nslots = 4, .cores_per_slot = 1}, "rank0/core[0-3]");
    pool_release(f->p, a);
    pool_release(f->p, b);
}

static void flexible_counts_take_the_most(void **state)
{
    struct fixture *f = *state;
    FLUX_AUTO(count) some = NULL;
    FLUX_AUTO(count) powers = NULL;
    struct pool_alloc *a, *b;

    assert_int_equal(flux_count_decode("3+", &some, NULL), 0);
    assert_int_equal(flux_count_decode("2-16:2:*", &powers, NULL), 0);
    a = expect(f,
               (struct pool_request){
                   .nnodes = 3, .slots_per_node = 1, .exclusive = true, .flexible = some},
               "rank[0-3]/core[0-3],gpu0 rank4/core[0-7]");
    pool_release(f->p, a);
    a = expect(f, (struct pool_request){.nnodes = 3, .slots_per_node = 1, .exclusive = true},
               "rank[0-2]/core[0-3],gpu0");
    b = expect(f, (struct pool_request){.nslots = 2, .cores_per_slot = 1, .flexible = powers},
               "rank[3-4]/core[0-3]");
    expect(f,
           (struct pool_request){
               .nnodes = 3, .slots_per_node = 1, .exclusive = true, .flexible = some},
           NULL);
    pool_release(f->p, a);
    pool_release(f->p, b);
}

static void infeasible_requests_are_told(void **state)
{
    struct fixture *f = *state;
    struct pool_request rq = {.nslots = 24, .cores_per_slot = 1, .mask = f->all};
    FLUX_AUTO(idset) gone = flux_idset_new();
    struct flux_error err;

    assert_int_equal(pool_feasible(f->p, &rq, &err), 0);
    rq.nslots = 25;
    assert_int_equal(pool_feasible(f->p, &rq, &err), -ENOSPC);
    assert_string_equal(err.text, "unsatisfiable request: 25 slot(s) of 1 core(s) and 0 gpu(s) are "
                                  "more than there are");
    rq.nslots = 24;
    flux_idset_add(gone, 2);
    pool_set_state(f->p, gone, POOL_GONE);
    assert_int_equal(pool_feasible(f->p, &rq, &err), -ENOSPC);
}

static void constraints_limit_the_nodes(void **state)
{
    struct fixture *f = *state;
    json_t *o = json_pack("{s:[s]}", "hostlist", "big");
    json_t *none = json_pack("{s:[s]}", "hostlist", "nowhere");
    struct pool_request rq = {.nslots = 1, .cores_per_slot = 1};
    struct pool_mask *m, *again, *empty;
    struct pool_alloc *a;
    struct flux_error err;

    assert_int_equal(pool_mask(f->p, o, &m, NULL), 0);
    assert_int_equal(pool_mask(f->p, o, &again, NULL), 0);
    assert_ptr_equal(m, again);
    assert_int_equal(pool_mask(f->p, none, &empty, NULL), 0);
    rq.mask = m;
    a = expect(f, rq, "rank4/core0");
    rq.mask = empty;
    assert_int_equal(pool_feasible(f->p, &rq, &err), -ENOSPC);
    assert_string_equal(err.text, "unsatisfiable request: no node meets the constraint");
    pool_release(f->p, a);
    pool_mask_unref(f->p, m);
    pool_mask_unref(f->p, again);
    pool_mask_unref(f->p, empty);
    json_decref(o);
    json_decref(none);
}

static void reserved_nodes_are_left_alone(void **state)
{
    struct fixture *f = *state;
    json_t *o = json_pack("{s:[s]}", "ranks", "0-2");
    struct pool_reserve *rv = pool_reserve_new(f->p);
    struct pool_request rq = {.nslots = 1, .cores_per_slot = 1, .mask = f->all};
    struct pool_mask *m;
    struct pool_alloc *a;
    FLUX_AUTO_STR s = NULL;

    assert_int_equal(pool_mask(f->p, o, &m, NULL), 0);
    pool_reserve_add(rv, m);
    assert_false(pool_reserve_leaves(f->p, rv, m));
    assert_true(pool_reserve_leaves(f->p, rv, f->all));
    assert_int_equal(pool_alloc(f->p, &rq, rv, &a), 0);
    s = summary_of(f->p, a);
    assert_string_equal(s, "rank3/core0");
    pool_release(f->p, a);
    pool_reserve_add(rv, f->all);
    assert_int_equal(pool_alloc(f->p, &rq, rv, &a), -EAGAIN);
    pool_reserve_free(rv);
    pool_mask_unref(f->p, m);
    json_decref(o);
}

static void partial_release_and_hold(void **state)
{
    struct fixture *f = *state;
    FLUX_AUTO(idset) some = NULL;
    FLUX_AUTO(rset) r = NULL;
    FLUX_AUTO_STR s = NULL;
    struct pool_alloc *a, *b = NULL;
    struct flux_error err;

    a = expect(f, (struct pool_request){.nnodes = 3, .slots_per_node = 1, .cores_per_slot = 2},
               "rank[0-2]/core[0-1]");
    r = pool_alloc_rset(f->p, a);
    assert_int_equal(pool_hold(f->p, r, &b, &err), -EBUSY);
    assert_int_equal(flux_idset_decode("0,2", &some, NULL), 0);
    assert_false(pool_release_ranks(f->p, a, some));
    s = summary_of(f->p, a);
    assert_string_equal(s, "rank1/core[0-1]");
    flux_idset_add(some, 1);
    assert_true(pool_release_ranks(f->p, a, some));
    pool_release(f->p, a);
    assert_int_equal(pool_hold(f->p, r, &b, NULL), 0);
    a = expect(f, (struct pool_request){.nslots = 3, .cores_per_slot = 1},
               "rank0/core[2-3] rank1/core2");
    pool_release(f->p, a);
    pool_release(f->p, b);
    flux_rset_free(FLUX_GIVE(r));
    r = flux_rset_new();
    assert_int_equal(flux_rset_add_group(r, "3", "n3", "7", NULL, NULL), 0);
    assert_int_equal(pool_hold(f->p, r, &b, &err), -ENOENT);
    assert_string_equal(err.text, "rank 3 has no core7");
}

/* Random requests: what is granted never overlaps what is held, and all of it comes back. */
static void random_load_keeps_the_books(void **state)
{
    static const char *const groups[][4] = {{"0-69", "a[0-69]", "0-15", "0-1"},
                                            {"70-130", "b[70-130]", "0-99", NULL}};
    struct pool *p = make_pool(groups, 2);
    struct pool_alloc *held[200] = {NULL};
    FLUX_AUTO(rset) sum = flux_rset_new();
    struct pool_mask *all;
    unsigned seed = 1, grants = 0;

    assert_int_equal(pool_mask(p, NULL, &all, NULL), 0);
    for (int n = 0; n < 3000; n++) {
        unsigned i = rand_r(&seed) % 200, kind = rand_r(&seed) % 4;
        struct pool_request rq = {.mask = all,
                                  .nslots = 1 + rand_r(&seed) % 20,
                                  .cores_per_slot = 1 + rand_r(&seed) % 20,
                                  .gpus_per_slot = kind == 3};

        if (kind == 1)
            rq.nnodes = 1 + rand_r(&seed) % 5, rq.slots_per_node = 1 + rand_r(&seed) % 4;
        if (kind == 2)
            rq.nnodes = rq.slots_per_node = 1, rq.exclusive = true, rq.cores_per_slot = 1;
        if (held[i]) {
            FLUX_AUTO(rset) mine = pool_alloc_rset(p, held[i]);
            struct flux_rset *left = flux_rset_diff(sum, mine);
            assert_int_equal(flux_rset_ncores(left),
                             flux_rset_ncores(sum) - flux_rset_ncores(mine));
            flux_rset_free(sum);
            sum = left;
            pool_release(p, FLUX_GIVE(held[i]));
        } else if (pool_alloc(p, &rq, NULL, &held[i]) == 0) {
            FLUX_AUTO(rset) mine = pool_alloc_rset(p, held[i]);
            struct flux_rset *both = NULL;
            assert_int_equal(flux_rset_append(sum, mine, &both, NULL), 0);
            flux_rset_free(sum);
            sum = both;
            grants++;
        }
    }
    assert_true(grants > 500);
    for (int i = 0; i < 200; i++)
        pool_release(p, held[i]);
    FLUX_AUTO(rset) left = pool_allocated(p);
    assert_int_equal(flux_rset_nnodes(left), 0);
    pool_free(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(first_fit_packs_in_rank_order), T(gpus_decide_too),
        T(nodes_and_exclusive_nodes),     T(down_nodes_are_left_alone),
        T(flexible_counts_take_the_most), T(infeasible_requests_are_told),
        T(constraints_limit_the_nodes),   T(reserved_nodes_are_left_alone),
        T(partial_release_and_hold),      T(random_load_keeps_the_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
