// SPDX-License-Identifier: LGPL-3.0-only
/* Is the file whole when it is opened, and what is done if it is not: the damaged files are kept
 * under names of their own, and a new one with every row that proves itself takes their place.
 *
 * The exchange survives a crash at any point: PATH.salvage is being written and worth nothing;
 * PATH.salvaged is complete, and from its appearance on the old files are no longer needed. */
#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Files up to this size are looked through at every start; larger ones then if there is a reason,
 * else soon after. */
#define CHECK_BYTES (24u << 20)

static char *beside(const struct store *s, const char *suffix)
{
    return flux_printf("%s%s", s->path, suffix);
}

static void sync_dir(const struct store *s)
{
    const char *slash = strrchr(s->path, '/');
    FLUX_AUTO_STR dir = slash ? flux_strndup(s->path, slash - s->path) : flux_strdup(".");
    FLUX_AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        fsync(fd);
}

/* Put PATH.salvaged in its place, if there is one. */
static int finish_repair(struct store *s, struct flux_error *err)
{
    FLUX_AUTO_STR done = beside(s, ".salvaged");
    FLUX_AUTO_STR wal = beside(s, "-wal");
    FLUX_AUTO_STR shm = beside(s, "-shm");

    if (access(done, F_OK) < 0)
        return 0;
    if ((unlink(wal) < 0 && errno != ENOENT) || (unlink(shm) < 0 && errno != ENOENT) ||
        rename(done, s->path) < 0)
        return flux_error_sys(err, -errno, "content store: cannot put %s in its place", done);
    sync_dir(s);
    return 1;
}

static int check_owner(const struct store *s, const struct stat *st, struct flux_error *err)
{
    if (!S_ISREG(st->st_mode))
        return flux_error_set(err, -EINVAL, "content store: %s is not a regular file", s->path);
    if (st->st_uid != geteuid())
        return flux_error_set(err, -EPERM,
                              "content store: %s belongs to user %u, this broker runs as user %u: "
                              "chown the files in its directory",
                              s->path, st->st_uid, geteuid());
    return 0;
}

/* Nothing is left of a store that had something in it. */
static int refuse_empty(const struct store *s, const char *what, struct flux_error *err)
{
    return flux_error_set(err, -EUCLEAN,
                          "content store: %s %s, although transactions up to %llu have been stored "
                          "in it, and nothing can be read back; restore it from a dump "
                          "(-Scontent.restore=FILE), or remove %s-mark, too, to begin with an "
                          "empty one",
                          s->path, what, (unsigned long long)s->mark.log_seq, s->path);
}

/* The fields of SQLite's header that never change in a store of ours; some of them, damaged, would
 * make SQLite take the file for one that it may not write to. */
static bool header_whole(const char *path)
{
    static const uint8_t begin[] = "SQLite format 3", fractions[] = {0, 64, 32, 32};
    static const uint8_t format[] = {0, 0, 0, 4}, utf8[] = {0, 0, 0, 1};
    FLUX_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t h[100];

    return fd >= 0 && pread(fd, h, sizeof(h), 0) == sizeof(h) &&
           memcmp(h, begin, sizeof(begin)) == 0 && h[16] == STORE_PAGE >> 8 && h[17] == 0 &&
           (h[18] == 1 || h[18] == 2) && h[19] == h[18] &&
           memcmp(h + 20, fractions, sizeof(fractions)) == 0 &&
           memcmp(h + 44, format, sizeof(format)) == 0 && memcmp(h + 56, utf8, sizeof(utf8)) == 0;
}

int store_examine(struct store *s, struct flux_error *err)
{
    struct store_wal wal;
    bool damaged;
    struct stat st;
    int r = finish_repair(s, err);

    if (r == 0)
        r = store_mark_open(&s->mark, s->path, err);
    if (r >= 0 && stat(s->path, &st) < 0)
        r = flux_error_sys(err, -errno, "content store: cannot look at %s", s->path);
    if (r >= 0)
        r = check_owner(s, &st, err);
    if (r < 0)
        return r;
    store_wal_inspect(&wal, s->path);
    damaged = wal.damaged;
    store_wal_done(&wal);
    if (damaged)
        return flux_error_set(err, 1, "its write-ahead log is damaged before its end");
    s->mark.valid &= s->mark.log_seq > 0 || s->mark.last_id > 0; /* else nothing was in it yet */
    if (s->mark.valid && st.st_size == 0)
        return flux_error_set(err, 1, "it is empty");
    if (s->mark.valid && !header_whole(s->path))
        return flux_error_set(err, 1, "its header is damaged");
    return 0;
}

