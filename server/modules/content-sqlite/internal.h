// SPDX-License-Identifier: LGPL-3.0-only
/* Insides of the store, for its own files. `rd` is used by the owner's thread, `wr` by whoever runs
 * a batch; only the quarantine list crosses, and it is handed over when a batch is made. */
#ifndef MODULES_CONTENT_SQLITE_INTERNAL_H
#define MODULES_CONTENT_SQLITE_INTERNAL_H

#include "store.h"

#include <sqlite3.h>
#include <sys/queue.h>

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
    WR_COUNT
};

struct store_bad {
    STAILQ_ENTRY(store_bad) next;
    const char *kind; /* "blob", "log", "checkpoint" */
    uint64_t id;
    char *reason;
    void *data;
    size_t len;
};
STAILQ_HEAD(store_bads, store_bad);

struct store {
    char *path;
    int lock; /* holds the flock that keeps a second process out */
    bool sync;
    sqlite3 *rd, *wr;
    sqlite3_stmt *rd_stmt[RD_COUNT], *wr_stmt[WR_COUNT];
    uint64_t next_id;
    uint64_t log_last;
    uint64_t quarantined;
    struct store_bads bads; /* found, not yet handed to a batch; owner's thread */
    uint64_t reported[64];  /* ids of the last ones, so that each is reported once */
    unsigned reported_next;
    void (*damaged)(void *arg, const char *text);
    void *arg;
};

/* Map the state of `db` after a failed call to a negative errno, with text. */
int store_sqlite_error(sqlite3 *db, const char *what, struct flux_error *err);
/* Report, count, and keep the bytes for the quarantine table. */
void store_report_bad(struct store *s, const char *kind, uint64_t id, const void *data, size_t len,
                      const char *reason);
void store_bads_free(struct store_bads *bads);
void store_sum(const void *data, size_t len, uint8_t sum[STORE_SUM_SIZE]);

#endif
