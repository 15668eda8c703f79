// SPDX-License-Identifier: LGPL-3.0-only
/* Insides of the store, for its own files. `rd` is used by the owner's thread, `wr` by whoever runs
 * a batch; only the quarantine list crosses, and it is handed over when a batch is made. */
#ifndef MODULES_CONTENT_SQLITE_INTERNAL_H
#define MODULES_CONTENT_SQLITE_INTERNAL_H

#include "store.h"

#include <sqlite3.h>
#include <sys/queue.h>

#define STR_(x) #x
#define STR(x) STR_(x)

#define STORE_FORMAT 3
#define STORE_PAGE 4096
#define STORE_RUN_BITS 12 /* nodes and values are indexed by runs of 4096 (docs/decisions/098) */
#define STORE_RUN "id >> " STR(STORE_RUN_BITS)
#define STORE_WAL_HEADER 32
#define STORE_WAL_FRAME (24 + STORE_PAGE)
#define STORE_SUM_SIZE 16 /* BLAKE2b-128 before each log and checkpoint record */

enum store_rd { RD_LOAD, RD_FIND, RD_CLIENT, RD_LOG, RD_CHECKPOINT, RD_IDS, RD_COUNT };
enum store_wr {
    WR_BEGIN,
    WR_COMMIT,
    WR_BLOB,
    WR_LOG,
    WR_CHECKPOINT,
    WR_CHECKPOINT_TRIM,
    WR_LOG_TRIM,
    WR_SIZE,
    WR_DELETE,
    WR_QUARANTINE,
    WR_QUARANTINE_TRIM,
    WR_LAST,
    WR_COUNT
};

struct store_bad {
    STAILQ_ENTRY(store_bad) next;
    const char *kind; /* "blob", "log", "checkpoint", "file" */
    uint64_t id;
    char *reason;
    void *data;
    size_t len;
};
STAILQ_HEAD(store_bads, store_bad);

/* How far the store had come: the file beside it. */
struct store_mark {
    int fd; /* -1: none is kept */
    bool valid, clean;
    bool suspect; /* damage was met: to be looked through at once */
    uint32_t format;
    uint64_t generation;
    uint64_t log_seq, last_id; /* highest that were acknowledged */
    uint64_t file_bytes;       /* after a clean end */
    uint64_t collected, live;  /* of the last collection */
};

struct store {
    char *path;
    int lock; /* holds the flock that keeps a second process out */
    bool sync;
    sqlite3 *rd, *wr;
    sqlite3_stmt *rd_stmt[RD_COUNT], *wr_stmt[WR_COUNT];
    struct store_mark mark;
    uint64_t next_id;
    uint64_t log_last;
    uint64_t quarantined;
    bool open;                   /* store_accept() has been passed */
    bool rd_suspect, wr_suspect; /* SQLite met damage: the next start looks closer */
    bool unchecked;              /* store_check_beside() is wanted */
    bool lost;                   /* acknowledged records may be missing since it was opened */
    unsigned told;               /* damaged records in the log */
    struct store_bads bads;      /* found, not yet handed to a batch; owner's thread */
    uint64_t reported[64];       /* ids of the last ones, so that each is reported once */
    unsigned reported_next;
    void (*damaged)(void *arg, const char *text);
    void *arg;
};

/* Map the state of `db` after a failed call to a negative errno, with text. */
int store_sqlite_error(sqlite3 *db, const char *what, struct flux_error *err);
/* Report, count, and keep the bytes for the quarantine table. */
void store_report_bad(struct store *s, const char *kind, uint64_t id, const void *data, size_t len,
                      const char *reason);
/* One line to whoever opened the store. */
void store_tell(struct store *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void store_bads_free(struct store_bads *bads);
/* Of the bytes and of the two numbers of their row. */
void store_sum(uint64_t a, uint64_t b, const void *data, size_t len, uint8_t sum[STORE_SUM_SIZE]);
/* The same for rows: log records by their number, checkpoints by log_seq and time. */
void store_sum_checkpoint(uint64_t log_seq, double time, const void *data, size_t len,
                          uint8_t sum[STORE_SUM_SIZE]);
/* A record (its sum, and then its bytes) that matches? */
bool store_log_whole(uint64_t seq, const uint8_t *p, size_t n);
bool store_checkpoint_whole(uint64_t log_seq, double time, const uint8_t *p, size_t n);

/* --- mark.c --- */
int store_mark_open(struct store_mark *m, const char *store, struct flux_error *err);
/* Write what m says now; errors are passed over. */
void store_mark_write(struct store_mark *m);
void store_mark_close(struct store_mark *m);

/* --- wal.c --- */
struct store_wal_frame {
    uint32_t page;
    bool whole, commit;
    bool committed; /* a commit follows, unbroken */
};

struct store_wal {
    int fd;
    uint32_t count;
    struct store_wal_frame *frames;
    bool damaged; /* not only at its end */
};

/* Never fails: a log that cannot be read has no frames. store_wal_done(). */
void store_wal_inspect(struct store_wal *w, const char *store);
void store_wal_done(struct store_wal *w);

/* --- schema.c --- */
int store_schema_create(sqlite3 *db, struct flux_error *err);
/* 0: as it should be; 1: this is no database yet; -EPROTO: of another program or version;
 * -EUCLEAN: damaged. */
int store_schema_check(sqlite3 *db, const char *path, const struct store_mark *mark,
                       struct flux_error *err);

/* --- salvage.c --- */
struct store_salvaged {
    uint64_t blobs, logs, checkpoints;
};

/* Write every row of `path` and of its -wal that proves itself into the new database `to`.
 * `acknowledged`: no log record above it is taken from behind a break of the -wal. */
int store_salvage(const char *path, const char *to, uint64_t acknowledged,
                  struct store_salvaged *out, struct flux_error *err);

/* --- recover.c --- */
/* Before SQLite opens it: finish what an earlier repair began, read the mark, refuse what is not
 * ours. 1: the file must be repaired, *err says why. */
int store_examine(struct store *s, struct flux_error *err);
/* After SQLite has opened it. 1 as above. */
int store_check(struct store *s, struct flux_error *err);
/* Put the damaged files aside and a new one with all that can be read in their place. */
int store_repair(struct store *s, const char *reason, struct flux_error *err);
/* Begin to use it. `missing`: what it should have and does not, to be reported; or NULL. */
int store_accept(struct store *s, const char *missing, struct flux_error *err);
/* It has been closed: note that it was an orderly end. */
void store_end(struct store *s);
int store_query(sqlite3 *db, const char *sql, int64_t *ret, struct flux_error *err);

#endif
