// SPDX-License-Identifier: LGPL-3.0-only
/* The engine: transactions, groups, recovery, checkpoints, collection, and what it does on a full
 * or failing disk. */
#include "rig.h"

#include <sqlite3.h>
#include <stdio.h>

static int setup(void **state)
{
    struct rig *rig = flux_alloc(sizeof(*rig));

    faulty_after = 0;
    rig->kopt.cache_bytes = 64 * 1024;
    rig_init(rig);
    assert_int_equal(rig_open(rig), 0);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    faulty_after = 0;
    rig_done(*state);
    free(*state);
    return 0;
}

static void put_get_and_list(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(rig_puts(rig, "a.b.c", "1"), 0);
    assert_int_equal(rig_puts(rig, "a..b.d.", "2"), 0);
    assert_int_equal(rig_op(rig, KVS_OP_MKDIR, "a.e", NULL), 0);
    rig_expect(rig, "a.b.c", "1");
    rig_expect(rig, ".a.b.d", "2");
    rig_expect(rig, "a.b.x", NULL);
    rig_expect(rig, "a.b.c.x", NULL);
    FLUX_AUTO_STR root = rig_list(rig, ".");
    FLUX_AUTO_STR a = rig_list(rig, "a");
    assert_string_equal(root, "a/ ");
    assert_string_equal(a, "b/ e/ ");
    assert_int_equal(rig_puts(rig, "a.b", "now a value"), 0);
    rig_expect(rig, "a.b", "now a value");
    assert_int_equal(rig_puts(rig, "a.b.c", "and a directory again"), 0);
    rig_expect(rig, "a.b.c", "and a directory again");
    assert_int_equal(rig_op(rig, KVS_OP_UNLINK, "a", NULL), 0);
    assert_int_equal(rig_op(rig, KVS_OP_UNLINK, "a.b.c", NULL), 0);
    rig_expect(rig, "a.e", NULL);
}

static void bad_keys_are_refused(void **state)
{
    struct rig *rig = *state;
    char *wide = flux_alloc(KVS_KEY_MAX + 2);
    char deep[200];

    memset(wide, 'x', KVS_NAME_MAX + 1);
    assert_int_equal(rig_puts(rig, wide, ""), -EINVAL);
    wide[KVS_NAME_MAX] = '\0';
    assert_int_equal(rig_puts(rig, wide, ""), 0);
    for (int i = 0; i <= KVS_KEY_MAX; i++)
        wide[i] = i % 100 == 99 ? '.' : 'y';
    assert_int_equal(rig_puts(rig, wide, ""), -EINVAL);
    free(wide);
    for (int i = 0; i < 2 * (KVS_DEPTH_MAX + 1); i++)
        deep[i] = i % 2 ? '.' : 'd';
    deep[2 * (KVS_DEPTH_MAX + 1)] = '\0';
    assert_int_equal(rig_puts(rig, deep, ""), -EINVAL);
    assert_int_equal(rig_puts(rig, "", ""), -EINVAL);
    assert_int_equal(rig_puts(rig, ".", ""), -EINVAL);
    assert_int_equal(rig_puts(rig, "a\nb", ""), -EINVAL);
    assert_int_equal(rig_puts(rig, "a\xff", ""), -EINVAL);
    assert_int_equal(rig_puts(rig, "\xc3\xa4", "umlaut"), 0);
}

