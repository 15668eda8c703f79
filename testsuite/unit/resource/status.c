// SPDX-License-Identifier: LGPL-3.0-only
/* Node states: drain and undrain, what may get work, and that replaying the events gives the same
 * drains again. */
#include "status.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static struct flux_idset *ids(const char *s)
{
    struct flux_idset *set;

    assert_int_equal(flux_idset_decode(s, &set, NULL), 0);
    return set;
}

static void begin(struct status *st, const char *hosts, const char *exclude)
{
    struct flux_rset *r = flux_rset_new();

    *st = (struct status){0};
    status_init(st);
    assert_int_equal(flux_rset_add_group(r, "0-3", hosts, "0-1", NULL, NULL), 0);
    status_set_inventory(st, r, ids(exclude));
}

static int drain(struct status *st, const char *ranks, const char *reason, enum drain_mode mode,
                 double now, struct flux_error *err)
{
    FLUX_AUTO(idset) set = ids(ranks);

    return status_drain(st, set, reason, mode, now, err);
}

static int undrain(struct status *st, const char *ranks, bool force, struct flux_error *err)
{
    FLUX_AUTO(idset) set = ids(ranks);

    return status_undrain(st, set, NULL, force, 9, err);
}

static void expect_up(struct status *st, const char *ranks)
{
    FLUX_AUTO(idset) up = status_up(st);
    FLUX_AUTO_STR text = flux_idset_encode(up, FLUX_IDSET_RANGE);

    assert_string_equal(text, ranks);
}

static void up_is_online_and_nothing_against_it(void **state)
{
    struct status st;
    FLUX_AUTO(idset) online = ids("0-3,9");
    FLUX_AUTO(idset) torpid = ids("2");
    FLUX_AUTO(idset) none = ids("");

    begin(&st, "n[0-3]", "3");
    expect_up(&st, "");
    assert_true(status_set_online(&st, online, torpid, 1));
    assert_false(status_set_online(&st, online, torpid, 2));
    expect_up(&st, "0-1");
    assert_int_equal(drain(&st, "1", "x", DRAIN_NEW, 3, NULL), 0);
    expect_up(&st, "0");
    assert_true(status_set_online(&st, online, none, 4));
    expect_up(&st, "0,2");
    status_done(&st);
}

static void drain_modes(void **state)
{
    struct status st;
    struct flux_error err;

    begin(&st, "n[0-3]", "3");
    assert_int_equal(drain(&st, "0-1", "first", DRAIN_NEW, 10, NULL), 0);
    assert_int_equal(drain(&st, "1-2", "second", DRAIN_NEW, 11, &err), -EEXIST);
    assert_string_equal(err.text, "rank(s) 1 already drained");
    assert_int_equal(HASH_COUNT(st.drains), 2);
    assert_int_equal(drain(&st, "1-2", "second", DRAIN_SKIP, 11, NULL), 0);
    assert_int_equal(drain(&st, "0", "third", DRAIN_OVERWRITE, 12, NULL), 0);
    assert_int_equal(drain(&st, "1", "fourth", DRAIN_REPLACE, 13, NULL), 0);
    for (struct drain *d = st.drains; d; d = d->hh.next) {
        static const double when[] = {10, 13, 11};
        static const char *const why[] = {"third", "fourth", "second"};
        assert_true(d->timestamp == when[d->rank]);
        assert_string_equal(d->reason, why[d->rank]);
    }
    assert_int_equal(drain(&st, "3", "x", DRAIN_NEW, 14, &err), -EINVAL);
    assert_int_equal(undrain(&st, "2-3", false, &err), -ENOENT);
    assert_string_equal(err.text, "rank(s) 3 not drained");
    assert_int_equal(undrain(&st, "2-3", true, NULL), 0);
    assert_int_equal(HASH_COUNT(st.drains), 2);
    status_done(&st);
}

static void replay(struct status *to, const struct flux_buf *log)
{
    struct flux_eventlog_cursor c = {log->data, log->data + log->len, 0};
    struct flux_eventlog_entry e;
    int r;

    while ((r = flux_eventlog_next(&c, &e, NULL)) > 0) {
        status_replay(to, &e);
        flux_eventlog_entry_done(&e);
    }
    assert_int_equal(r, 0);
}

static void replay_gives_the_same_drains(void **state)
{
    struct status a, b, c, d;
    struct flux_buf head = FLUX_BUF_INIT(0);

    begin(&a, "n[0-3]", "");
    status_log_restart(&a, 1);
    status_log_define(&a, "configuration", 1);
    assert_int_equal(drain(&a, "0-2", "a \"quoted\" reason", DRAIN_NEW, 10, NULL), 0);
    assert_int_equal(undrain(&a, "1", false, NULL), 0);
    assert_int_equal(drain(&a, "0", "later", DRAIN_OVERWRITE, 12, NULL), 0);
    assert_int_equal(drain(&a, "3", NULL, DRAIN_NEW, 13, NULL), 0);
    begin(&b, "n[0-3]", "");
    replay(&b, &a.events);
    /* the hosts have other ranks now */
    begin(&c, "n[3,2,1,0]", "");
    replay(&c, &a.events);
    status_log_truncate(&b, 20);
    flux_buf_add(&head, b.events.data, b.events.len);
    begin(&d, "n[0-3]", "");
    replay(&d, &head);
    for (unsigned rank = 0; rank < 4; rank++) {
        struct status *all[] = {&b, &c, &d};
        struct drain *x, *y;

        HASH_FIND(hh, a.drains, &rank, sizeof(rank), x);
        for (int i = 0; i < 3; i++) {
            unsigned there = i == 1 ? 3 - rank : rank;
            HASH_FIND(hh, all[i]->drains, &there, sizeof(there), y);
            assert_int_equal(x != NULL, y != NULL);
            if (!x)
                continue;
            assert_true(x->timestamp - y->timestamp < 1e-6);
            assert_int_equal(x->reason != NULL, y->reason != NULL);
            if (x->reason)
                assert_string_equal(x->reason, y->reason);
        }
    }
    flux_buf_done(&head);
    status_done(&a);
    status_done(&b);
    status_done(&c);
    status_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_is_online_and_nothing_against_it),
        cmocka_unit_test(drain_modes),
        cmocka_unit_test(replay_gives_the_same_drains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
