// SPDX-License-Identifier: LGPL-3.0-only
/* The history of finished jobs: one table, a row a job, in a SQLite file of its own. It is written
 * in transactions of what ended together, and never synced: all of it can be made again from the
 * KVS (rebuild.c), which is what happens when it is missing or damaged. Each row has a sum. */
#include "history.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FORMAT "2"
#define SUM_SIZE 16

/* A broker that was killed may still be on its way out of the file. */
#define BUSY_MS 2000

static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-512;"
    "PRAGMA wal_autocheckpoint=256; PRAGMA locking_mode=EXCLUSIVE;"
    "CREATE TABLE IF NOT EXISTS jobs("
    " id INTEGER PRIMARY KEY, userid INT, t_inactive REAL, result INT, name TEXT, queue TEXT,"
    " job BLOB NOT NULL, sum BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS by_end ON jobs(t_inactive);"
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT);"
    "PRAGMA user_version=" FORMAT ";";

static int fail(struct history *hy, const char *what, struct flux_error *err)
{
    int code = sqlite3_errcode(hy->db);
    int r = code == SQLITE_FULL                               ? -ENOSPC
            : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? -EUCLEAN
                                                              : -EIO;

    if (r == -ENOSPC)
        return flux_error_set(err, r, "job history: no space left on device for %s",
                              sqlite3_db_filename(hy->db, "main"));
    return flux_error_set(err, r, "job history: %s: %s", what, sqlite3_errmsg(hy->db));
}

static int prepare(struct history *hy, const char *sql, sqlite3_stmt **ret, struct flux_error *err)
{
    if (sqlite3_prepare_v2(hy->db, sql, -1, ret, NULL) != SQLITE_OK)
        return fail(hy, sql, err);
    return 0;
}