static void links_lead_on(void **state)
{
    struct rig *rig = *state;

    rig_puts(rig, "dir.a", "1");
    assert_int_equal(rig_op(rig, KVS_OP_SYMLINK, "link", "dir"), 0);
    rig_expect(rig, "link.a", "1");
    assert_int_equal(rig_puts(rig, "link.b", "2"), 0);
    rig_expect(rig, "dir.b", "2");
    assert_int_equal(rig_op(rig, KVS_OP_UNLINK, "link.a", NULL), 0);
    rig_expect(rig, "dir.a", NULL);
    assert_int_equal(rig_op(rig, KVS_OP_SYMLINK, "loop1", "loop2"), 0);
    assert_int_equal(rig_op(rig, KVS_OP_SYMLINK, "loop2", "loop1"), 0);
    int r;
    assert_null(rig_get(rig, "loop1.x", &r));
    assert_int_equal(r, -ELOOP);
    assert_int_equal(rig_puts(rig, "loop1.x", "1"), -ELOOP);
    assert_int_equal(rig_op(rig, KVS_OP_UNLINK, "link", NULL), 0);
    rig_expect(rig, "dir.b", "2");
    rig_reopen(rig);
    assert_int_equal(rig_op(rig, KVS_OP_SYMLINK, "again", "dir"), 0);
    rig_checkpoint(rig);
    rig_reopen(rig);
    rig_expect(rig, "again.b", "2");
}

static void a_copy_is_of_its_moment(void **state)
{
    struct rig *rig = *state;

    rig_puts(rig, "a.x", "1");
    rig_op(rig, KVS_OP_APPEND, "a.log", "one");
    assert_int_equal(rig_op(rig, KVS_OP_COPY, "b", "a"), 0);
    assert_int_equal(rig_op(rig, KVS_OP_COPY, "a.inner", "a"), 0);
    rig_puts(rig, "a.x", "2");
    rig_op(rig, KVS_OP_APPEND, "a.log", "two");
    rig_op(rig, KVS_OP_APPEND, "b.log", "three");
    rig_expect(rig, "b.x", "1");
    rig_expect(rig, "a.inner.x", "1");
    rig_expect(rig, "a.log", "onetwo");
    rig_expect(rig, "b.log", "onethree");
    rig_reopen(rig);
    rig_expect(rig, "b.x", "1");
    rig_expect(rig, "a.log", "onetwo");
    rig_expect(rig, "b.log", "onethree");
    assert_int_equal(rig_op(rig, KVS_OP_COPY, "c", "nothing"), -ENOENT);
}

static void a_transaction_is_all_or_nothing(void **state)
{
    struct rig *rig = *state;
    struct kvs_op ops[] = {
        {.kind = KVS_OP_PUT, .key = "t.a", .value = "1", .len = 1},
        {.kind = KVS_OP_UNLINK, .key = "keep"},
        {.kind = KVS_OP_APPEND, .key = "dir", .value = "x", .len = 1},
    };
    uint64_t version;
    struct flux_error err;

    rig_puts(rig, "keep", "me");
    rig_puts(rig, "dir.a", "1");
    assert_int_equal(kvs_stage(rig->kvs, "", ops, 3, &version, &err), -EISDIR);
    assert_null(kvs_group_take(rig->kvs));
    rig_expect(rig, "t.a", NULL);
    rig_expect(rig, "keep", "me");
    assert_int_equal(kvs_stage(rig->kvs, "", ops, 2, &version, &err), 0);
    assert_int_equal(version, 3);
    rig_expect(rig, "t.a", NULL); /* not durable yet */
    assert_int_equal(rig_flush(rig), 0);
    rig_expect(rig, "t.a", "1");
    rig_expect(rig, "keep", NULL);
}

static char *big(int n, size_t len)
{
    char *s = flux_alloc(len + 1);

    for (size_t i = 0; i < len; i++)
        s[i] = 'a' + (i * 7 + n) % 26;
    return s;
}

/* A mixed load, checked against itself. */
static void fill(struct rig *rig, int from, int to)
{
    char key[64];

    for (int i = from; i < to; i++) {
        FLUX_AUTO_STR value = big(i, i % 7 == 0 ? 3000 : 40);

        snprintf(key, sizeof(key), "job.%04x.%04x.spec", i / 50, i % 50);
        assert_int_equal(rig_puts(rig, key, value), 0);
        snprintf(key, sizeof(key), "job.%04x.%04x.eventlog", i / 50, i % 50);
        assert_int_equal(rig_op(rig, KVS_OP_APPEND, key, "first "), 0);
        assert_int_equal(rig_op(rig, KVS_OP_APPEND, key, value), 0);
        if (i % 5 == 4) {
            snprintf(key, sizeof(key), "job.%04x.%04x", (i - 2) / 50, (i - 2) % 50);
            assert_int_equal(rig_op(rig, KVS_OP_UNLINK, key, NULL), 0);
        }
    }
}

