// SPDX-License-Identifier: LGPL-3.0-only
/* Reading from the store. Nothing is handed out that does not match its hash: what does not is
 * reported once, kept for the quarantine table, and answered with -EIO. */
#include "internal.h"

#include <stdio.h>

#define TOLD_MAX 50 /* lines of the log for damaged records */

void store_report_bad(struct store *s, const char *kind, uint64_t id, const void *data, size_t len,
                      const char *reason)
{
    uint64_t tag = id << 8 | (uint8_t)kind[0];
    struct store_bad *bad;
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(s->reported); i++) {
        if (s->reported[i] == tag)
            return;
    }
    s->reported[s->reported_next++ % FLUX_ARRAY_SIZE(s->reported)] = tag;
    bad = flux_alloc(sizeof(*bad));
    bad->kind = kind;
    bad->id = id;
    bad->reason = flux_strdup(reason);
    bad->data = flux_memdup(data, len);
    bad->len = len;
    STAILQ_INSERT_TAIL(&s->bads, bad, next);
    s->quarantined++;
    if (strcmp(kind, "file") == 0 || s->told > TOLD_MAX)
        return;
    if (s->told++ == TOLD_MAX)
        store_tell(s, "%s: more records are damaged; flux fsck -v lists them", s->path);
    else
        store_tell(s, "%s: %s %llu is damaged (%s), put in quarantine; run flux fsck", s->path,
                   kind, (unsigned long long)id, reason);
}

void store_tell(struct store *s, const char *fmt, ...)
{
    FLUX_AUTO_STR text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = flux_vprintf(fmt, ap);
    va_end(ap);
    if (s->damaged)
        s->damaged(s->arg, text);
}

void store_bads_free(struct store_bads *bads)
{
    struct store_bad *bad;

    while ((bad = STAILQ_FIRST(bads))) {
        STAILQ_REMOVE_HEAD(bads, next);
        free(bad->reason);
        free(bad->data);
        free(bad);
    }
}

void store_quarantine_log(struct store *s, uint64_t seq, const void *data, size_t len,
                          const char *reason)
{
    store_report_bad(s, "log", seq, data, len, reason);
}

static int64_t hash_key(const uint8_t hash[STORE_HASH_SIZE])
{
    int64_t key;

    memcpy(&key, hash, sizeof(key));
    return key;
}

/* Copy the blob in column `col` if it hashes to `hash`. 1 = it does not. */
static int copy_verified(sqlite3_stmt *st, int col, const uint8_t *hash, void **data, size_t *len)
{
    const void *p = sqlite3_column_blob(st, col);
    size_t n = sqlite3_column_bytes(st, col);
    uint8_t actual[STORE_HASH_SIZE];

    store_hash(p, n, actual);
    if (memcmp(actual, hash, STORE_HASH_SIZE) != 0)
        return 1;
    *data = flux_memdup(p, n);
    *len = n;
    return 0;
}

/* Is it another blob whose hash begins alike, rather than a damaged one? */
static bool matches_key(sqlite3_stmt *st, int col, int64_t key)
{
    uint8_t actual[STORE_HASH_SIZE];

    store_hash(sqlite3_column_blob(st, col), sqlite3_column_bytes(st, col), actual);
    return hash_key(actual) == key;
}

/* The row could not be read at all: of a damaged page there is nothing to keep. */
static int unreadable(struct store *s, uint64_t id, struct flux_error *err)
{
    int r = store_sqlite_error(s->rd, "load blob", err);

    if (r == -EUCLEAN) {
        s->rd_suspect = true;
        store_report_bad(s, "blob", id, "", 0, "its page is damaged");
        r = flux_error_set(err, r, "content store: blob %llu is damaged (its page is)",
                           (unsigned long long)id);
    }
    return r;
}

int store_load(struct store *s, const struct store_ref *ref, void **data, size_t *len,
               struct flux_error *err)
{
    sqlite3_stmt *st = s->rd_stmt[RD_LOAD];
    unsigned long long id = ref->id;
    int r = 0;
    int code;

    sqlite3_bind_int64(st, 1, ref->id);
    code = sqlite3_step(st);
    if (code == SQLITE_DONE) {
        store_report_bad(s, "blob", ref->id, "", 0, "row is missing");
        r = flux_error_set(err, -EUCLEAN, "content store: blob %llu is missing", id);
    } else if (code != SQLITE_ROW)
        r = unreadable(s, ref->id, err);
    else if (copy_verified(st, 0, ref->hash, data, len)) {
        store_report_bad(s, "blob", ref->id, sqlite3_column_blob(st, 0),
                         sqlite3_column_bytes(st, 0), "hash mismatch");
        r = flux_error_set(err, -EUCLEAN, "content store: blob %llu is damaged (hash mismatch)",
                           id);
    }
    sqlite3_reset(st);
    return r;
}

