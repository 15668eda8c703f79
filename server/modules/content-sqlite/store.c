// SPDX-License-Identifier: LGPL-3.0-only
/* Opening and closing of content.sqlite: pragmas, the lock that keeps a second broker out, and the
 * order in which a file is examined, opened, checked and, if need be, repaired. */
#include "internal.h"

#include <endian.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_SECONDS 2.

static const char *const rd_sql[RD_COUNT] = {
    [RD_LOAD] = "SELECT data FROM blobs WHERE id = ?1",
    /* One look into each run that has a blob, the newest run first. */
    [RD_FIND] = "WITH RECURSIVE run(n) AS (SELECT max(id) >> " STR(
        STORE_RUN_BITS) " FROM blobs"
                        " UNION ALL SELECT (SELECT max(id) >> " STR(
                            STORE_RUN_BITS) " FROM blobs"
                                            " WHERE id < n << " STR(
                                                STORE_RUN_BITS) ") FROM run WHERE n IS NOT NULL)"
                                                                " SELECT id, data FROM run CROSS "
                                                                "JOIN blobs"
                                                                " WHERE " STORE_RUN
                                                                " = n AND key = ?1 AND kind < 2",
    [RD_CLIENT] = "SELECT id, data FROM blobs WHERE key = ?1 AND kind = 2",
    [RD_LOG] = "SELECT seq, data FROM log WHERE seq > ?1 ORDER BY seq",
    [RD_CHECKPOINT] = "SELECT id, log_seq, data, time FROM checkpoint"
                      " ORDER BY log_seq DESC, id DESC",
    [RD_IDS] = "SELECT id FROM blobs WHERE id > ?1 AND id < ?2 AND kind <= ?4 ORDER BY id LIMIT ?3",
};

static const char *const wr_sql[WR_COUNT] = {
    [WR_BEGIN] = "BEGIN IMMEDIATE",
    [WR_COMMIT] = "COMMIT",
    [WR_BLOB] = "INSERT OR REPLACE INTO blobs(id, key, kind, data) VALUES(?1, ?2, ?3, ?4)",
    [WR_LOG] = "INSERT INTO log(seq, data) VALUES(?1, ?2)",
    [WR_CHECKPOINT] = "INSERT INTO checkpoint(time, log_seq, data) VALUES(?1, ?2, ?3)",
    [WR_CHECKPOINT_TRIM] = "DELETE FROM checkpoint WHERE id NOT IN"
                           " (SELECT id FROM checkpoint ORDER BY id DESC LIMIT 5)",
    [WR_LOG_TRIM] = "DELETE FROM log WHERE seq <= ?1",
    [WR_SIZE] = "SELECT length(data) FROM blobs WHERE id = ?1",
    [WR_DELETE] = "DELETE FROM blobs WHERE id = ?1",
    [WR_QUARANTINE] = "INSERT OR REPLACE INTO quarantine(time, kind, id, reason, data)"
                      " VALUES(?1, ?2, ?3, ?4, ?5)",
    [WR_QUARANTINE_TRIM] = "DELETE FROM log WHERE seq = ?1",
    [WR_LAST] = "SELECT coalesce(max(id), 0) FROM blobs",
};

void store_hash(const void *data, size_t len, uint8_t hash[STORE_HASH_SIZE])
{
    crypto_generichash(hash, STORE_HASH_SIZE, data, len, NULL, 0);
}

static void sum(const uint64_t numbers[2], const void *data, size_t len,
                uint8_t out[STORE_SUM_SIZE])
{
    crypto_generichash_state st;
    uint64_t le[2] = {htole64(numbers[0]), htole64(numbers[1])};

    crypto_generichash_init(&st, NULL, 0, STORE_SUM_SIZE);
    crypto_generichash_update(&st, (const uint8_t *)le, sizeof(le));
    crypto_generichash_update(&st, data, len);
    crypto_generichash_final(&st, out, STORE_SUM_SIZE);
}

void store_sum(uint64_t a, uint64_t b, const void *data, size_t len, uint8_t out[STORE_SUM_SIZE])
{
    sum((const uint64_t[]){a, b}, data, len, out);
}

void store_sum_checkpoint(uint64_t log_seq, double time, const void *data, size_t len,
                          uint8_t out[STORE_SUM_SIZE])
{
    uint64_t bits;

    memcpy(&bits, &time, sizeof(bits));
    store_sum(log_seq, bits, data, len, out);
}

