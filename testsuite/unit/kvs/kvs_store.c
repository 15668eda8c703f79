// SPDX-License-Identifier: LGPL-3.0-only
/* The store: what it refuses to open, and what it makes of damaged rows. */
#include "../../../server/modules/content-sqlite/internal.h"
#include "rig.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
    struct rig *rig = flux_alloc(sizeof(*rig));

    rig_init(rig);
    assert_int_equal(rig_open(rig), 0);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    rig_done(*state);
    free(*state);
    return 0;
}

static void a_blob_comes_back_by_id_and_by_hash(void **state)
{
    struct rig *rig = *state;
    struct store_batch *b = store_batch_new(rig->store);
    struct store_ref ref = {.id = store_new_id(rig->store)}, found = {0};
    char text[STORE_REF_TEXT_SIZE];
    struct flux_error err;
    void *data;
    size_t len;

    store_hash("hello", 5, ref.hash);
    store_batch_blob(b, &ref, STORE_CLIENT, "hello", 5, false);
    assert_int_equal(store_batch_run(rig->store, b, &err), 0);
    store_batch_free(b);
    assert_int_equal(store_load(rig->store, &ref, &data, &len, &err), 0);
    assert_int_equal(len, 5);
    free(data);
    store_ref_format(ref.hash, text);
    assert_int_equal(store_ref_parse(text, found.hash, &err), 0);
    assert_int_equal(store_find(rig->store, &found, &data, &len, &err), 0);
    assert_int_equal(found.id, ref.id);
    assert_memory_equal(data, "hello", 5);
    free(data);
    found.hash[31] ^= 1;
    assert_int_equal(store_find(rig->store, &found, &data, &len, &err), -ENOENT);
    assert_int_equal(store_ref_parse("blake2b-12", found.hash, &err), -EINVAL);
    assert_int_equal(store_ref_parse("sha1-12", found.hash, &err), -EINVAL);
}

static struct store_ref put_node(struct rig *rig, const char *text)
{
    struct store_batch *b = store_batch_new(rig->store);
    struct store_ref ref = {.id = store_new_id(rig->store)};
    struct flux_error err;

    store_hash(text, strlen(text), ref.hash);
    store_batch_blob(b, &ref, STORE_NODE, text, strlen(text), false);
    assert_int_equal(store_batch_run(rig->store, b, &err), 0);
    store_batch_free(b);
    return ref;
}

static void expect_node(struct rig *rig, const struct store_ref *ref)
{
    struct store_ref found = *ref;
    struct flux_error err;
    void *data;
    size_t len;

    found.id = 0;
    assert_int_equal(store_find(rig->store, &found, &data, &len, &err), 0);
    assert_int_equal(found.id, ref->id);
    free(data);
}

static void a_node_is_found_by_hash_in_whichever_run_it_is(void **state)
{
    struct rig *rig = *state;
    struct store_ref refs[6];
    char text[16];

    for (int i = 0; i < 6; i++) {
        snprintf(text, sizeof(text), "node %d", i / 2);
        refs[i] = put_node(rig, text);
        for (int skipped = 0; skipped < 5000; skipped++)
            store_new_id(rig->store);
    }
    for (int i = 1; i < 6; i += 2) /* of equal ones the newest */
        expect_node(rig, &refs[i]);
}

static void on_plan(sqlite3 *db, const char *sql, const char *index)
{
    FLUX_AUTO_STR explain = flux_printf("EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *st = NULL;
    bool used = false;

    assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(st, 3);

        used |= strstr(detail, index) != NULL;
        assert_string_not_equal(detail, "SCAN blobs");
    }
    sqlite3_finalize(st);
    assert_true(used);
}

static void lookups_by_hash_use_an_index(void **state)
{
    struct rig *rig = *state;

    on_plan(rig->store->rd, sqlite3_sql(rig->store->rd_stmt[RD_FIND]),
            "blobs_run (<expr>=? AND key=?)");
    on_plan(rig->store->rd, sqlite3_sql(rig->store->rd_stmt[RD_CLIENT]), "blobs_client (key=?)");
}

static void a_second_broker_is_kept_out(void **state)
{
    struct rig *rig = *state;
    struct store *other = NULL;
    struct flux_error err;

    assert_int_equal(store_open(&other, rig->path, &rig->sopt, &err), -EBUSY);
    assert_non_null(strstr(err.text, "in use by another broker"));
}

static void other_files_are_refused(void **state)
{
    struct rig *rig = *state;
    struct store *other = NULL;
    struct flux_error err;
    FILE *f;

    rig_close(rig);
    f = fopen(rig->path, "w");
    for (int i = 0; i < 3000; i++)
        fputs("not a database ", f);
    fclose(f);
    assert_true(store_open(&other, rig->path, &rig->sopt, &err) < 0);
    unlink(rig->path);
    rig_sql(rig, "CREATE TABLE t(x)");
    assert_int_equal(store_open(&other, rig->path, &rig->sopt, &err), -EPROTO);
    unlink(rig->path);
    assert_int_equal(rig_open(rig), 0);
    rig_close(rig);
    rig_sql(rig, "PRAGMA user_version=99");
    assert_int_equal(store_open(&other, rig->path, &rig->sopt, &err), -EPROTO);
    assert_non_null(strstr(err.text, "format 99"));
    unlink(rig->path);
    assert_int_equal(rig_open(rig), 0);
}

