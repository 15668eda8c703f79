// SPDX-License-Identifier: LGPL-3.0-only
/* The history of finished jobs: one table, a row a job, in a SQLite file of its own. It is written
 * in transactions of what ended together; what a crash of the machine may cost here, the job
 * manager tells again from the KVS. */
#include <stdio.h>

#include <sqlite3.h>

#include "list.h"

/* A broker that was killed may still be on its way out of the file. */
#define BUSY_MS 2000

struct history {
    sqlite3 *db;
    sqlite3_stmt *put, *get, *remove;
    bool in_transaction;
};

static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-512;"
    "PRAGMA wal_autocheckpoint=256; PRAGMA locking_mode=EXCLUSIVE;"
    "CREATE TABLE IF NOT EXISTS jobs("
    " id INTEGER PRIMARY KEY, userid INT, t_inactive REAL, result INT, name TEXT, queue TEXT,"
    " job BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS by_end ON jobs(t_inactive);";

static int fail(struct history *hy, const char *what, struct flux_error *err)
{
    int r = sqlite3_errcode(hy->db) == SQLITE_FULL ? -ENOSPC : -EIO;

    return flux_error_set(err, r, "job history: %s: %s", what, sqlite3_errmsg(hy->db));
}

static int prepare(struct history *hy, const char *sql, sqlite3_stmt **ret, struct flux_error *err)
{
    if (sqlite3_prepare_v2(hy->db, sql, -1, ret, NULL) != SQLITE_OK)
        return fail(hy, sql, err);
    return 0;
}

int history_open(const char *path, struct history **ret, struct flux_error *err)
{
    struct history *hy = flux_alloc(sizeof(*hy));
    int r = 0;

    if (sqlite3_open(path, &hy->db) != SQLITE_OK ||
        sqlite3_busy_timeout(hy->db, BUSY_MS) != SQLITE_OK ||
        sqlite3_exec(hy->db, schema, NULL, NULL, NULL) != SQLITE_OK)
        r = fail(hy, path, err);
    if (r == 0)
        r = prepare(hy, "INSERT OR REPLACE INTO jobs VALUES(?,?,?,?,?,?,?)", &hy->put, err);
    if (r == 0)
        r = prepare(hy, "SELECT job FROM jobs WHERE id=?", &hy->get, err);
    if (r == 0)
        r = prepare(hy, "DELETE FROM jobs WHERE id=?", &hy->remove, err);
    if (r < 0)
        history_close(hy);
    else
        *ret = hy;
    return r;
}

void history_close(struct history *hy)
{
    if (!hy)
        return;
    history_commit(hy, NULL);
    sqlite3_finalize(hy->put);
    sqlite3_finalize(hy->get);
    sqlite3_finalize(hy->remove);
    sqlite3_close(hy->db);
    free(hy);
}

void history_begin(struct history *hy)
{
    if (!hy->in_transaction && sqlite3_exec(hy->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK)
        hy->in_transaction = true;
}

int history_commit(struct history *hy, struct flux_error *err)
{
    if (!hy->in_transaction)
        return 0;
    hy->in_transaction = false;
    if (sqlite3_exec(hy->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    fail(hy, "commit", err);
    sqlite3_exec(hy->db, "ROLLBACK", NULL, NULL, NULL);
    return -ENOSPC;
}

int history_put(struct history *hy, const flux_job_list_job *job, struct flux_error *err)
{
    size_t n = protobuf_c_message_get_packed_size(&job->base);
    FLUX_AUTO_MEM(uint8_t) data = flux_alloc(n);
    int rc;

    protobuf_c_message_pack(&job->base, data);
    sqlite3_bind_int64(hy->put, 1, (sqlite3_int64)job->id);
    sqlite3_bind_int64(hy->put, 2, job->userid);
    sqlite3_bind_double(hy->put, 3, job->t_inactive);
    sqlite3_bind_int(hy->put, 4, job->result);
    sqlite3_bind_text(hy->put, 5, job->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(hy->put, 6, job->queue, -1, SQLITE_STATIC);
    sqlite3_bind_blob(hy->put, 7, data, n, SQLITE_STATIC);
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

/* The row's message, in memory of the call; NULL if it does not decode. */
static flux_job_list_job *decode(sqlite3_stmt *st, int column, struct flux_call *call)
{
    size_t n = sqlite3_column_bytes(st, column);
    ProtobufCMessage *m =
        protobuf_c_message_unpack(&flux__v1__job_list_job__descriptor, flux_call_allocator(call), n,
                                  sqlite3_column_blob(st, column));

    return (flux_job_list_job *)m;
}

bool history_get(struct history *hy, uint64_t id, flux_job_list_job *ret, struct flux_call *call)
{
    flux_job_list_job *job = NULL;

    sqlite3_bind_int64(hy->get, 1, (sqlite3_int64)id);
    if (sqlite3_step(hy->get) == SQLITE_ROW)
        job = decode(hy->get, 0, call);
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

    if (sqlite3_prepare_v2(hy->db,
                           "SELECT job FROM jobs WHERE t_inactive>=?1 AND (?2 OR userid=?3) AND"
                           " (?4=0 OR result&?4) AND (?5='' OR name=?5) AND (?6='' OR queue=?6)"
                           " ORDER BY t_inactive DESC",
                           -1, &st, NULL) != SQLITE_OK)
        return;
    bind_query(st, in, any_user);
    while (more && sqlite3_step(st) == SQLITE_ROW) {
        flux_job_list_job *job = decode(st, 0, call);
        if (job)
            more = cb(job, arg);
    }
    sqlite3_finalize(st);
}

void history_count(struct history *hy, flux_job_list_stats_response *stats)
{
    sqlite3_stmt *st;

    if (sqlite3_prepare_v2(hy->db, "SELECT result, count(*) FROM jobs GROUP BY result", -1, &st,
                           NULL) != SQLITE_OK)
        return;
    while (sqlite3_step(st) == SQLITE_ROW) {
        unsigned n = sqlite3_column_int(st, 1);
        stats->inactive += n;
        switch (sqlite3_column_int(st, 0)) {
        case FLUX_JOB_COMPLETED:
            stats->successful += n;
            break;
        case FLUX_JOB_CANCELED:
            stats->canceled += n;
            break;
        case FLUX_JOB_TIMEOUT:
            stats->timeout += n;
            break;
        default:
            stats->failed += n;
            break;
        }
    }
    sqlite3_finalize(st);
}

uint64_t *history_oldest(struct history *hy, double before, int64_t keep, uint32_t batch,
                         size_t *count)
{
    sqlite3_stmt *st;
    uint64_t *ids = NULL;

    *count = 0;
    /* Oldest first: by age, or all but the newest `keep`. */
    if (sqlite3_prepare_v2(hy->db,
                           "SELECT id FROM jobs WHERE t_inactive<?1 OR (?2>=0 AND id IN"
                           " (SELECT id FROM jobs ORDER BY t_inactive DESC LIMIT -1 OFFSET ?2))"
                           " ORDER BY t_inactive LIMIT ?3",
                           -1, &st, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_double(st, 1, before);
    sqlite3_bind_int64(st, 2, keep);
    sqlite3_bind_int64(st, 3, batch ? (sqlite3_int64)batch : -1);
    while (sqlite3_step(st) == SQLITE_ROW) {
        if ((*count & (*count - 1)) == 0)
            ids = flux_realloc(ids, *count ? *count * 2 : 1, sizeof(*ids));
        ids[(*count)++] = (uint64_t)sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
    return ids;
}
