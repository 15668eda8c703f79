// SPDX-License-Identifier: LGPL-3.0-only
/* See rig.h. */
#include "rig.h"

#include "../../../server/modules/content-sqlite/internal.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

static void on_damaged(void *arg, const char *text)
{
    struct rig *rig = arg;

    rig->damaged++;
    snprintf(rig->report, sizeof(rig->report), "%s", text);
}

void rig_init(struct rig *rig)
{
    strcpy(rig->dir, "/tmp/flux-kvs-test.XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    snprintf(rig->path, sizeof(rig->path), "%s/content.sqlite", rig->dir);
    rig->sopt.damaged = on_damaged;
    rig->sopt.arg = rig;
    rig->kopt.report = on_damaged;
    rig->kopt.arg = rig;
}

int rig_open(struct rig *rig)
{
    struct flux_error err = {0};
    int r = store_open(&rig->store, rig->path, &rig->sopt, &err);

    if (r == 0)
        r = kvs_open(&rig->kvs, rig->store, &rig->kopt, &err);
    if (r < 0 && !rig->quiet)
        fprintf(stderr, "# %s\n", err.text);
    return r;
}

void rig_close(struct rig *rig)
{
    kvs_close(rig->kvs);
    store_close(rig->store);
    rig->kvs = NULL;
    rig->store = NULL;
}

void rig_reopen(struct rig *rig)
{
    rig_close(rig);
    assert_int_equal(rig_open(rig), 0);
}

void rig_done(struct rig *rig)
{
    const struct dirent *e;
    DIR *dir;

    rig_close(rig);
    dir = opendir(rig->dir);
    while (dir && (e = readdir(dir)))
        unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
    rmdir(rig->dir);
}

int rig_flush(struct rig *rig)
{
    struct flux_error err;
    int r = 0;

    do {
        struct store_batch *b = kvs_group_take(rig->kvs);

        r = b ? kvs_group_end(rig->kvs, store_batch_run(rig->store, b, &err)) : 0;
    } while (r == -EAGAIN || kvs_background_wanted(rig->kvs));
    return r;
}

static int one(struct rig *rig, const struct kvs_op *op)
{
    uint64_t version;
    struct flux_error err;
    int r = kvs_stage(rig->kvs, "", op, 1, &version, &err);

    return r < 0 ? r : rig_flush(rig);
}

int rig_put(struct rig *rig, const char *key, const void *value, size_t len)
{
    struct kvs_op op = {.kind = KVS_OP_PUT, .key = key, .value = value, .len = len};

    return one(rig, &op);
}

int rig_puts(struct rig *rig, const char *key, const char *value)
{
    return rig_put(rig, key, value, strlen(value));
}

int rig_op(struct rig *rig, enum kvs_op_kind kind, const char *key, const char *arg)
{
    struct kvs_op op = {.kind = kind, .key = key};

    if (kind == KVS_OP_APPEND) {
        op.value = arg;
        op.len = strlen(arg);
    } else
        op.target = arg;
    return one(rig, &op);
}

static const struct kvs_reader_cred owner = {.owner = true};

char *rig_get(struct rig *rig, const char *key, int *r)
{
    struct flux_buf out = FLUX_BUF_INIT(0);
    struct kvs_result res;
    struct flux_error err;

    *r = kvs_lookup(rig->kvs, "", NULL, key, false, &owner, &res, &err);
    if (*r == 0) {
        *r = kvs_result_read(rig->kvs, &res, 0, UINT64_MAX, &out, &err);
        kvs_result_done(rig->kvs, &res);
    }
    kvs_trim(rig->kvs);
    if (*r < 0) {
        flux_buf_done(&out);
        return NULL;
    }
    return flux_buf_take(&out);
}

static int add_name(void *arg, const char *name, size_t len, const struct kvs_entry *e)
{
    const char *mark = e->kind == KVS_DIR ? "/" : e->kind == KVS_SYMLINK ? "@" : "";

    return flux_buf_printf(arg, "%.*s%s ", (int)len, name, mark);
}

char *rig_list(struct rig *rig, const char *key)
{
    struct flux_buf out = FLUX_BUF_INIT(0);
    struct kvs_result res;

    assert_int_equal(kvs_lookup(rig->kvs, "", NULL, key, false, &owner, &res, NULL), 0);
    assert_int_equal(kvs_result_list(rig->kvs, &res, add_name, &out, NULL), 0);
    kvs_result_done(rig->kvs, &res);
    return flux_buf_take(&out);
}

void rig_expect(struct rig *rig, const char *key, const char *value)
{
    int r;
    FLUX_AUTO_STR actual = rig_get(rig, key, &r);

    if (!value) {
        assert_int_equal(r, -ENOENT);
        return;
    }
    assert_int_equal(r, 0);
    assert_string_equal(actual, value);
}

void rig_checkpoint(struct rig *rig)
{
    uint64_t n = kvs_checkpoint_start(rig->kvs);
    int failed;

    assert_int_equal(rig_flush(rig), 0);
    assert_true(kvs_checkpoint_last(rig->kvs, &failed) >= n);
    assert_int_equal(failed, 0);
}

void rig_limit_pages(struct rig *rig, int pages)
{
    FLUX_AUTO_STR sql = flux_printf("PRAGMA max_page_count=%d", pages);

    assert_int_equal(sqlite3_exec(rig->store->wr, sql, NULL, NULL, NULL), SQLITE_OK);
}

void rig_sql(struct rig *rig, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(rig->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}