/* Look for a blob with this hash among those of one index. 1: there is none. */
static int find(struct store *s, enum store_rd which, struct store_ref *ref, void **data,
                size_t *len, struct flux_error *err)
{
    sqlite3_stmt *st = s->rd_stmt[which];
    bool found = false;
    int code;
    int r = 1;

    sqlite3_bind_int64(st, 1, hash_key(ref->hash));
    while (!found && (code = sqlite3_step(st)) == SQLITE_ROW) {
        if (copy_verified(st, 1, ref->hash, data, len) == 0) {
            ref->id = sqlite3_column_int64(st, 0);
            found = true;
        } else if (!matches_key(st, 1, hash_key(ref->hash))) {
            store_report_bad(s, "blob", sqlite3_column_int64(st, 0), sqlite3_column_blob(st, 1),
                             sqlite3_column_bytes(st, 1), "hash mismatch");
            r = flux_error_set(err, -EUCLEAN, "content store: blob %llu is damaged (hash mismatch)",
                               (unsigned long long)sqlite3_column_int64(st, 0));
        }
    }
    if (!found && code != SQLITE_DONE)
        r = store_sqlite_error(s->rd, "find blob", err);
    sqlite3_reset(st);
    return found ? 0 : r;
}

int store_find(struct store *s, struct store_ref *ref, void **data, size_t *len,
               struct flux_error *err)
{
    int r = find(s, RD_CLIENT, ref, data, len, err);

    if (r == 1)
        r = find(s, RD_FIND, ref, data, len, err);
    return r == 1 ? flux_error_set(err, -ENOENT, "no such blob") : r;
}

bool store_has_client(struct store *s, const uint8_t hash[STORE_HASH_SIZE])
{
    sqlite3_stmt *st = s->rd_stmt[RD_CLIENT];
    uint8_t actual[STORE_HASH_SIZE];
    bool found = false;

    sqlite3_bind_int64(st, 1, hash_key(hash));
    while (!found && sqlite3_step(st) == SQLITE_ROW) {
        store_hash(sqlite3_column_blob(st, 1), sqlite3_column_bytes(st, 1), actual);
        found = memcmp(actual, hash, sizeof(actual)) == 0;
    }
    sqlite3_reset(st);
    return found;
}

bool store_log_whole(uint64_t seq, const uint8_t *p, size_t n)
{
    uint8_t sum[STORE_SUM_SIZE];

    if (n < STORE_SUM_SIZE)
        return false;
    store_sum(seq, 0, p + STORE_SUM_SIZE, n - STORE_SUM_SIZE, sum);
    return memcmp(sum, p, STORE_SUM_SIZE) == 0;
}

bool store_checkpoint_whole(uint64_t log_seq, double time, const uint8_t *p, size_t n)
{
    uint8_t sum[STORE_SUM_SIZE];

    if (n < STORE_SUM_SIZE)
        return false;
    store_sum_checkpoint(log_seq, time, p + STORE_SUM_SIZE, n - STORE_SUM_SIZE, sum);
    return memcmp(sum, p, STORE_SUM_SIZE) == 0;
}

