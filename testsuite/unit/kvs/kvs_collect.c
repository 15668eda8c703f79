// SPDX-License-Identifier: LGPL-3.0-only
/* The online collector against a model: random commits, snapshots that must stay readable,
 * checkpoints and collections begun at any time, in steps that interleave. In the end exactly what
 * is reachable is stored. FLUX_TEST_SEED=N repeats a run. */
#include "rig.h"

#include "../../../server/modules/content-sqlite/internal.h"
#include "../../../server/modules/kvs/check.h"

#include <stdio.h>
#include <unistd.h>

#define KEYS 400
#define STEPS 4000
#define SNAPSHOTS 8 /* fewer than the engine pins */

static unsigned seed;

/* What each key has: 0 = nothing, else a number that its value is made of. */
struct model {
    unsigned value[KEYS];
};

struct snapshot {
    char ref[STORE_REF_TEXT_SIZE];
    struct model model;
};

static char *key_of(unsigned i)
{
    return flux_printf("d%u.e%u.k%u", i % 5, i % 17, i);
}

/* Small and large ones: inline in nodes, and blobs. */
static char *value_of(unsigned n)
{
    size_t len = n % 3 ? 20 : 700;
    char *s = flux_alloc(len + 1);

    snprintf(s, len + 1, "%u:", n);
    for (size_t at = strlen(s); at < len; at++)
        s[at] = 'a' + (char)((n + at) % 26);
    return s;
}

static void change(struct rig *rig, struct model *m, unsigned number)
{
    unsigned i = random() % KEYS;
    FLUX_AUTO_STR key = key_of(i);
    FLUX_AUTO_STR value = value_of(number);
    struct kvs_op op = {.kind = random() % 4 ? KVS_OP_PUT : KVS_OP_UNLINK,
                        .key = key,
                        .value = value,
                        .len = strlen(value)};
    struct flux_error err;
    uint64_t version;

    assert_int_equal(kvs_stage(rig->kvs, "", &op, 1, &version, &err), 0);
    m->value[i] = op.kind == KVS_OP_PUT ? number : 0;
}

/* One group, with its slice of background work. */
static void group(struct rig *rig)
{
    struct store_batch *b = kvs_group_take(rig->kvs);
    struct flux_error err;

    if (b)
        assert_int_equal(kvs_group_end(rig->kvs, store_batch_run(rig->store, b, &err)), 0);
}

static void check(struct rig *rig, const char *ref, const struct model *m)
{
    const struct kvs_reader_cred owner = {.owner = true};

    for (unsigned i = 0; i < KEYS; i++) {
        struct flux_buf out = FLUX_BUF_INIT(0);
        FLUX_AUTO_STR key = key_of(i);
        FLUX_AUTO_STR value = value_of(m->value[i]);
        struct kvs_result res;
        struct flux_error err;
        int r = kvs_lookup(rig->kvs, "", ref, key, false, &owner, &res, &err);

        if (r == 0) {
            r = kvs_result_read(rig->kvs, &res, 0, 1000, &out, &err);
            kvs_result_done(rig->kvs, &res);
        }
        if (m->value[i] == 0 ? r != -ENOENT : r < 0 || strcmp(out.data, value) != 0)
            fail_msg("seed %u: key %u of %s: %d %s", seed, i, ref ? "a snapshot" : "now", r,
                     r < 0 ? err.text : "");
        flux_buf_done(&out);
    }
}

static void take_snapshot(struct rig *rig, struct snapshot *s, const struct model *m)
{
    uint64_t version;
    struct flux_error err;

    rig_checkpoint(rig);
    assert_int_equal(kvs_root_ref(rig->kvs, KVS_PRIMARY, &version, s->ref, &err), 0);
    s->model = *m;
}

static int64_t stored_blobs(struct rig *rig)
{
    int64_t n = -1;

    assert_int_equal(store_query(rig->store->rd, "SELECT count(*) FROM blobs", &n, NULL), 0);
    return n;
}

/* Blobs that the tree leads to. */
static int64_t reachable_blobs(struct rig *rig, const struct model *m)
{
    struct kvs_check c = {.values = true};
    struct flux_error err;
    int64_t large = 0;

    assert_int_equal(kvs_check_run(rig->kvs, &c, &err), 0);
    assert_int_equal(c.damaged, 0);
    for (unsigned i = 0; i < KEYS; i++)
        large += m->value[i] && m->value[i] % 3 == 0;
    return (int64_t)c.nodes + large;
}