void store_ref_format(const uint8_t hash[STORE_HASH_SIZE], char text[STORE_REF_TEXT_SIZE])
{
    memcpy(text, "blake2b-", 8);
    sodium_bin2hex(text + 8, STORE_REF_TEXT_SIZE - 8, hash, STORE_HASH_SIZE);
}

int store_ref_parse(const char *text, uint8_t hash[STORE_HASH_SIZE], struct flux_error *err)
{
    size_t len = 0;

    if (strncmp(text, "blake2b-", 8) != 0 || strlen(text) != STORE_REF_TEXT_SIZE - 1 ||
        sodium_hex2bin(hash, STORE_HASH_SIZE, text + 8, 2 * STORE_HASH_SIZE, NULL, &len, NULL) <
            0 ||
        len != STORE_HASH_SIZE)
        return flux_error_set(err, -EINVAL,
                              "'%.20s...' is not a reference: expected blake2b- and %d hex digits",
                              text, 2 * STORE_HASH_SIZE);
    return 0;
}

static int no_room(sqlite3 *db, struct flux_error *err)
{
    const char *path = sqlite3_db_filename(db, "main");
    char host[256] = "this host";

    gethostname(host, sizeof(host) - 1);
    return flux_error_set(err, -ENOSPC,
                          "content store: no space left on device for %s on %s: make room there",
                          path ? path : "it", host);
}

int store_sqlite_error(sqlite3 *db, const char *what, struct flux_error *err)
{
    int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    int sys = db ? sqlite3_system_errno(db) : 0;
    bool io = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;

    if ((code & 0xff) == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE ||
        (io && (sys == ENOSPC || sys == EDQUOT)))
        return no_room(db, err);
    if ((code & 0xff) == SQLITE_BUSY)
        return flux_error_set(err, -EBUSY, "content store: %s: locked by another process", what);
    if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
        return flux_error_set(err, -EUCLEAN, "content store: %s: %s; a restart repairs it", what,
                              sqlite3_errmsg(db));
    if ((code & 0xff) == SQLITE_READONLY || (code & 0xff) == SQLITE_PERM)
        return flux_error_set(err, -EROFS, "content store: %s: %s", what, sqlite3_errmsg(db));
    return flux_error_set(err, -EIO, "content store: %s: %s", what,
                          db ? sqlite3_errmsg(db) : "cannot open");
}

/* A broker that was killed holds its lock until the kernel has taken it down: wait a moment for
 * that. */
static int wait_lock(int fd)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    double deadline = flux_monotime() + LOCK_SECONDS;

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK || flux_monotime() >= deadline)
            return -errno;
        nanosleep(&pause, NULL);
    }
    return 0;
}

/* Does the path still lead to the file that was opened? A repair puts another in its place. */
static bool same_file(int fd, const char *path)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

static int take_lock(struct store *s, struct flux_error *err)
{
    int r;

    do {
        if (s->lock >= 0)
            close(s->lock);
        s->lock = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (s->lock < 0)
            return flux_error_sys(err, -errno, "content store: cannot open %s", s->path);
        r = wait_lock(s->lock);
        if (r < 0)
            return flux_error_set(err, r == -EWOULDBLOCK ? -EBUSY : r,
                                  "content store: %s is in use by another broker", s->path);
    } while (!same_file(s->lock, s->path));
    return 0;
}

static int run_sql(sqlite3 *db, const char *sql, const char *what, struct flux_error *err)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return store_sqlite_error(db, what, err);
    return 0;
}

/* SQLite's own locks stay NORMAL: two connections of ours share the file; the flock excludes
 * others. */
static int open_db(struct store *s, sqlite3 **db, const char *vfs, struct flux_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int r;

    if (sqlite3_open_v2(s->path, db, flags, vfs) != SQLITE_OK)
        return store_sqlite_error(*db, s->path, err);
    sqlite3_busy_timeout(*db, 5000);
    sqlite3_extended_result_codes(*db, 1);
    r = run_sql(*db,
                s->sync ? "PRAGMA synchronous=FULL; PRAGMA cache_size=-1024"
                        : "PRAGMA synchronous=OFF; PRAGMA cache_size=-1024",
                s->path, err);
    return r;
}