int store_checkpoint_load(struct store *s, unsigned nth, void **data, size_t *len,
                          uint64_t *log_seq, struct flux_error *err)
{
    sqlite3_stmt *st = s->rd_stmt[RD_CHECKPOINT];
    int r = -ENOENT;
    int code;

    while ((code = sqlite3_step(st)) == SQLITE_ROW) {
        const uint8_t *p = sqlite3_column_blob(st, 2);
        size_t n = sqlite3_column_bytes(st, 2);

        if (!store_checkpoint_whole(sqlite3_column_int64(st, 1), sqlite3_column_double(st, 3), p,
                                    n)) {
            store_report_bad(s, "checkpoint", sqlite3_column_int64(st, 0), p, n, "bad checksum");
            s->lost = true;
            continue;
        }
        if (nth-- > 0)
            continue;
        *log_seq = sqlite3_column_int64(st, 1);
        *len = n - STORE_SUM_SIZE;
        *data = flux_memdup(p + STORE_SUM_SIZE, *len);
        r = 0;
        break;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        r = store_sqlite_error(s->rd, "read checkpoint", err);
    sqlite3_reset(st);
    return r;
}

int store_checkpoint_each(struct store *s,
                          void (*fn)(void *arg, double time, const void *data, size_t len),
                          void *arg, struct flux_error *err)
{
    sqlite3_stmt *st = s->rd_stmt[RD_CHECKPOINT];
    int r = 0;
    int code;

    while ((code = sqlite3_step(st)) == SQLITE_ROW) {
        const uint8_t *p = sqlite3_column_blob(st, 2);
        size_t n = sqlite3_column_bytes(st, 2);

        if (store_checkpoint_whole(sqlite3_column_int64(st, 1), sqlite3_column_double(st, 3), p, n))
            fn(arg, sqlite3_column_double(st, 3), p + STORE_SUM_SIZE, n - STORE_SUM_SIZE);
    }
    if (code != SQLITE_DONE)
        r = store_sqlite_error(s->rd, "read checkpoints", err);
    sqlite3_reset(st);
    return r;
}

/* Records are numbered without gaps, so one that has vanished is noticed. */
static void check_gap(struct store *s, uint64_t last, uint64_t seq)
{
    char reason[64];

    if (seq <= last + 1)
        return;
    snprintf(reason, sizeof(reason), "missing, with all up to %llu", (unsigned long long)seq - 1);
    s->lost = true;
    store_report_bad(s, "log", last + 1, "", 0, reason);
}

int store_log_each(struct store *s, uint64_t seq,
                   int (*fn)(void *arg, uint64_t seq, const void *data, size_t len), void *arg,
                   struct flux_error *err)
{
    sqlite3_stmt *st = s->rd_stmt[RD_LOG];
    uint64_t last = seq;
    int code;
    int r = 0;

    sqlite3_bind_int64(st, 1, seq);
    while (r >= 0 && (code = sqlite3_step(st)) == SQLITE_ROW) {
        const uint8_t *p = sqlite3_column_blob(st, 1);
        size_t n = sqlite3_column_bytes(st, 1);

        seq = sqlite3_column_int64(st, 0);
        check_gap(s, last, seq);
        last = seq;
        if (store_log_whole(seq, p, n))
            r = fn(arg, seq, p + STORE_SUM_SIZE, n - STORE_SUM_SIZE);
        else {
            s->lost = true;
            store_report_bad(s, "log", seq, p, n, "bad checksum");
        }
    }
    if (r >= 0 && code != SQLITE_DONE)
        r = store_sqlite_error(s->rd, "read log", err);
    else if (r >= 0)
        check_gap(s, last, s->log_last + 1);
    sqlite3_reset(st);
    return r < 0 ? r : 0;
}

ssize_t store_list_ids(struct store *s, enum store_kind kind, uint64_t after, uint64_t below,
                       uint64_t *ids, size_t max, struct flux_error *err)
{
    sqlite3_stmt *st = s->rd_stmt[RD_IDS];
    ssize_t n = 0;
    int code;

    sqlite3_bind_int64(st, 1, after);
    sqlite3_bind_int64(st, 2, below);
    sqlite3_bind_int64(st, 3, max);
    sqlite3_bind_int(st, 4, kind);
    while ((code = sqlite3_step(st)) == SQLITE_ROW)
        ids[n++] = sqlite3_column_int64(st, 0);
    if (code != SQLITE_DONE)
        n = store_sqlite_error(s->rd, "list blobs", err);
    sqlite3_reset(st);
    return n;
}

static int each_row(struct store *s, const char *sql, void (*row)(sqlite3_stmt *st, void *arg),
                    void *arg, struct flux_error *err)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(s->rd, sql, -1, &st, NULL);
    int r = 0;

    while ((code == SQLITE_OK || code == SQLITE_ROW) && (code = sqlite3_step(st)) == SQLITE_ROW)
        row(st, arg);
    if (code != SQLITE_DONE)
        r = store_sqlite_error(s->rd, sql, err);
    sqlite3_finalize(st);
    return r;
}

struct problem {
    void (*fn)(void *arg, const char *text);
    void *arg;
};

static void on_problem(sqlite3_stmt *st, void *arg)
{
    const char *text = (const char *)sqlite3_column_text(st, 0);
    struct problem *p = arg;

    if (text && strcmp(text, "ok") != 0)
        p->fn(p->arg, text);
}

int store_verify(struct store *s, void (*fn)(void *arg, const char *text), void *arg,
                 struct flux_error *err)
{
    struct problem p = {fn, arg};
    struct flux_error why;
    int r = each_row(s, "PRAGMA integrity_check(50)", on_problem, &p, &why);

    if (r == -EUCLEAN) {
        fn(arg, why.text);
        return 0;
    }
    return r < 0 ? flux_error_set(err, r, "%s", why.text) : 0;
}

struct quarantined {
    void (*fn)(void *arg, double time, const char *kind, uint64_t id, const char *reason);
    void *arg;
};

static void on_quarantined(sqlite3_stmt *st, void *arg)
{
    struct quarantined *q = arg;

    q->fn(q->arg, sqlite3_column_double(st, 0), (const char *)sqlite3_column_text(st, 1),
          sqlite3_column_int64(st, 2), (const char *)sqlite3_column_text(st, 3));
}

int store_quarantine_each(struct store *s,
                          void (*fn)(void *arg, double time, const char *kind, uint64_t id,
                                     const char *reason),
                          void *arg, struct flux_error *err)
{
    struct quarantined q = {fn, arg};

    return each_row(s, "SELECT time, kind, id, reason FROM quarantine ORDER BY time",
                    on_quarantined, &q, err);
}
