// SPDX-License-Identifier: LGPL-3.0-only
/* The durable store behind the KVS and the content service: content.sqlite.
 *
 * It holds four things: blobs (tree nodes, values, content of clients), the transaction log, the
 * last checkpoints, and a quarantine of records that failed their hash. What a batch writes, it
 * writes in one SQLite transaction: all of it or nothing.
 *
 * Threads: reading, numbering and building of batches belong to the owner's thread.
 * store_batch_run() may run on another thread, one batch at a time. */
#ifndef MODULES_CONTENT_SQLITE_STORE_H
#define MODULES_CONTENT_SQLITE_STORE_H

#include <stdatomic.h>

#include <flux/base.h>

#define STORE_HASH_SIZE 32
#define STORE_REF_TEXT_SIZE (8 + 2 * STORE_HASH_SIZE + 1) /* "blake2b-HEX" */

struct store;
struct store_batch;

/* Where a blob is (id) and what it must be (BLAKE2b-256 of its bytes). Id 0: nowhere. */
struct store_ref {
    uint64_t id;
    uint8_t hash[STORE_HASH_SIZE];
};

enum store_kind {
    STORE_NODE = 0,  /* of the tree: subject to garbage collection */
    STORE_VALUE = 1, /* likewise */
    STORE_CLIENT =
        2, /* put there by a client of the content service: only an offline gc drops it */
};

struct store_options {
    bool sync;       /* a batch is on the disk when store_batch_run() returns */
    bool keep;       /* the file outlives us: it is examined and, if damaged, repaired */
    const char *vfs; /* SQLite VFS to use; NULL = the default (tests inject faults here) */
    /* Called on the owner's thread for each damaged record found; `text` says which. May be NULL.
     */
    void (*damaged)(void *arg, const char *text);
    void *arg;
};

struct store_stats {
    uint64_t file_bytes;
    uint64_t quarantined;
    bool lost; /* when it was opened, acknowledged records could not be read any more */
};

/* Open or create. -EBUSY: another process has it open; -EPROTO: not a store of ours, or of another
 * format; -EPERM: of another user; -EUCLEAN: damaged, and with nothing left in it. A damaged file
 * is kept under a name of its own while what can be read goes on in a new one. */
int store_open(struct store **ret, const char *path, const struct store_options *opt,
               struct flux_error *err);
void store_close(struct store *s);
bool store_is_sync(const struct store *s);
void store_get_stats(struct store *s, struct store_stats *out);

/* Give page caches back; not while a batch runs. */
void store_release_memory(struct store *s);

void store_hash(const void *data, size_t len, uint8_t hash[STORE_HASH_SIZE]);
void store_ref_format(const uint8_t hash[STORE_HASH_SIZE], char text[STORE_REF_TEXT_SIZE]);
int store_ref_parse(const char *text, uint8_t hash[STORE_HASH_SIZE], struct flux_error *err);

/* A number no blob has had. */
uint64_t store_new_id(struct store *s);
/* Blobs from this number on do not exist yet. */
uint64_t store_next_id(const struct store *s);

/* Read a blob and verify it. -EUCLEAN: it is damaged (and now in quarantine) or missing.
 * Caller frees *data. */
int store_load(struct store *s, const struct store_ref *ref, void **data, size_t *len,
               struct flux_error *err);
/* The same by hash alone; fills ref->id. -ENOENT: no such blob. */
int store_find(struct store *s, struct store_ref *ref, void **data, size_t *len,
               struct flux_error *err);

/* Has a client's blob with this hash been stored before? */
bool store_has_client(struct store *s, const uint8_t hash[STORE_HASH_SIZE]);

/* The newest checkpoint that is whole (nth = 0), the one before it (1), ... 0, or -ENOENT: none.
 * Caller frees *data. */
int store_checkpoint_load(struct store *s, unsigned nth, void **data, size_t *len,
                          uint64_t *log_seq, struct flux_error *err);