static int prepare(sqlite3 *db, const char *const *sql, sqlite3_stmt **st, int count,
                   struct flux_error *err)
{
    for (int i = 0; i < count; i++) {
        if (sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &st[i], NULL) !=
            SQLITE_OK)
            return store_sqlite_error(db, sql[i], err);
    }
    return 0;
}

static int open_dbs(struct store *s, const struct store_options *opt, struct flux_error *err)
{
    int r;

    if ((r = open_db(s, &s->wr, opt->vfs, err)) < 0 ||
        (r = store_schema_check(s->wr, s->path, &s->mark, err)) < 0 ||
        (r == 1 && (r = store_schema_create(s->wr, err)) < 0) ||
        (r = run_sql(s->wr,
                     "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=1000;"
                     "PRAGMA journal_size_limit=67108864",
                     s->path, err)) < 0 ||
        (r = prepare(s->wr, wr_sql, s->wr_stmt, WR_COUNT, err)) < 0 ||
        (r = open_db(s, &s->rd, opt->vfs, err)) < 0)
        return r;
    return prepare(s->rd, rd_sql, s->rd_stmt, RD_COUNT, err);
}

static void close_dbs(struct store *s)
{
    for (int i = 0; i < RD_COUNT; i++)
        sqlite3_finalize(FLUX_GIVE(s->rd_stmt[i]));
    for (int i = 0; i < WR_COUNT; i++)
        sqlite3_finalize(FLUX_GIVE(s->wr_stmt[i]));
    sqlite3_close(FLUX_GIVE(s->rd));
    sqlite3_close(FLUX_GIVE(s->wr));
}

/* 1: it is damaged, and *err says how. */
static int open_once(struct store *s, const struct store_options *opt, struct flux_error *err)
{
    int r = take_lock(s, err);

    if (r == 0 && opt->keep)
        r = store_examine(s, err);
    if (r == 0)
        r = open_dbs(s, opt, err);
    if (r == 0)
        r = store_check(s, err);
    return r == -EUCLEAN && opt->keep ? 1 : r;
}

static int open_all(struct store *s, const struct store_options *opt, struct flux_error *err)
{
    struct flux_error reason = {""};
    int r = open_once(s, opt, &reason);

    if (r == 1) {
        close_dbs(s);
        r = store_repair(s, reason.text, err);
        if (r < 0)
            return r;
        r = open_once(s, opt, &reason);
    }
    if (r < 0)
        return flux_error_set(err, r, "%s", reason.text);
    return store_accept(s, r == 1 ? reason.text : NULL, err);
}

int store_open(struct store **ret, const char *path, const struct store_options *opt,
               struct flux_error *err)
{
    struct store *s = flux_alloc(sizeof(*s));
    int r;

    if (sodium_init() < 0) {
        free(s);
        return flux_error_set(err, -EIO, "content store: libsodium cannot start");
    }
    s->path = flux_strdup(path);
    s->lock = s->mark.fd = -1;
    s->sync = opt->sync;
    s->damaged = opt->damaged;
    s->arg = opt->arg;
    STAILQ_INIT(&s->bads);
    r = open_all(s, opt, err);
    if (r < 0) {
        store_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    close_dbs(s);
    store_end(s);
    store_mark_close(&s->mark);
    if (s->lock >= 0)
        close(s->lock);
    store_bads_free(&s->bads);
    free(s->path);
    free(s);
}

bool store_is_sync(const struct store *s)
{
    return s->sync;
}

uint64_t store_new_id(struct store *s)
{
    return s->next_id++;
}

uint64_t store_next_id(const struct store *s)
{
    return s->next_id;
}

uint64_t store_log_last(const struct store *s)
{
    return s->log_last;
}

void store_set_collected(struct store *s, uint64_t below, uint64_t live)
{
    s->mark.collected = below;
    s->mark.live = live;
}

void store_get_collected(const struct store *s, uint64_t *below, uint64_t *live)
{
    *below = s->mark.collected;
    *live = s->mark.live;
}

void store_get_stats(struct store *s, struct store_stats *out)
{
    int64_t pages = 0, size = 0;

    store_query(s->rd, "PRAGMA page_count", &pages, NULL);
    store_query(s->rd, "PRAGMA page_size", &size, NULL);
    out->file_bytes = pages * size;
    out->quarantined = s->quarantined;
    out->lost = s->lost;
}

void store_release_memory(struct store *s)
{
    sqlite3_db_release_memory(s->rd);
    sqlite3_db_release_memory(s->wr);
}
