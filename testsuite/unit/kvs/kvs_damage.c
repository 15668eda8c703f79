// SPDX-License-Identifier: LGPL-3.0-only
/* A store is damaged in every way that can be thought of, at random, and opened again: it says so,
 * or it is all there; and what it gives is right or an error. FLUX_TEST_SEED=N repeats a run,
 * FLUX_TEST_DAMAGES=N sets its length. */
#include "rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS 120

static unsigned seed;
static char now[200]; /* what is being tried, for the report of a failure */

static unsigned pick(unsigned n)
{
    return n ? (unsigned)random() % n : 0;
}

/* Key i: small, large, or a log of several pieces, all of which tell i. */
static char *key_of(unsigned i)
{
    return flux_printf("job.%u.%u.k%u", i % 4, i % 13, i);
}

static char *value_of(unsigned i)
{
    size_t len = i % 3 == 0 ? 10 : i % 3 == 1 ? 900 : 9000;
    char *s = flux_alloc(len + 1);

    for (size_t at = 0; at < len; at++)
        s[at] = 'a' + (char)((i * 31 + at * 7 + at / 26) % 26);
    return s;
}

static void put(struct rig *rig, unsigned i)
{
    FLUX_AUTO_STR key = key_of(i);
    FLUX_AUTO_STR value = value_of(i);

    if (i % 5 != 4) {
        rig_puts(rig, key, value);
        return;
    }
    for (size_t at = 0, len = strlen(value); at < len; at += len / 3 + 1) {
        FLUX_AUTO_STR part = flux_strndup(value + at, len / 3 + 1);
        rig_op(rig, KVS_OP_APPEND, key, part);
    }
}

static void copy_file(const char *from, const char *to)
{
    FLUX_AUTO_STR cmd =
        flux_printf("cp --preserve=timestamps %s %s 2>/dev/null || rm -f %s", from, to, to);

    assert_int_equal(system(cmd), 0);
}

/* A store as a crash leaves it: with a log, a -wal, and a mark that is not clean. */
static void make_crashed(struct rig *rig, const char *keep)
{
    static const char *const suffixes[] = {"", "-wal", "-mark"};

    for (unsigned i = 0; i < KEYS; i++) {
        put(rig, i);
        if (i == KEYS / 2)
            rig_checkpoint(rig);
    }
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(suffixes); i++) {
        FLUX_AUTO_STR from = flux_printf("%s%s", rig->path, suffixes[i]);
        FLUX_AUTO_STR to = flux_printf("%s/crashed%s", keep, suffixes[i]);
        copy_file(from, to);
    }
}

static void make_clean(struct rig *rig, const char *keep)
{
    FLUX_AUTO_STR main_to = flux_printf("%s/clean", keep);
    FLUX_AUTO_STR mark_to = flux_printf("%s/clean-mark", keep);
    FLUX_AUTO_STR mark = flux_printf("%s-mark", rig->path);

    rig_checkpoint(rig);
    rig_close(rig);
    copy_file(rig->path, main_to);
    copy_file(mark, mark_to);
}

/* Begin with a fresh directory that holds a copy of one of the two. */
static void set_up(struct rig *rig, const char *keep, const char *which)
{
    static const char *const suffixes[] = {"", "-wal", "-mark"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(suffixes); i++) {
        FLUX_AUTO_STR from = flux_printf("%s/%s%s", keep, which, suffixes[i]);
        FLUX_AUTO_STR to = flux_printf("%s%s", rig->path, suffixes[i]);
        copy_file(from, to);
    }
}