static void check(struct rig *rig, int to)
{
    char key[64];

    for (int i = 0; i < to; i++) {
        FLUX_AUTO_STR value = big(i, i % 7 == 0 ? 3000 : 40);
        FLUX_AUTO_STR log = flux_printf("first %s", value);
        bool removed = i % 5 == 2 && i + 2 < to;

        snprintf(key, sizeof(key), "job.%04x.%04x.spec", i / 50, i % 50);
        rig_expect(rig, key, removed ? NULL : value);
        snprintf(key, sizeof(key), "job.%04x.%04x.eventlog", i / 50, i % 50);
        rig_expect(rig, key, removed ? NULL : log);
    }
}

static void all_is_there_after_reopening(void **state)
{
    struct rig *rig = *state;
    struct kvs_stats stats;

    fill(rig, 0, 200);
    rig_reopen(rig);
    check(rig, 200);
    rig_checkpoint(rig);
    kvs_get_stats(rig->kvs, &stats);
    assert_int_equal(stats.log_records, 0);
    check(rig, 200);
    rig_reopen(rig);
    check(rig, 200);
    fill(rig, 200, 300);
    rig_checkpoint(rig);
    fill(rig, 300, 400);
    rig_reopen(rig);
    check(rig, 400);
    kvs_shrink(rig->kvs, 0);
    check(rig, 400);
    assert_int_equal(rig->damaged, 0);
}

static void a_checkpoint_sees_one_moment_while_commits_go_on(void **state)
{
    struct rig *rig = *state;
    struct flux_error err;
    int failed;
    uint64_t n;

    fill(rig, 0, 1000);
    n = kvs_checkpoint_start(rig->kvs);
    for (int i = 0; kvs_checkpoint_last(rig->kvs, &failed) < n; i++) {
        struct kvs_op op = {.kind = KVS_OP_APPEND, .key = "during", .value = "x", .len = 1};
        uint64_t version;
        struct store_batch *b;

        assert_int_equal(kvs_stage(rig->kvs, "", &op, 1, &version, &err), 0);
        b = kvs_group_take(rig->kvs);
        assert_int_equal(kvs_group_end(rig->kvs, store_batch_run(rig->store, b, &err)), 0);
        assert_true(i < 100);
    }
    assert_int_equal(failed, 0);
    FLUX_AUTO_STR before = rig_get(rig, "during", &failed);
    assert_true(strlen(before) > 1);
    rig_reopen(rig);
    check(rig, 1000);
    rig_expect(rig, "during", before);
}

static void without_a_log_checkpoints_still_keep_all(void **state)
{
    struct rig *rig = *state;
    struct kvs_stats stats;
    uint8_t hash[STORE_HASH_SIZE];

    rig_close(rig);
    rig->kopt.no_log = true;
    rig->kopt.log_bytes = 16 * 1024;
    rig->kopt.gc_dead = 100;
    assert_int_equal(rig_open(rig), 0);
    fill(rig, 0, 1000);
    check(rig, 1000);
    kvs_get_stats(rig->kvs, &stats);
    assert_in_range(stats.checkpoints, 3, 1000);
    assert_in_range(stats.gc_rounds, 1, 1000);
    kvs_shrink(rig->kvs, 0);
    check(rig, 1000);
    kvs_stage_content(rig->kvs, "client", 6, hash);
    assert_int_equal(rig_flush(rig), 0);
    assert_true(store_has_client(rig->store, hash));
    rig_limit_pages(rig, 10);
    fill(rig, 1000, 1010); /* memory is enough for these */
    kvs_checkpoint_start(rig->kvs);
    rig_flush(rig);
    check(rig, 1010);
    rig_limit_pages(rig, 1000000);
    fill(rig, 1010, 1100);
    rig_checkpoint(rig);
    rig_reopen(rig);
    check(rig, 1100);
}

