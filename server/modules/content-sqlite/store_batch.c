// SPDX-License-Identifier: LGPL-3.0-only
/* Writing to the store. A batch is one SQLite transaction: a failure anywhere rolls all of it back
 * and leaves the connection ready for the next one. */
#include "internal.h"

struct blob {
    struct store_ref ref;
    enum store_kind kind;
    const void *data;
    size_t len;
    bool own;
};

struct record {
    uint64_t seq;
    void *data;
    size_t len;
};

struct store_batch {
    struct blob *blobs;
    size_t nblobs, blobs_cap;
    struct record *logs;
    size_t nlogs;
    struct record checkpoint; /* data NULL: none */
    uint64_t *ids;
    size_t nids;
    struct store_bads bads;
    int shrink;
    uint64_t deleted_blobs, deleted_bytes;
};

struct store_batch *store_batch_new(struct store *s)
{
    struct store_batch *b = flux_alloc(sizeof(*b));

    STAILQ_INIT(&b->bads);
    STAILQ_CONCAT(&b->bads, &s->bads);
    return b;
}

void store_batch_free(struct store_batch *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->nblobs; i++) {
        if (b->blobs[i].own)
            free((void *)b->blobs[i].data);
    }
    for (size_t i = 0; i < b->nlogs; i++)
        free(b->logs[i].data);
    store_bads_free(&b->bads);
    free(b->blobs);
    free(b->logs);
    free(b->checkpoint.data);
    free(b->ids);
    free(b);
}

bool store_batch_empty(const struct store_batch *b)
{
    return b->nblobs + b->nlogs + b->nids == 0 && !b->checkpoint.data && !b->shrink &&
           STAILQ_EMPTY(&b->bads);
}

void store_batch_blob(struct store_batch *b, const struct store_ref *ref, enum store_kind kind,
                      const void *data, size_t len, bool take)
{
    if (b->nblobs == b->blobs_cap) {
        b->blobs_cap = b->blobs_cap ? b->blobs_cap * 2 : 16;
        b->blobs = flux_realloc(b->blobs, b->blobs_cap, sizeof(*b->blobs));
    }
    b->blobs[b->nblobs++] =
        (struct blob){.ref = *ref, .kind = kind, .data = data, .len = len, .own = take};
}

void store_batch_log(struct store_batch *b, uint64_t seq, void *data, size_t len)
{
    b->logs = flux_realloc(b->logs, b->nlogs + 1, sizeof(*b->logs));
    b->logs[b->nlogs++] = (struct record){seq, data, len};
}

void store_batch_checkpoint(struct store_batch *b, uint64_t log_seq, void *data, size_t len)
{
    free(b->checkpoint.data);
    b->checkpoint = (struct record){log_seq, data, len};
}

void store_batch_delete(struct store_batch *b, uint64_t *ids, size_t count)
{
    free(b->ids);
    b->ids = ids;
    b->nids = count;
}

void store_batch_shrink(struct store_batch *b, int pages)
{
    b->shrink = pages;
}

void store_batch_deleted(const struct store_batch *b, uint64_t *blobs, uint64_t *bytes)
{
    *blobs = b->deleted_blobs;
    *bytes = b->deleted_bytes;
}

/* Step a statement that returns no rows, and make it ready for its next use. */
static int step(struct store *s, enum store_wr which, struct flux_error *err)
{
    sqlite3_stmt *st = s->wr_stmt[which];
    int code = sqlite3_step(st);
    int r = 0;

    if (code != SQLITE_DONE)
        r = store_sqlite_error(s->wr, "write", err);
    sqlite3_reset(st);
    return r;
}