static void flip(int fd, off_t size, unsigned count)
{
    for (unsigned i = 0; i < count && size > 0; i++) {
        off_t at = pick(size);
        uint8_t byte;

        if (pread(fd, &byte, 1, at) != 1)
            continue;
        byte ^= 1 << pick(8);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
}

static void overwrite(int fd, off_t size)
{
    size_t len = 1 + pick(pick(2) ? 64 : 6000);
    FLUX_AUTO_MEM(char) junk = flux_alloc(len);
    bool zeros = pick(2);

    for (size_t i = 0; i < len && !zeros; i++)
        junk[i] = (char)random();
    assert_true(pwrite(fd, junk, len, pick(size)) >= 0);
}

/* One page's content in the place of another's. */
static void swap_page(int fd, off_t size)
{
    char page[4096] = {0};

    if (size < 3 * 4096)
        return;
    assert_true(pread(fd, page, sizeof(page), (off_t)pick(size / 4096) * 4096) > 0);
    assert_true(pwrite(fd, page, sizeof(page), (off_t)pick(size / 4096) * 4096) > 0);
}

static void damage(struct rig *rig, bool crashed)
{
    bool wal = crashed && pick(2);
    FLUX_AUTO_STR path = flux_printf("%s%s", rig->path, wal ? "-wal" : "");
    int fd = open(path, O_RDWR);
    off_t size = lseek(fd, 0, SEEK_END);
    unsigned kind = pick(8);
    int r = 0;

    snprintf(now, sizeof(now), "seed %u: %s %s, kind %u of %lld bytes", seed,
             crashed ? "crashed" : "clean", wal ? "wal" : "main", kind, (long long)size);
    if (kind < 3)
        flip(fd, size, 1 + pick(4));
    else if (kind == 3)
        flip(fd, size < 200 ? size : 200, 1);
    else if (kind == 4)
        overwrite(fd, size);
    else if (kind == 5)
        swap_page(fd, size);
    else if (kind == 6)
        r = ftruncate(fd, pick(size));
    else
        r = pick(3) ? ftruncate(fd, (off_t)pick(size / 4096) * 4096) : unlink(path);
    assert_int_equal(r, 0);
    close(fd);
}

struct count {
    unsigned right, failed, absent;
};

/* What can be read must be what was written; the log of a crashed store may have lost its end. */
static struct count read_all(struct rig *rig)
{
    struct count c = {0};

    for (unsigned i = 0; i < KEYS; i++) {
        FLUX_AUTO_STR key = key_of(i);
        FLUX_AUTO_STR value = value_of(i);
        int r = 0;
        FLUX_AUTO_STR got = rig_get(rig, key, &r);

        if (got && strcmp(got, value) == 0)
            c.right++;
        else if (got && i % 5 == 4)
            c.failed++; /* a log of which records are missing: reported as such */
        else if (got)
            fail_msg("%s: key %u is wrong", now, i);
        else if (r == -ENOENT)
            c.absent++;
        else if (r == -EUCLEAN)
            c.failed++;
        else
            fail_msg("%s: key %u: error %d", now, i, r);
    }
    return c;
}

/* It must go on working: new keys can be written, kept, and collected around. */
static void go_on(struct rig *rig)
{
    int r;

    for (unsigned i = 0; i < 4; i++) {
        FLUX_AUTO_STR key = flux_printf("job.%u.new%u", i, i);

        r = rig_puts(rig, key, "new");
        if (r < 0)
            fail_msg("%s: writing fails: %d", now, r);
    }
    kvs_gc_start(rig->kvs, false);
    rig_flush(rig);
    rig_reopen(rig);
    rig_expect(rig, "job.1.new1", "new");
}

struct outcomes {
    unsigned whole, reported, refused;
};

static void try_one(struct rig *rig, struct outcomes *out)
{
    struct count c;
    int before, r;

    rig->damaged = 0;
    rig->report[0] = '\0';
    r = rig_open(rig);
    before = rig->damaged;
    if (r < 0) {
        rig_close(rig);
        if (r != -EUCLEAN && r != -EPROTO)
            fail_msg("%s: open fails: %d", now, r);
        out->refused++;
        return;
    }
    c = read_all(rig);
    if (c.right < KEYS && rig->damaged == 0)
        fail_msg("%s: %u right, %u failed, %u absent, and no word of it", now, c.right, c.failed,
                 c.absent);
    if (c.absent && before == 0)
        fail_msg("%s: %u absent, and no word of it at the start", now, c.absent);
    if (c.right == KEYS)
        out->whole++;
    else
        out->reported++;
    go_on(rig);
    rig_close(rig);
}

static void damage_is_reported_and_the_rest_served(void **state)
{
    const char *count = getenv("FLUX_TEST_DAMAGES"), *s = getenv("FLUX_TEST_SEED");
    struct outcomes out = {0};
    unsigned total = count ? strtoul(count, NULL, 10) : 150;
    struct rig rig = {.sopt.keep = true};
    char keep[] = "/tmp/flux-kvs-keep.XXXXXX";

    seed = s ? strtoul(s, NULL, 10) : (unsigned)getpid();
    assert_non_null(mkdtemp(keep));
    rig_init(&rig);
    assert_int_equal(rig_open(&rig), 0);
    make_crashed(&rig, keep);
    make_clean(&rig, keep);
    rig_done(&rig);
    for (unsigned i = 0; i < total; i++, seed++) {
        bool crashed;

        srandom(seed);
        crashed = pick(2);
        rig = (struct rig){.sopt.keep = true, .quiet = true};
        rig_init(&rig);
        set_up(&rig, keep, crashed ? "crashed" : "clean");
        damage(&rig, crashed);
        try_one(&rig, &out);
        rig_done(&rig);
    }
    printf("# %u damages: %u lost nothing, %u lost a part, %u were refused\n", total, out.whole,
           out.reported, out.refused);
    FLUX_AUTO_STR cmd = flux_printf("rm -rf %s", keep);
    assert_int_equal(system(cmd), 0);
    /* Only what has nothing left in it is refused. */
    assert_true(out.refused * 4 <= total + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_reported_and_the_rest_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