/* All checkpoints that are whole, newest first. */
int store_checkpoint_each(struct store *s,
                          void (*fn)(void *arg, double time, const void *data, size_t len),
                          void *arg, struct flux_error *err);
/* Call fn for each log record after `seq`, in order; damaged and missing ones are reported and
 * skipped.
 * fn < 0 stops and is returned. */
int store_log_each(struct store *s, uint64_t seq,
                   int (*fn)(void *arg, uint64_t seq, const void *data, size_t len), void *arg,
                   struct flux_error *err);
/* Number of the newest log record when it was opened. */
uint64_t store_log_last(const struct store *s);
/* Put a log record that makes no sense aside at the next batch. */
void store_quarantine_log(struct store *s, uint64_t seq, const void *data, size_t len,
                          const char *reason);
/* Ids of blobs of kinds up to `kind` in (after, below), ascending, at most `max`. Returns how many.
 */
ssize_t store_list_ids(struct store *s, enum store_kind kind, uint64_t after, uint64_t below,
                       uint64_t *ids, size_t max, struct flux_error *err);

/* The last collection: ids below `below` were swept, `live` blobs remained of them. Kept over
 * restarts as far as a mark is. Not while a batch runs. */
void store_set_collected(struct store *s, uint64_t below, uint64_t live);
void store_get_collected(const struct store *s, uint64_t *below, uint64_t *live);

/* Has the start left a look at the structure of a large file for later? */
bool store_wants_check(const struct store *s);
/* That look, on any thread, until *stop is set. 0: all is well; 1: it is damaged, *err says how:
 * the next start will repair it if it is told so (store_set_suspect()). */
int store_check_beside(const struct store *s, atomic_bool *stop, struct flux_error *err);
void store_set_suspect(struct store *s);

/* Write the file anew without what is free in it; not while a batch runs. If there is no room for
 * that, free pages at its end are cut off. */
int store_compact(struct store *s, struct flux_error *err);

/* SQLite's full check of the file: fn gets each problem. */
int store_verify(struct store *s, void (*fn)(void *arg, const char *text), void *arg,
                 struct flux_error *err);
/* What has been put in quarantine, oldest first. */
int store_quarantine_each(struct store *s,
                          void (*fn)(void *arg, double time, const char *kind, uint64_t id,
                                     const char *reason),
                          void *arg, struct flux_error *err);

/* --- batches: built by the owner, run anywhere, freed by the owner --- */

/* Takes the damaged records found so far along, to be put in quarantine with this batch. */
struct store_batch *store_batch_new(struct store *s);
void store_batch_free(struct store_batch *b);
bool store_batch_empty(const struct store_batch *b);
/* `data` is borrowed until the batch is freed, or taken if `take`. */
void store_batch_blob(struct store_batch *b, const struct store_ref *ref, enum store_kind kind,
                      const void *data, size_t len, bool take);
/* Takes `data`. Numbers must ascend. */
void store_batch_log(struct store_batch *b, uint64_t seq, void *data, size_t len);
/* Takes `data`. Log records up to log_seq are deleted with it. */
void store_batch_checkpoint(struct store_batch *b, uint64_t log_seq, void *data, size_t len);
/* Takes `ids` (malloc'd). */
void store_batch_delete(struct store_batch *b, uint64_t *ids, size_t count);
/* Give freed pages back to the file system, at most `pages`. */
void store_batch_shrink(struct store_batch *b, int pages);
/* Bytes and blobs that the batch's deletes removed (valid after it ran). */
void store_batch_deleted(const struct store_batch *b, uint64_t *blobs, uint64_t *bytes);
/* Write it all in one transaction. -ENOSPC: no room; -EIO: the disk failed; -EUCLEAN:
 * the file is damaged; nothing was changed then, and the store is usable again as soon as the cause
 * is gone. */
int store_batch_run(struct store *s, struct store_batch *b, struct flux_error *err);

#endif