static char *query_text(struct history *hy, const char *sql)
{
    sqlite3_stmt *st = NULL;
    char *text = NULL;

    if (sqlite3_prepare_v2(hy->db, sql, -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        text = flux_strdup((const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    return text;
}

/* -EUCLEAN: it is damaged, or of another format. */
static int check(struct history *hy, struct flux_error *err)
{
    FLUX_AUTO_STR tables = query_text(hy, "SELECT count(*) FROM sqlite_master");
    FLUX_AUTO_STR version = query_text(hy, "PRAGMA user_version");
    FLUX_AUTO_STR state = NULL;

    if (!tables || !version)
        return flux_error_set(err, -EUCLEAN, "%s", sqlite3_errmsg(hy->db));
    if (strcmp(tables, "0") == 0)
        return 0;
    if (strcmp(version, FORMAT) != 0)
        return flux_error_set(err, -EUCLEAN, "it has format %s, not " FORMAT, version);
    state = query_text(hy, "PRAGMA quick_check(1)");
    if (!state || strcmp(state, "ok") != 0)
        return flux_error_set(err, -EUCLEAN, "%s", state ? state : sqlite3_errmsg(hy->db));
    return 0;
}

static int prepare_all(struct history *hy, struct flux_error *err)
{
    int r = prepare(hy, "INSERT OR REPLACE INTO jobs VALUES(?,?,?,?,?,?,?,?)", &hy->put, err);

    if (r == 0)
        r = prepare(hy, "SELECT job, sum, id FROM jobs WHERE id=?", &hy->get, err);
    if (r == 0)
        r = prepare(hy, "SELECT 1 FROM jobs WHERE id=?", &hy->has, err);
    if (r == 0)
        r = prepare(hy, "DELETE FROM jobs WHERE id=?", &hy->remove, err);
    if (r == 0)
        r = prepare(hy, "INSERT OR REPLACE INTO meta VALUES('seq', ?)", &hy->count, err);
    return r;
}

static int open_once(struct history *hy, const char *path, struct flux_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* not for all to read */
    int r = 0;

    if (fd >= 0)
        close(fd); /* before SQLite has locks, which would go with it */
    if (sqlite3_open(path, &hy->db) != SQLITE_OK ||
        sqlite3_busy_timeout(hy->db, BUSY_MS) != SQLITE_OK)
        return fail(hy, path, err);
    r = check(hy, err);
    if (r == 0 && sqlite3_exec(hy->db, schema, NULL, NULL, NULL) != SQLITE_OK)
        r = fail(hy, path, err);
    return r < 0 ? r : prepare_all(hy, err);
}

static void close_db(struct history *hy)
{
    sqlite3_finalize(FLUX_GIVE(hy->put));
    sqlite3_finalize(FLUX_GIVE(hy->get));
    sqlite3_finalize(FLUX_GIVE(hy->has));
    sqlite3_finalize(FLUX_GIVE(hy->remove));
    sqlite3_finalize(FLUX_GIVE(hy->count));
    sqlite3_close(FLUX_GIVE(hy->db));
}

/* Keep the file under another name. Caller frees that. */
static char *put_aside(const char *path)
{
    time_t now = (time_t)flux_walltime();
    FLUX_AUTO_STR wal = flux_printf("%s-wal", path);
    FLUX_AUTO_STR to_wal = NULL;
    char stamp[32];
    struct tm tm;
    char *to;

    gmtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
    to = flux_printf("%s.damaged-%s", path, stamp);
    for (int i = 1; access(to, F_OK) == 0; i++) {
        free(to);
        to = flux_printf("%s.damaged-%s.%d", path, stamp, i);
    }
    to_wal = flux_printf("%s-wal", to);
    rename(wal, to_wal);
    rename(path, to);
    return to;
}

/* Differs after the machine has been started anew. */
static char *boot_id(void)
{
    FLUX_AUTO_FD int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    char text[64];
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

    return flux_strndup(text, n > 36 ? 36 : n < 0 ? 0 : n);
}

/* SQLite takes a log of its own that has been cut off for one that ends there. So transactions are
 * numbered, and the number of the last is kept beside the file, too. */
static void open_mark(struct history *hy, const char *path)
{
    FLUX_AUTO_STR name = flux_printf("%s-mark", path);
    FLUX_AUTO_STR text = query_text(hy, "SELECT value FROM meta WHERE key='seq'");

    hy->mark = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    hy->seq = text ? strtoull(text, NULL, 10) : 0;
}

static bool mark_agrees(const struct history *hy)
{
    uint64_t seq = 0;

    return pread(hy->mark, &seq, sizeof(seq), 0) == sizeof(seq) ? seq == hy->seq : hy->seq == 0;
}

static void write_mark(const struct history *hy, uint64_t seq)
{
    if (pwrite(hy->mark, &seq, sizeof(seq), 0) < 0)
        return; /* the next start makes the history again */
}

void history_fell_behind(struct history *hy)
{
    write_mark(hy, UINT64_MAX);
}

/* Who has it open: what a process wrote outlives it, but not the machine. */
static bool set_open(struct history *hy, const char *by)
{
    char *sql = sqlite3_mprintf("INSERT OR REPLACE INTO meta VALUES('open', %Q)", by);
    bool done = sqlite3_exec(hy->db, sql, NULL, NULL, NULL) == SQLITE_OK;

    sqlite3_free(sql);
    return done;
}

static bool is_incomplete(struct history *hy, const char *boot)
{
    FLUX_AUTO_STR open = query_text(hy, "SELECT value FROM meta WHERE key='open'");
    FLUX_AUTO_STR any = query_text(hy, "SELECT 1 FROM jobs LIMIT 1");

    return !any || (open && strcmp(open, boot) != 0) || !mark_agrees(hy);
}

int history_open(const char *path, struct history **ret, char **note, struct flux_error *err)
{
    struct history *hy = flux_alloc(sizeof(*hy));
    FLUX_AUTO_STR boot = boot_id();
    struct flux_error why;
    int r = sodium_init() < 0 ? -EIO : open_once(hy, path, &why);

    *note = NULL;
    hy->mark = -1;
    if (r == -EUCLEAN) {
        FLUX_AUTO_STR kept = NULL;

        close_db(hy);
        kept = put_aside(path);
        *note = flux_printf("job history: %s cannot be used (%s) and is kept as %s; it is made "
                            "again from the KVS",
                            path, why.text, kept);
        r = open_once(hy, path, &why);
    }
    if (r < 0) {
        history_close(hy);
        return flux_error_set(err, r, "%s", why.text);
    }
    open_mark(hy, path);
    hy->incomplete = is_incomplete(hy, boot);
    if (set_open(hy, hy->incomplete ? "rebuild" : boot))
        write_mark(hy, hy->seq);
    *ret = hy;
    return 0;
}

void history_close(struct history *hy)
{
    if (!hy)
        return;
    history_commit(hy, NULL);
    if (hy->put && !hy->incomplete)
        sqlite3_exec(hy->db, "DELETE FROM meta WHERE key='open'", NULL, NULL, NULL);
    close_db(hy);
    if (hy->mark >= 0)
        close(hy->mark);
    free(hy);
}

bool history_is_incomplete(const struct history *hy)
{
    return hy->incomplete;
}

void history_set_complete(struct history *hy)
{
    FLUX_AUTO_STR boot = boot_id();

    set_open(hy, boot);
    hy->incomplete = false;
}

bool history_claim(struct history *hy, const char *store)
{
    FLUX_AUTO_STR known = query_text(hy, "SELECT value FROM meta WHERE key='store'");
    char *sql = sqlite3_mprintf("INSERT OR REPLACE INTO meta VALUES('store', %Q)", store);

    sqlite3_exec(hy->db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    if (!known || strcmp(known, store) == 0)
        return false;
    sqlite3_exec(hy->db, "DELETE FROM jobs", NULL, NULL, NULL);
    set_open(hy, "rebuild");
    hy->incomplete = true;
    return true;
}

bool history_has(struct history *hy, uint64_t id)
{
    bool found;

    sqlite3_bind_int64(hy->has, 1, (sqlite3_int64)id);
    found = sqlite3_step(hy->has) == SQLITE_ROW;
    sqlite3_reset(hy->has);
    return found;
}

void history_on_bad(struct history *hy, void (*fn)(void *arg, uint64_t id), void *arg)
{
    hy->on_bad = fn;
    hy->on_bad_arg = arg;
}

void history_begin(struct history *hy)
{
    if (!hy->in_transaction && sqlite3_exec(hy->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK)
        hy->in_transaction = true;
}

int history_commit(struct history *hy, struct flux_error *err)
{
    int r = 0;

    if (!hy->in_transaction)
        return 0;
    hy->in_transaction = false;
    sqlite3_bind_int64(hy->count, 1, (sqlite3_int64)hy->seq + 1);
    if (sqlite3_step(hy->count) != SQLITE_DONE)
        r = fail(hy, "count", err);
    sqlite3_reset(hy->count);
    if (r == 0 && sqlite3_exec(hy->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK) {
        write_mark(hy, ++hy->seq);
        return 0;
    }
    if (r == 0)
        fail(hy, "commit", err);
    sqlite3_exec(hy->db, "ROLLBACK", NULL, NULL, NULL);
    return -ENOSPC;
}

int history_put(struct history *hy, const flux_job_list_job *job, struct flux_error *err)
{
    size_t n = protobuf_c_message_get_packed_size(&job->base);
    FLUX_AUTO_MEM(uint8_t) data = flux_alloc(n);
    uint8_t sum[SUM_SIZE];
    int rc;

    protobuf_c_message_pack(&job->base, data);
    sqlite3_bind_int64(hy->put, 1, (sqlite3_int64)job->id);
    sqlite3_bind_int64(hy->put, 2, job->userid);
    sqlite3_bind_double(hy->put, 3, job->t_inactive);
    sqlite3_bind_int(hy->put, 4, job->result);
    sqlite3_bind_text(hy->put, 5, job->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(hy->put, 6, job->queue, -1, SQLITE_STATIC);
    sqlite3_bind_blob(hy->put, 7, data, n, SQLITE_STATIC);
    crypto_generichash(sum, sizeof(sum), data, n, NULL, 0);
    sqlite3_bind_blob(hy->put, 8, sum, sizeof(sum), SQLITE_STATIC);
    rc = sqlite3_step(hy->put);
    sqlite3_reset(hy->put);
    return rc == SQLITE_DONE ? 0 : fail(hy, "insert", err);
}

void history_remove(struct history *hy, uint64_t id)
{
    sqlite3_bind_int64(hy->remove, 1, (sqlite3_int64)id);
    sqlite3_step(hy->remove);
    sqlite3_reset(hy->remove);
}

static bool row_whole(sqlite3_stmt *st)
{
    uint8_t sum[SUM_SIZE];

    crypto_generichash(sum, sizeof(sum), sqlite3_column_blob(st, 0), sqlite3_column_bytes(st, 0),
                       NULL, 0);
    return sqlite3_column_bytes(st, 1) == SUM_SIZE &&
           memcmp(sqlite3_column_blob(st, 1), sum, SUM_SIZE) == 0;
}

/* The row's message, in memory of the call; NULL if the row (job, sum, id) is damaged. */
static flux_job_list_job *decode(struct history *hy, sqlite3_stmt *st, struct flux_call *call)
{
    ProtobufCMessage *m = NULL;

    if (row_whole(st))
        m = protobuf_c_message_unpack(&flux__v1__job_list_job__descriptor,
                                      flux_call_allocator(call), sqlite3_column_bytes(st, 0),
                                      sqlite3_column_blob(st, 0));
    if (m && ((flux_job_list_job *)m)->id != (uint64_t)sqlite3_column_int64(st, 2))
        m = NULL;
    if (!m && hy->on_bad)
        hy->on_bad(hy->on_bad_arg, (uint64_t)sqlite3_column_int64(st, 2));
    return (flux_job_list_job *)m;
}

/* A query that ends early would be silent about the rest. */
static void check_end(struct history *hy, int code)
{
    if (code != SQLITE_ROW && code != SQLITE_DONE && hy->on_bad)
        hy->on_bad(hy->on_bad_arg, 0);
}

bool history_get(struct history *hy, uint64_t id, flux_job_list_job *ret, struct flux_call *call)
{
    flux_job_list_job *job = NULL;
    int code;

    sqlite3_bind_int64(hy->get, 1, (sqlite3_int64)id);
    code = sqlite3_step(hy->get);
    if (code == SQLITE_ROW)
        job = decode(hy, hy->get, call);
    check_end(hy, code);
    sqlite3_reset(hy->get);
    if (job)
        *ret = *job;
    return job;
}

static void bind_query(sqlite3_stmt *st, const flux_job_list_list_request *in, bool any_user)
{
    sqlite3_bind_double(st, 1, in->since);
    sqlite3_bind_int(st, 2, any_user);
    sqlite3_bind_int64(st, 3, in->userid);
    sqlite3_bind_int64(st, 4, in->results);
    sqlite3_bind_text(st, 5, in->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 6, in->queue, -1, SQLITE_STATIC);
}

void history_visit(struct history *hy, const flux_job_list_list_request *in, bool any_user,
                   struct flux_call *call, bool (*cb)(flux_job_list_job *job, void *arg), void *arg)
{
    sqlite3_stmt *st;
    bool more = true;
    int code = SQLITE_DONE;

    if (sqlite3_prepare_v2(
            hy->db,
            "SELECT job, sum, id FROM jobs WHERE t_inactive>=?1 AND (?2 OR userid=?3) AND"
            " (?4=0 OR result&?4) AND (?5='' OR name=?5) AND (?6='' OR queue=?6)"
            " ORDER BY t_inactive DESC",
            -1, &st, NULL) != SQLITE_OK)
        return;
    bind_query(st, in, any_user);
    while (more && (code = sqlite3_step(st)) == SQLITE_ROW) {
        flux_job_list_job *job = decode(hy, st, call);
        if (job)
            more = cb(job, arg);
    }
    check_end(hy, code);
    sqlite3_finalize(st);
}
