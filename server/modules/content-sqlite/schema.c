// SPDX-License-Identifier: LGPL-3.0-only
/* The tables of content.sqlite, and whether a file has them. A file is a store of this format or it
 * is refused: never migrated by guess. The format's number is SQLite's user_version; format 2 has
 * the row's numbers in the sums of records, format 3 the index of nodes and values by runs. */
#include "internal.h"

#define APPLICATION_ID 0x466c7578 /* "Flux" */
static const char *const tables[] = {
    "CREATE TABLE blobs(id INTEGER PRIMARY KEY, key INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " data BLOB NOT NULL)",
    "CREATE INDEX blobs_run ON blobs(" STORE_RUN ", key) WHERE kind < 2",
    "CREATE INDEX blobs_client ON blobs(key) WHERE kind = 2",
    "CREATE TABLE log(seq INTEGER PRIMARY KEY, data BLOB NOT NULL)",
    "CREATE TABLE checkpoint(id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL,"
    " log_seq INTEGER NOT NULL, data BLOB NOT NULL)",
    "CREATE TABLE quarantine(time REAL NOT NULL, kind TEXT NOT NULL, id INTEGER NOT NULL,"
    " reason TEXT NOT NULL, data BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID",
};

static int run(sqlite3 *db, const char *sql, struct flux_error *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : store_sqlite_error(db, "create tables", err);
}

int store_schema_create(sqlite3 *db, struct flux_error *err)
{
    int r =
        run(db, "PRAGMA page_size=" STR(STORE_PAGE) "; PRAGMA auto_vacuum=INCREMENTAL; BEGIN", err);

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(tables) && r == 0; i++)
        r = run(db, tables[i], err);
    if (r == 0)
        r = run(
            db,
            "PRAGMA application_id=1181513080; PRAGMA user_version=" STR(STORE_FORMAT) "; COMMIT",
            err);
    return r;
}

static int check_tables(sqlite3 *db, struct flux_error *err)
{
    sqlite3_stmt *st = NULL;
    int r = 0;

    if (sqlite3_prepare_v2(db, "SELECT 1 FROM sqlite_master WHERE sql = ?1", -1, &st, NULL) !=
        SQLITE_OK)
        return store_sqlite_error(db, "read the schema", err);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(tables) && r == 0; i++) {
        sqlite3_bind_text(st, 1, tables[i], -1, SQLITE_STATIC);
        if (sqlite3_step(st) != SQLITE_ROW)
            r = flux_error_set(err, -EUCLEAN, "its schema is not what it should be");
        sqlite3_reset(st);
    }
    sqlite3_finalize(st);
    return r;
}

int store_schema_check(sqlite3 *db, const char *path, const struct store_mark *mark,
                       struct flux_error *err)
{
    int64_t app = 0, version = 0, count = 0;
    bool known = mark->valid && mark->format == STORE_FORMAT;
    int r;

    if ((r = store_query(db, "PRAGMA application_id", &app, err)) < 0 ||
        (r = store_query(db, "PRAGMA user_version", &version, err)) < 0 ||
        (r = store_query(db, "SELECT count(*) FROM sqlite_master", &count, err)) < 0)
        return r;
    if (app == APPLICATION_ID && version == STORE_FORMAT)
        return check_tables(db, err);
    if (known)
        return flux_error_set(err, -EUCLEAN, "its header is damaged");
    if (count == 0 && app == 0)
        return 1;
    if (app != APPLICATION_ID)
        return flux_error_set(
            err, -EPROTO,
            "content store: %s is not a Flux content store; move it away to begin "
            "with an empty one",
            path);
    return flux_error_set(err, -EPROTO, "content store: %s has format %d, this Flux reads %d: %s",
                          path, (int)version, STORE_FORMAT,
                          version > STORE_FORMAT
                              ? "it was written by a newer version, which must be used with it"
                              : "dump it with the version that wrote it, and restore the dump");
}