static void collections_keep_what_is_reachable_and_nothing_else(void **state)
{
    const char *text = getenv("FLUX_TEST_SEED");
    struct rig rig = {.kopt.cache_bytes = 8 * 1024, .kopt.log_bytes = 30000, .kopt.gc_dead = 300};
    struct snapshot *snaps = flux_alloc(SNAPSHOTS * sizeof(*snaps));
    struct model now = {0};
    unsigned taken = 0;
    struct kvs_stats stats;

    seed = text ? strtoul(text, NULL, 10) : (unsigned)getpid();
    srandom(seed);
    rig_init(&rig);
    assert_int_equal(rig_open(&rig), 0);
    for (unsigned step = 1; step <= STEPS; step++) {
        for (unsigned n = random() % 4; n > 0; n--)
            change(&rig, &now, step * 10 + n);
        if (random() % 150 == 0)
            kvs_gc_start(rig.kvs, random() % 2);
        if (random() % 90 == 0)
            kvs_checkpoint_start(rig.kvs);
        group(&rig);
        if (random() % 200 == 0)
            take_snapshot(&rig, &snaps[taken++ % SNAPSHOTS], &now);
        if (random() % 300 == 0 && taken) {
            const struct snapshot *s = &snaps[random() % (taken < SNAPSHOTS ? taken : SNAPSHOTS)];
            check(&rig, s->ref, &s->model);
        }
    }
    rig_flush(&rig);
    for (unsigned i = 0; i < taken && i < SNAPSHOTS; i++)
        check(&rig, snaps[i].ref, &snaps[i].model);
    check(&rig, NULL, &now);
    kvs_get_stats(rig.kvs, &stats);
    assert_true(stats.gc_rounds > 2);
    rig_reopen(&rig); /* the snapshots are given up */
    kvs_gc_start(rig.kvs, true);
    rig_flush(&rig);
    assert_int_equal(stored_blobs(&rig), reachable_blobs(&rig, &now));
    check(&rig, NULL, &now);
    rig_done(&rig);
    free(snaps);
}

static void put_job(struct rig *rig, unsigned i)
{
    static const char *const names[] = {"eventlog", "jobspec", "guest.exec.eventlog", "guest.x.y"};

    for (size_t n = 0; n < FLUX_ARRAY_SIZE(names); n++) {
        FLUX_AUTO_STR key = flux_printf("job.%u.%u.%s", i / 100, i, names[n]);
        FLUX_AUTO_STR value = value_of(3 * i + 3);

        rig_puts(rig, key, value);
    }
}

/* Directories that come and go whole, as those of jobs: most of what they leave behind was never in
 * memory when they went. Nothing asks for a collection. */
static void what_comes_and_goes_leaves_the_store_bounded(void **state)
{
    struct rig rig = {.sopt.keep = true,
                      .kopt = {.cache_bytes = 4096, .log_bytes = 8192, .gc_dead = 400}};
    int64_t most = 0, n;

    rig_init(&rig);
    assert_int_equal(rig_open(&rig), 0);
    for (unsigned i = 0; i < 1500; i++) {
        put_job(&rig, i);
        if (i >= 20) {
            FLUX_AUTO_STR old = flux_printf("job.%u.%u", (i - 20) / 100, i - 20);
            assert_int_equal(rig_op(&rig, KVS_OP_UNLINK, old, NULL), 0);
        }
        n = stored_blobs(&rig);
        most = n > most ? n : most;
        if (i % 90 == 89)
            rig_reopen(&rig); /* what was collected when is known over restarts */
    }
    assert_in_range(most, 100, 3000);
    rig_done(&rig);
}

/* A sync that fails is a loss: what it was for is refused, and is not there later either, unless it
 * is wholly; what had been acknowledged is. */
static void nothing_is_acknowledged_after_a_failed_sync(void **state)
{
    struct rig rig = {.sopt.sync = true, .sopt.keep = true, .sopt.vfs = "faulty"};

    faulty_register();
    rig_init(&rig);
    assert_int_equal(rig_open(&rig), 0);
    for (int i = 0; i < 30; i++) {
        FLUX_AUTO_STR good = flux_printf("good%d", i);
        FLUX_AUTO_STR bad = flux_printf("bad%d", i);
        uint64_t before;

        assert_int_equal(rig_puts(&rig, good, "1"), 0);
        before = rig.store->mark.log_seq;
        faulty_syncs = true;
        assert_int_equal(rig_puts(&rig, bad, "1"), -EIO);
        faulty_syncs = false;
        rig_expect(&rig, bad, NULL);
        assert_int_equal(rig.store->mark.log_seq, before);
        if (i % 7 == 6)
            rig_reopen(&rig);
    }
    rig_reopen(&rig);
    assert_int_equal(rig.damaged, 0);
    for (int i = 0; i < 30; i++) {
        FLUX_AUTO_STR good = flux_printf("good%d", i);
        rig_expect(&rig, good, "1");
    }
    rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collections_keep_what_is_reachable_and_nothing_else),
        cmocka_unit_test(what_comes_and_goes_leaves_the_store_bounded),
        cmocka_unit_test(nothing_is_acknowledged_after_a_failed_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