static void collection_keeps_what_lives(void **state)
{
    struct rig *rig = *state;
    struct kvs_stats stats;
    int failed;

    fill(rig, 0, 200);
    for (int i = 0; i < 5; i++) {
        FLUX_AUTO_STR value = big(i, 5000);

        rig_puts(rig, "often", value);
        rig_checkpoint(rig);
    }
    kvs_gc_start(rig->kvs, false);
    assert_int_equal(rig_flush(rig), 0);
    assert_int_equal(kvs_gc_last(rig->kvs, &failed), 1);
    assert_int_equal(failed, 0);
    kvs_get_stats(rig->kvs, &stats);
    assert_true(stats.gc_blobs >= 4);
    assert_true(stats.gc_bytes >= 4 * 5000);
    kvs_shrink(rig->kvs, 0);
    check(rig, 200);
    rig_reopen(rig);
    check(rig, 200);
    /* A second round finds next to nothing. */
    kvs_gc_start(rig->kvs, false);
    assert_int_equal(rig_flush(rig), 0);
    kvs_get_stats(rig->kvs, &stats);
    assert_in_range(stats.gc_blobs, 0, 2);
    assert_int_equal(rig->damaged, 0);
}

static void blobs_of_clients_outlive_the_online_collector(void **state)
{
    struct rig *rig = *state;
    struct store_ref ref = {0};
    void *data;
    size_t len;

    kvs_stage_content(rig->kvs, "client", 6, ref.hash);
    assert_int_equal(rig_flush(rig), 0);
    kvs_gc_start(rig->kvs, false);
    assert_int_equal(rig_flush(rig), 0);
    assert_int_equal(store_find(rig->store, &ref, &data, &len, NULL), 0);
    free(data);
    kvs_gc_start(rig->kvs, true);
    assert_int_equal(rig_flush(rig), 0);
    assert_int_equal(store_find(rig->store, &ref, &data, &len, NULL), -ENOENT);
}

static void snapshots_can_be_read_and_cloned(void **state)
{
    struct rig *rig = *state;
    const struct kvs_reader_cred owner = {.owner = true}, guest = {.userid = 1000};
    char ref[STORE_REF_TEXT_SIZE];
    struct kvs_result res;
    struct flux_error err;
    uint64_t version;

    assert_int_equal(kvs_root_ref(rig->kvs, "", &version, ref, &err), 0); /* empty */
    rig_puts(rig, "a", "old");
    assert_int_equal(kvs_root_ref(rig->kvs, "", &version, ref, &err), -EAGAIN);
    rig_checkpoint(rig);
    assert_int_equal(kvs_checkpoint_root(rig->kvs, "", NULL, &version, ref, &err), 0);
    assert_int_equal(version, 1);
    rig_puts(rig, "a", "new");
    kvs_gc_start(rig->kvs, false);
    rig_flush(rig);
    kvs_shrink(rig->kvs, 0);
    assert_int_equal(kvs_lookup(rig->kvs, "", ref, "a", false, &owner, &res, &err), 0);
    assert_string_equal(((struct kvs_bytes *)res.payload)->data, "old");
    kvs_result_done(rig->kvs, &res);
    assert_int_equal(kvs_lookup(rig->kvs, "", ref, "a", false, &guest, &res, &err), -EPERM);
    assert_int_equal(kvs_stage_create(rig->kvs, "clone", 1000, ref, &err), 0);
    assert_int_equal(kvs_stage_create(rig->kvs, "clone", 1000, ref, &err), -EEXIST);
    assert_int_equal(rig_flush(rig), 0);
    rig_reopen(rig);
    assert_int_equal(kvs_lookup(rig->kvs, "clone", NULL, "a", false, &guest, &res, &err), 0);
    assert_string_equal(((struct kvs_bytes *)res.payload)->data, "old");
    kvs_result_done(rig->kvs, &res);
    assert_int_equal(kvs_stage_remove(rig->kvs, "clone", &err), 0);
    assert_int_equal(kvs_stage_remove(rig->kvs, "primary", &err), -EINVAL);
    assert_int_equal(rig_flush(rig), 0);
    assert_int_equal(kvs_lookup(rig->kvs, "clone", NULL, "a", false, &guest, &res, &err), -ENOENT);
    rig_reopen(rig);
    assert_int_equal(kvs_lookup(rig->kvs, "clone", NULL, "a", false, &owner, &res, &err), -ENOENT);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    struct rig *rig = *state;
    FLUX_AUTO_STR value = big(3, 200000);
    int r = 0, n;

    fill(rig, 0, 50);
    rig_limit_pages(rig, 400);
    for (n = 0; n < 100 && r == 0; n++) {
        FLUX_AUTO_STR key = flux_printf("full.k%d", n);

        r = rig_puts(rig, key, value);
        if (r == 0)
            rig_expect(rig, key, value);
        else
            rig_expect(rig, key, NULL);
    }
    assert_int_equal(r, -ENOSPC);
    check(rig, 50);
    assert_int_equal(rig_puts(rig, "full.again", value), -ENOSPC);
    rig_limit_pages(rig, 1000000);
    assert_int_equal(rig_puts(rig, "full.again", value), 0);
    rig_checkpoint(rig);
    rig_reopen(rig);
    check(rig, 50);
    rig_expect(rig, "full.again", value);
}

