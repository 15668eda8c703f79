// SPDX-License-Identifier: LGPL-3.0-only
/* The KVS engine and its store, without messages: cost of a commit as a directory grows wide,
 * appends, large transactions, what a stored job costs in memory, restart. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "../../server/modules/kvs/kvs.h"

static struct store *store;
static struct kvs *kvs;
static char path[128];

static void open_engine(bool sync)
{
    struct store_options sopt = {.sync = sync};
    struct kvs_options kopt = {.cache_bytes = 2 << 20, .log_bytes = 1 << 20};
    struct flux_error err;

    if (store_open(&store, path, &sopt, &err) < 0 || kvs_open(&kvs, store, &kopt, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

static void close_engine(void)
{
    kvs_close(kvs);
    store_close(store);
}

static void remove_files(void)
{
    static const char *const suffix[] = {"", "-wal", "-shm"};
    char name[160];

    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
        unlink(name);
    }
}

static void group(void)
{
    struct store_batch *b = kvs_group_take(kvs);

    if (b && kvs_group_end(kvs, store_batch_run(store, b, NULL)) < 0)
        abort();
}

static void settle(void)
{
    kvs_checkpoint_start(kvs);
    while (kvs_background_wanted(kvs))
        group();
}

static void stage(enum kvs_op_kind kind, const char *key, const void *value, size_t len)
{
    struct kvs_op op = {.kind = kind, .key = key, .value = value, .len = len};
    struct flux_error err;
    uint64_t version;

    if (kvs_stage(kvs, "", &op, 1, &version, &err) < 0) {
        fprintf(stderr, "%s: %s\n", key, err.text);
        exit(1);
    }
}

static void report(const char *name, double value, const char *unit)
{
    printf("%-32s %12.4g %s\n", name, value, unit);
}

static void wide(int siblings, const char *name)
{
    char key[64];
    double start, end;

    for (int i = 0; i < siblings; i++) {
        snprintf(key, sizeof(key), "wide%d.d%d.key", siblings, i);
        stage(KVS_OP_PUT, key, "value", 5);
        if (i % 500 == 499)
            group();
    }
    settle();
    snprintf(key, sizeof(key), "wide%d.d%d.key", siblings, siblings / 2);
    start = flux_monotime();
    for (int i = 0; i < 1000; i++) {
        stage(KVS_OP_PUT, key, &i, sizeof(i));
        group();
    }
    end = flux_monotime();
    report(name, (end - start) * 1e3 / 1000, "ms");
}

static void appends(int count, int batch, const char *name)
{
    static const char event[] =
        "{\"timestamp\":1700000000.123456,\"name\":\"event\",\"context\":{\"number\":1}}\n";
    double start = flux_monotime();

    for (int i = 1; i <= count; i++) {
        stage(KVS_OP_APPEND, name, event, sizeof(event) - 1);
        if (i % batch == 0)
            group();
    }
    report(name, count / (flux_monotime() - start), "1/s");
}

static void many_keys(void)
{
    double start = flux_monotime();
    char key[64];

    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "many.d%d.k%d", i % 10, i);
        stage(KVS_OP_PUT, key, "value", 5);
    }
    group();
    report("kvs.1000-keys", 1000 / (flux_monotime() - start), "1/s");
}

/* What a finished job leaves: jobspec 4 KB, J, R, eventlog of ten events. */
static void one_job(unsigned id, const char *text)
{
    char key[80], event[80];

    snprintf(key, sizeof(key), "job.0000.%04x.%04x.%04x.J", id >> 16, id & 0xffff, id * 7 & 0xffff);
    stage(KVS_OP_PUT, key, text, 1000);
    strcpy(strrchr(key, '.'), ".jobspec");
    stage(KVS_OP_PUT, key, text, 4000);
    strcpy(strrchr(key, '.'), ".R");
    stage(KVS_OP_PUT, key, text, 220);
    strcpy(strrchr(key, '.'), ".eventlog");
    for (int i = 0; i < 10; i++) {
        int n =
            snprintf(event, sizeof(event), "{\"timestamp\":%u.5,\"name\":\"event%d\"}\n", id, i);
        stage(KVS_OP_APPEND, key, event, n);
    }
}

static size_t used(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static void jobs(unsigned count)
{
    char text[4096];
    size_t before = used();
    double start = flux_monotime();

    memset(text, 'x', sizeof(text));
    for (unsigned i = 1; i <= count; i++) {
        one_job(i, text);
        if (i % 50 == 0)
            group();
    }
    report("kvs.jobs-stored", count / (flux_monotime() - start), "1/s");
    settle();
    report("kvs.memory-per-job", ((double)used() - before) / count, "B");
    close_engine();
    start = flux_monotime();
    open_engine(false);
    report("kvs.restart", flux_monotime() - start, "s");
    start = flux_monotime();
    kvs_gc_start(kvs, false);
    while (kvs_background_wanted(kvs))
        group();
    report("kvs.gc", flux_monotime() - start, "s");
}

int main(int argc, char **argv)
{
    snprintf(path, sizeof(path), "%s/flux-bench-kvs.%d.sqlite",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/var/tmp", getpid());
    open_engine(false);
    wide(16, "kvs.commit-beside-16");
    wide(65536, "kvs.commit-beside-65536");
    appends(10000, 1, "kvs.append-10000-single");
    appends(10000, 50, "kvs.append-10000");
    appends(100000, 50, "kvs.append-100000");
    many_keys();
    close_engine();
    remove_files();
    open_engine(true);
    appends(2000, 1, "kvs.append-synced");
    close_engine();
    remove_files();
    open_engine(false);
    jobs(argc > 1 ? atoi(argv[1]) : 10000);
    close_engine();
    remove_files();
    return 0;
}