int store_query(sqlite3 *db, const char *sql, int64_t *ret, struct flux_error *err)
{
    sqlite3_stmt *st = NULL;
    int r = 0;

    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
        r = store_sqlite_error(db, sql, err);
    else
        *ret = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return r;
}

/* SQLite's own look at its trees and free lists. 1: something is wrong. */
static int check_structure(sqlite3 *db, struct flux_error *err)
{
    sqlite3_stmt *st = NULL;
    const char *text;
    int r = 0;

    if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW)
        r = store_sqlite_error(db, "check", err);
    else {
        text = (const char *)sqlite3_column_text(st, 0);
        if (strncmp(text, "***", 3) == 0 && strchr(text, '\n'))
            text = strchr(text, '\n') + 1; /* "*** in database main ***" */
        if (strcmp(text, "ok") != 0)
            r = flux_error_set(err, 1, "its structure is damaged (%.*s)", (int)strcspn(text, "\n*"),
                               text);
    }
    sqlite3_finalize(st);
    return r == -EUCLEAN ? 1 : r;
}

static int is_stopped(void *arg)
{
    return atomic_load((atomic_bool *)arg);
}

int store_check_beside(const struct store *s, atomic_bool *stop, struct flux_error *err)
{
    sqlite3 *db = NULL;
    int r = 0;

    if (sqlite3_open_v2(s->path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        r = store_sqlite_error(db, s->path, err);
    else {
        sqlite3_progress_handler(db, 10000, is_stopped, stop);
        r = check_structure(db, err);
    }
    sqlite3_close(db);
    return r;
}

bool store_wants_check(const struct store *s)
{
    return s->unchecked;
}

void store_set_suspect(struct store *s)
{
    s->rd_suspect = true;
}

static int read_ends(struct store *s, struct flux_error *err)
{
    int64_t last_blob = 0, last_log = 0, bad = 0;
    int r;

    if ((r = store_query(s->rd, "SELECT coalesce(max(id), 0) FROM blobs", &last_blob, err)) < 0 ||
        (r = store_query(s->rd,
                         "SELECT max(coalesce((SELECT max(seq) FROM log), 0),"
                         " coalesce((SELECT max(log_seq) FROM checkpoint), 0))",
                         &last_log, err)) < 0 ||
        (r = store_query(s->rd, "SELECT count(*) FROM quarantine", &bad, err)) < 0)
        return r == -EUCLEAN ? 1 : r;
    s->next_id = last_blob + 1;
    s->log_last = last_log;
    s->quarantined = bad;
    return 0;
}

/* Now, or (a large file whose length is what it was, or whose writer was killed) beside everything
 * else? */
static bool is_checked_now(struct store *s, uint64_t bytes)
{
    const struct store_mark *m = &s->mark;

    s->unchecked =
        m->valid && !m->suspect && bytes > CHECK_BYTES && (!m->clean || m->file_bytes == bytes);
    return !s->unchecked;
}

int store_check(struct store *s, struct flux_error *err)
{
    struct stat st;
    int r = read_ends(s, err);

    if (r != 0 || s->mark.fd < 0)
        return r;
    if (stat(s->path, &st) == 0 && is_checked_now(s, st.st_size))
        r = check_structure(s->wr, err);
    if (r == 0 && s->mark.valid && s->log_last < s->mark.log_seq)
        r = flux_error_set(err, 1, "transactions %llu to %llu are missing",
                           (unsigned long long)s->log_last + 1,
                           (unsigned long long)s->mark.log_seq);
    if (r == 0 && s->mark.valid && s->next_id <= s->mark.last_id)
        r = flux_error_set(err, 1, "blobs up to %llu are missing",
                           (unsigned long long)s->mark.last_id);
    return r;
}

/* Both files under the same new name, which is free. Caller frees it. */
static char *keep_damaged(struct store *s, struct flux_error *err)
{
    FLUX_AUTO_STR wal = beside(s, "-wal");
    FLUX_AUTO_STR name = NULL;
    FLUX_AUTO_STR wal_name = NULL;
    time_t now = (time_t)flux_walltime();
    char stamp[32];
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
    for (int i = 0; i < 1000; i++) {
        free(name);
        name = i ? flux_printf("%s.damaged-%s.%d", s->path, stamp, i)
                 : flux_printf("%s.damaged-%s", s->path, stamp);
        if (link(s->path, name) == 0)
            break;
        if (errno != EEXIST) {
            flux_error_sys(err, -errno, "content store: cannot keep the damaged file as %s", name);
            return NULL;
        }
    }
    wal_name = flux_printf("%s-wal", name);
    if (link(wal, wal_name) < 0 && errno != ENOENT) {
        flux_error_sys(err, -errno, "content store: cannot keep the damaged file as %s", wal_name);
        return NULL;
    }
    return FLUX_GIVE(name);
}

static int salvage(struct store *s, struct store_salvaged *got, struct flux_error *err)
{
    FLUX_AUTO_STR temp = beside(s, ".salvage");
    FLUX_AUTO_STR journal = beside(s, ".salvage-journal");
    int r;

    unlink(temp);
    unlink(journal);
    r = store_salvage(s->path, temp, s->mark.valid ? s->mark.last_id : 0, got, err);
    if (r == 0 && got->blobs + got->logs + got->checkpoints == 0)
        r = -ENODATA;
    if (r < 0)
        unlink(temp);
    return r;
}

int store_repair(struct store *s, const char *reason, struct flux_error *err)
{
    FLUX_AUTO_STR temp = beside(s, ".salvage");
    FLUX_AUTO_STR done = beside(s, ".salvaged");
    FLUX_AUTO_STR kept = NULL;
    struct store_salvaged got;
    int r = salvage(s, &got, err);

    if (r == -ENODATA)
        return s->mark.valid
                   ? refuse_empty(s, "is damaged", err)
                   : flux_error_set(err, -EUCLEAN,
                                    "content store: %s: %s, and nothing in it can be read: if it "
                                    "ever was a store, restore it from a dump; move it away to "
                                    "begin with an empty one",
                                    s->path, reason);
    if (r < 0)
        return flux_error_prefix(err, r, "%s: %s; repair failed", s->path, reason);
    kept = keep_damaged(s, err);
    if (!kept)
        return -EIO;
    if (rename(temp, done) < 0)
        return flux_error_sys(err, -errno, "content store: cannot rename %s", temp);
    sync_dir(s);
    r = finish_repair(s, err);
    if (r < 0)
        return r;
    s->lost = true;
    store_tell(s,
               "%s: %s; %llu blobs, %llu transactions and %llu checkpoints were saved from it; it "
               "is kept as %s; run flux fsck",
               s->path, reason, (unsigned long long)got.blobs, (unsigned long long)got.logs,
               (unsigned long long)got.checkpoints, kept);
    return 0;
}

int store_accept(struct store *s, const char *missing, struct flux_error *err)
{
    if (missing) {
        s->lost = true;
        store_tell(s, "%s: %s: they were acknowledged, and cannot be recovered", s->path, missing);
        store_report_bad(s, "file", (uint64_t)flux_walltime(), "", 0, missing);
    }
    if (s->mark.fd < 0)
        return 0;
    s->mark.log_seq = s->log_last;
    if (s->mark.valid && s->mark.last_id >= s->next_id) {
        uint64_t last = s->next_id - 1;

        s->next_id = s->mark.last_id + 1;
        s->mark.last_id = last;
    } else
        s->mark.last_id = s->next_id - 1;
    s->mark.clean = s->mark.suspect = false;
    s->open = true;
    store_mark_write(&s->mark);
    return 0;
}

void store_end(struct store *s)
{
    FLUX_AUTO_STR wal = beside(s, "-wal");
    struct stat st;

    if (!s->open || s->mark.fd < 0)
        return;
    s->mark.suspect = s->rd_suspect || s->wr_suspect;
    s->mark.clean = !s->mark.suspect && access(wal, F_OK) < 0 && stat(s->path, &st) == 0;
    s->mark.file_bytes = s->mark.clean ? (uint64_t)st.st_size : 0;
    store_mark_write(&s->mark);
}