/* From the k-th failing call on the disk is broken, then it is mended: what was acknowledged is
 * there, what was refused is not. */
static void every_failing_call_is_survived(void **state)
{
    struct rig *rig = *state;
    static const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE};
    int acknowledged[200] = {0};
    int n = 0;

    faulty_register();
    rig_close(rig);
    rig->sopt.vfs = "faulty";
    rig->sopt.sync = true;
    assert_int_equal(rig_open(rig), 0);
    for (int k = 1; k <= 60; k++, n++) {
        FLUX_AUTO_STR key = flux_printf("k%d", n);
        FLUX_AUTO_STR value = big(n, 2000);

        faulty_code = codes[k % 2];
        faulty_after = k;
        if (k % 3 == 0)
            kvs_checkpoint_start(rig->kvs);
        acknowledged[n] = rig_puts(rig, key, value) == 0;
        faulty_after = 0;
        rig_expect(rig, key, acknowledged[n] ? value : NULL);
        FLUX_AUTO_STR after = flux_printf("after%d", n);
        assert_int_equal(rig_puts(rig, after, "fine"), 0);
    }
    rig_checkpoint(rig);
    rig_reopen(rig);
    for (int i = 0; i < n; i++) {
        FLUX_AUTO_STR key = flux_printf("k%d", i);
        FLUX_AUTO_STR value = big(i, 2000);
        FLUX_AUTO_STR after = flux_printf("after%d", i);

        rig_expect(rig, key, acknowledged[i] ? value : NULL);
        rig_expect(rig, after, "fine");
    }
}

static void memory_per_stored_job_is_bounded(void **state)
{
    struct rig *rig = *state;
    struct kvs_stats stats;

    fill(rig, 0, 1000);
    rig_checkpoint(rig);
    kvs_trim(rig->kvs);
    kvs_get_stats(rig->kvs, &stats);
    assert_in_range(stats.cached_bytes, 0, 64 * 1024);
    /* The budget and the header stubs of what it loaded. */
    assert_in_range(stats.bytes, 0, 300 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(put_get_and_list, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_keys_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(links_lead_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_is_of_its_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(a_transaction_is_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(all_is_there_after_reopening, setup, teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_sees_one_moment_while_commits_go_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_a_log_checkpoints_still_keep_all, setup, teardown),
        cmocka_unit_test_setup_teardown(collection_keeps_what_lives, setup, teardown),
        cmocka_unit_test_setup_teardown(blobs_of_clients_outlive_the_online_collector, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(snapshots_can_be_read_and_cloned, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_refuses_and_recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(every_failing_call_is_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_per_stored_job_is_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