static int write_blobs(struct store *s, struct store_batch *b, struct flux_error *err)
{
    sqlite3_stmt *st = s->wr_stmt[WR_BLOB];
    int64_t key;
    int r;

    for (size_t i = 0; i < b->nblobs; i++) {
        memcpy(&key, b->blobs[i].ref.hash, sizeof(key));
        sqlite3_bind_int64(st, 1, b->blobs[i].ref.id);
        sqlite3_bind_int64(st, 2, key);
        sqlite3_bind_int(st, 3, b->blobs[i].kind);
        sqlite3_bind_blob64(st, 4, b->blobs[i].len ? b->blobs[i].data : "", b->blobs[i].len,
                            SQLITE_STATIC);
        r = step(s, WR_BLOB, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Bind sum + bytes of a record to parameter `n`. */
static void bind_record(sqlite3_stmt *st, int n, const struct record *rec, const double *time)
{
    uint8_t *p = flux_alloc(STORE_SUM_SIZE + rec->len);

    if (time)
        store_sum_checkpoint(rec->seq, *time, rec->data, rec->len, p);
    else
        store_sum(rec->seq, 0, rec->data, rec->len, p);
    memcpy(p + STORE_SUM_SIZE, rec->data, rec->len);
    sqlite3_bind_blob64(st, n, p, STORE_SUM_SIZE + rec->len, free);
}

static int write_log(struct store *s, struct store_batch *b, struct flux_error *err)
{
    sqlite3_stmt *st = s->wr_stmt[WR_LOG];
    int r;

    for (size_t i = 0; i < b->nlogs; i++) {
        sqlite3_bind_int64(st, 1, b->logs[i].seq);
        bind_record(st, 2, &b->logs[i], NULL);
        r = step(s, WR_LOG, err);
        sqlite3_clear_bindings(st);
        if (r < 0)
            return r;
    }
    return 0;
}

static int write_checkpoint(struct store *s, struct store_batch *b, struct flux_error *err)
{
    double now = flux_walltime();
    sqlite3_stmt *st = s->wr_stmt[WR_CHECKPOINT];
    int r;

    if (!b->checkpoint.data)
        return 0;
    /* Never a whole number: SQLite would store it as an integer, and a salvage looks for a real. */
    if (now == (double)(int64_t)now)
        now += 1. / 1024;
    sqlite3_bind_double(st, 1, now);
    sqlite3_bind_int64(st, 2, b->checkpoint.seq);
    bind_record(st, 3, &b->checkpoint, &now);
    r = step(s, WR_CHECKPOINT, err);
    sqlite3_clear_bindings(st);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s->wr_stmt[WR_LOG_TRIM], 1, b->checkpoint.seq);
    r = step(s, WR_LOG_TRIM, err);
    return r < 0 ? r : step(s, WR_CHECKPOINT_TRIM, err);
}

static int delete_blobs(struct store *s, struct store_batch *b, struct flux_error *err)
{
    sqlite3_stmt *size = s->wr_stmt[WR_SIZE];
    int r;

    b->deleted_blobs = b->deleted_bytes = 0;
    for (size_t i = 0; i < b->nids; i++) {
        sqlite3_bind_int64(size, 1, b->ids[i]);
        if (sqlite3_step(size) == SQLITE_ROW)
            b->deleted_bytes += sqlite3_column_int64(size, 0);
        sqlite3_reset(size);
        sqlite3_bind_int64(s->wr_stmt[WR_DELETE], 1, b->ids[i]);
        r = step(s, WR_DELETE, err);
        if (r < 0)
            return r;
        b->deleted_blobs += sqlite3_changes(s->wr);
    }
    return 0;
}

/* A damaged log record leaves the log, so that it is reported once and not at every start. */
static int write_quarantine(struct store *s, const struct store_bads *bads, struct flux_error *err)
{
    sqlite3_stmt *st = s->wr_stmt[WR_QUARANTINE];
    const struct store_bad *bad;
    int r;

    STAILQ_FOREACH (bad, bads, next) {
        sqlite3_bind_double(st, 1, flux_walltime());
        sqlite3_bind_text(st, 2, bad->kind, -1, SQLITE_STATIC);
        sqlite3_bind_int64(st, 3, bad->id);
        sqlite3_bind_text(st, 4, bad->reason, -1, SQLITE_STATIC);
        sqlite3_bind_blob64(st, 5, bad->data, bad->len, SQLITE_STATIC);
        r = step(s, WR_QUARANTINE, err);
        sqlite3_clear_bindings(st);
        if (r == 0 && strcmp(bad->kind, "log") == 0) {
            sqlite3_bind_int64(s->wr_stmt[WR_QUARANTINE_TRIM], 1, bad->id);
            r = step(s, WR_QUARANTINE_TRIM, err);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static int write_all(struct store *s, struct store_batch *b, struct flux_error *err)
{
    int r;

    if ((r = write_blobs(s, b, err)) < 0 || (r = write_log(s, b, err)) < 0 ||
        (r = write_checkpoint(s, b, err)) < 0 || (r = delete_blobs(s, b, err)) < 0 ||
        (r = write_quarantine(s, &b->bads, err)) < 0)
        return r;
    return step(s, WR_COMMIT, err);
}

/* Best effort: a file that stays larger than it need be is not a failure. */
static void shrink(struct store *s, int pages)
{
    char sql[64];

    sqlite3_snprintf(sizeof(sql), sql, "PRAGMA incremental_vacuum(%d)", pages);
    sqlite3_exec(s->wr, sql, NULL, NULL, NULL);
}

/* What is durable now, for the mark. */
static void advance_mark(struct store *s, const struct store_batch *b)
{
    struct store_mark *m = &s->mark;

    if (m->fd < 0)
        return;
    if (b->nlogs)
        m->log_seq = b->logs[b->nlogs - 1].seq;
    if (b->checkpoint.data && b->checkpoint.seq > m->log_seq)
        m->log_seq = b->checkpoint.seq;
    for (size_t i = 0; i < b->nblobs; i++) {
        if (b->blobs[i].ref.id > m->last_id)
            m->last_id = b->blobs[i].ref.id;
    }
    if (b->deleted_blobs && sqlite3_step(s->wr_stmt[WR_LAST]) == SQLITE_ROW)
        m->last_id = sqlite3_column_int64(s->wr_stmt[WR_LAST], 0);
    sqlite3_reset(s->wr_stmt[WR_LAST]);
    store_mark_write(m);
}

int store_batch_run(struct store *s, struct store_batch *b, struct flux_error *err)
{
    int r;

    r = step(s, WR_BEGIN, err);
    if (r == 0) {
        r = write_all(s, b, err);
        if (r < 0 && !sqlite3_get_autocommit(s->wr))
            sqlite3_exec(s->wr, "ROLLBACK", NULL, NULL, NULL);
    }
    if (r == 0)
        advance_mark(s, b);
    if (r == 0 && b->shrink)
        shrink(s, b->shrink);
    if (r == -EUCLEAN)
        s->wr_suspect = true;
    return r;
}

int store_compact(struct store *s, struct flux_error *err)
{
    if (sqlite3_exec(s->wr, "VACUUM", NULL, NULL, NULL) != SQLITE_OK)
        sqlite3_exec(s->wr, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
    if (sqlite3_exec(s->wr, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL) != SQLITE_OK)
        return store_sqlite_error(s->wr, "compact", err);
    return 0;
}