static void a_damaged_value_is_reported_and_the_rest_lives(void **state)
{
    struct rig *rig = *state;
    char value[1000];
    int r;

    memset(value, 'v', sizeof(value));
    rig_put(rig, "big", value, sizeof(value));
    rig_puts(rig, "small", "fine");
    rig_close(rig);
    rig_sql(rig, "UPDATE blobs SET data = zeroblob(1000)");
    assert_int_equal(rig_open(rig), 0);
    assert_null(rig_get(rig, "big", &r));
    assert_int_equal(r, -EUCLEAN);
    assert_null(rig_get(rig, "big", &r));
    assert_int_equal(rig->damaged, 1);
    assert_non_null(strstr(rig->report, "quarantine"));
    rig_expect(rig, "small", "fine");
    assert_int_equal(rig_puts(rig, "big", "mended"), 0);
    rig_expect(rig, "big", "mended");
    rig_close(rig);
    rig_sql(rig,
            "CREATE TEMP TABLE t(n CHECK(n = 1)); INSERT INTO t SELECT count(*) FROM quarantine");
    assert_int_equal(rig_open(rig), 0);
}

static void a_damaged_node_loses_only_what_is_below(void **state)
{
    struct rig *rig = *state;
    int r;

    rig_puts(rig, "x.a", "1");
    rig_puts(rig, "y.a", "2");
    rig_checkpoint(rig);
    rig_close(rig);
    /* The first node written is x's: children come first, in order. */
    rig_sql(rig, "UPDATE blobs SET data = x'00' WHERE id = (SELECT min(id) FROM blobs)");
    assert_int_equal(rig_open(rig), 0);
    assert_null(rig_get(rig, "x.a", &r));
    assert_int_equal(r, -EUCLEAN);
    rig_expect(rig, "y.a", "2");
    assert_int_equal(rig_puts(rig, "y.b", "4"), 0);
    /* The collector does not guess: it leaves all as it is. */
    kvs_gc_start(rig->kvs, false);
    rig_flush(rig);
    kvs_gc_last(rig->kvs, &r);
    assert_int_equal(r, -EUCLEAN);
    /* Writing below it cuts it off, which is noted, and durable. */
    assert_int_equal(rig_puts(rig, "x.b", "3"), 0);
    rig_reopen(rig);
    rig_expect(rig, "x.b", "3");
    rig_expect(rig, "x.a", NULL);
    FLUX_AUTO_STR note = rig_get(rig, "lost+found.x", &r);
    assert_non_null(strstr(note, "directory"));
    kvs_gc_start(rig->kvs, false);
    assert_int_equal(rig_flush(rig), 0);
    kvs_gc_last(rig->kvs, &r);
    assert_int_equal(r, 0);
    rig_expect(rig, "y.b", "4");
}

static void a_torn_log_record_is_put_aside(void **state)
{
    struct rig *rig = *state;

    rig_puts(rig, "a", "1");
    rig_puts(rig, "b", "2");
    rig_puts(rig, "c", "3");
    rig_close(rig);
    rig_sql(rig, "UPDATE log SET data = substr(data, 1, length(data) - 1) WHERE seq = 2");
    assert_int_equal(rig_open(rig), 0);
    assert_int_equal(rig->damaged, 1);
    rig_expect(rig, "a", "1");
    rig_expect(rig, "b", NULL);
    rig_expect(rig, "c", "3");
    rig_puts(rig, "d", "4");
    rig_reopen(rig);
    assert_int_equal(rig->damaged, 1);
    rig_expect(rig, "d", "4");
}

static void a_damaged_checkpoint_does_not_stop_the_start(void **state)
{
    struct rig *rig = *state;

    rig_puts(rig, "a", "1");
    rig_checkpoint(rig);
    rig_checkpoint(rig);
    rig_close(rig);
    rig_sql(rig,
            "UPDATE checkpoint SET data = x'0011' WHERE id = (SELECT max(id) FROM checkpoint)");
    assert_int_equal(rig_open(rig), 0);
    assert_int_equal(rig->damaged, 1);
    rig_expect(rig, "a", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_blob_comes_back_by_id_and_by_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_is_found_by_hash_in_whichever_run_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(lookups_by_hash_use_an_index, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_broker_is_kept_out, setup, teardown),
        cmocka_unit_test_setup_teardown(other_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_value_is_reported_and_the_rest_lives, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_damaged_node_loses_only_what_is_below, setup, teardown),
        cmocka_unit_test_setup_teardown(a_torn_log_record_is_put_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_checkpoint_does_not_stop_the_start, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
