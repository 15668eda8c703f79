// SPDX-License-Identifier: LGPL-3.0-only
/* The engine: namespaces of versioned trees, atomic transactions, group commit, checkpoints and
 * garbage collection. It knows nothing of messages.
 *
 * Writing: kvs_stage*() apply transactions to the head of the tree, where nobody sees them yet.
 * kvs_group_take() turns all that is staged, and a slice of background work, into one batch; run it
 * (store_batch_run(), any thread); kvs_group_end() makes it visible, or takes all of it back.
 * Between take and end nothing may be staged; reading goes on, and sees only what is durable. */
#ifndef MODULES_KVS_KVS_H
#define MODULES_KVS_KVS_H

#include <flux/buf.h>

#include "node.h"
#include "path.h"

#define KVS_PRIMARY "primary"
#define KVS_VALUE_MAX (10 << 20)
#define KVS_LINKS_MAX 10

struct kvs;

struct kvs_options {
    uint32_t owner;     /* of the primary namespace */
    size_t cache_bytes; /* budget for stored bodies kept in memory; 0 = 4 MiB */
    size_t log_bytes;   /* checkpoint when the log is longer; 0 = 4 MiB */
    bool no_log; /* nobody will open this store again: commits stay in memory until a checkpoint,
                    or until large values have piled up */
    /* Collect when so many stored objects were given up, or so many more were written than lived
     * after the last collection; 0 = 50,000 */
    uint64_t gc_dead;
    /* One line for the log, of a thing that went wrong in the background. May be NULL. */
    void (*report)(void *arg, const char *text);
    void *arg;
};

enum kvs_op_kind {
    KVS_OP_PUT = 1,
    KVS_OP_APPEND = 2,
    KVS_OP_UNLINK = 3,
    KVS_OP_MKDIR = 4,
    KVS_OP_SYMLINK = 5,
    KVS_OP_COPY = 6,
};

struct kvs_op {
    enum kvs_op_kind kind;
    const char *key;
    const void *value;
    size_t len;
    const char *target;    /* symlink, copy: the other key */
    const char *target_ns; /* its namespace; NULL or "" = the same */
};

/* Who reads: the instance owner may read all, others the namespaces they own. */
struct kvs_reader_cred {
    uint32_t userid;
    bool owner;
};

/* What was found. Holds a reference: kvs_result_done(). */
struct kvs_result {
    enum kvs_kind kind; /* KVS_INLINE is returned as KVS_VALUE's kin: see kvs_result_read() */
    void *payload;
    uint64_t version; /* of the namespace the lookup began in */
    uint64_t size;    /* of a value or log */
};

/* Where a key leads, whether there is something or not. */
struct kvs_where {
    char ns[KVS_NAMESPACE_MAX + 1];
    struct kvs_path path;
    bool linked; /* through symbolic links */
};

struct kvs_namespace_info {
    const char *name;
    uint32_t owner;
    uint64_t version;
};

struct kvs_stats {
    uint64_t commits, groups, checkpoints, gc_rounds;
    uint64_t nodes, bytes, cached_bytes;
    uint64_t log_records, log_bytes, dead;
    uint64_t gc_blobs, gc_bytes;
    bool damaged; /* parts of the trees had to be given up since it was opened */
};

/* Recover from the store: last checkpoint, then the log. The store stays the caller's. */
int kvs_open(struct kvs **ret, struct store *store, const struct kvs_options *opt,
             struct flux_error *err);
void kvs_close(struct kvs *k);
void kvs_get_stats(const struct kvs *k, struct kvs_stats *out);

/* --- writing --- */

/* All ops or none; *version is the one the namespace will have. Errors: -EINVAL (bad op or key),
 * -ENOENT (no such namespace), -EISDIR, -ENOTDIR, -ELOOP, -EFBIG, -EUCLEAN (what is to be changed
 * is damaged). A damaged node on the way is no error: it is moved to lost+found. */
int kvs_stage(struct kvs *k, const char *ns, const struct kvs_op *ops, size_t nops,
              uint64_t *version, struct flux_error *err);
/* -EEXIST; -ENOENT: no such root. `rootref` NULL or "" = empty. */
int kvs_stage_create(struct kvs *k, const char *ns, uint32_t owner, const char *rootref,
                     struct flux_error *err);
int kvs_stage_remove(struct kvs *k, const char *ns, struct flux_error *err);
/* A blob of a client of the content service, kept until an offline collection; its hash. */
void kvs_stage_content(struct kvs *k, const void *data, size_t len, uint8_t hash[STORE_HASH_SIZE]);
/* Are there transactions to be taken by a group? */
bool kvs_is_staged(const struct kvs *k);
/* Bytes staged so far: stop staging at a few MiB. */
size_t kvs_staged_bytes(const struct kvs *k);
/* NULL: nothing to write now. With no_log, what was staged may be visible already. */
struct store_batch *kvs_group_take(struct kvs *k);
/* `r` is what running the batch gave. 0: staged transactions are visible. Negative: they are
 * undone. -EAGAIN: background work was dropped from the batch, take and run it again. Frees the
 * batch. */
int kvs_group_end(struct kvs *k, int r);

/* --- background work: each group takes a bounded slice along --- */

/* Is there any to do now? Then keep taking groups even when nothing is staged. */
bool kvs_background_wanted(const struct kvs *k);
/* Begin a checkpoint now (again, if one is under way: it began before the last commits).
 * Returns its number. */
uint64_t kvs_checkpoint_start(struct kvs *k);
/* Begin a round of garbage collection (with a checkpoint first), of clients' blobs too if
 * `clients`. Returns its number. */
uint64_t kvs_gc_start(struct kvs *k, bool clients);
/* Numbers of the last ones that ended; *failed is set when the newest one could not be done. */
uint64_t kvs_checkpoint_last(const struct kvs *k, int *failed);
uint64_t kvs_gc_last(const struct kvs *k, int *failed);
/* Keep at most so many bytes of bodies that can be read again, for now. */
void kvs_shrink(struct kvs *k, size_t bytes);

/* --- reading: durable state only --- */

/* -ENOENT, -ENOTDIR is -ENOENT too, -EPERM, -ELOOP, -EUCLEAN (damaged). `rootref` as in
 * kvs_root_ref(). */
int kvs_lookup(struct kvs *k, const char *ns, const char *rootref, const char *key, bool nofollow,
               const struct kvs_reader_cred *cred, struct kvs_result *ret, struct flux_error *err);
/* Fills `where` (also with -ENOENT for the key, not for the namespace); no result is wanted. */
int kvs_resolve(struct kvs *k, const char *ns, const char *key, const struct kvs_reader_cred *cred,
                struct kvs_where *where, struct flux_error *err);
/* Bytes [offset, offset+max) of a value or log, as far as there are any. */
int kvs_result_read(struct kvs *k, const struct kvs_result *res, uint64_t offset, uint64_t max,
                    struct flux_buf *out, struct flux_error *err);
/* The namespace part of a symlink into ns (KVS_NAMESPACE_MAX + 1 bytes; "" = none); its key. */
const char *kvs_link_split(const struct kvs_bytes *link, char *ns);
/* Entries of a directory in order. */
int kvs_result_list(struct kvs *k, const struct kvs_result *res,
                    int (*fn)(void *arg, const char *name, size_t len, const struct kvs_entry *e),
                    void *arg, struct flux_error *err);
void kvs_result_done(struct kvs *k, struct kvs_result *res);
/* Bytes of what res->kind and res->payload are: `size` once a lookup has filled that in. */
uint64_t kvs_result_size(const struct kvs_result *res);
struct kvs_heap *kvs_heap_of(struct kvs *k);
/* Call now and then between requests: keeps the cache within its budget. */
void kvs_trim(struct kvs *k);

/* Count what a user writes to a namespace that is there; false: it would be more than `max`. Not
 * kept over a restart. */
bool kvs_namespace_spend(struct kvs *k, const char *ns, uint64_t bytes, uint64_t max);
int kvs_namespace_get(struct kvs *k, const char *ns, struct kvs_namespace_info *ret,
                      struct flux_error *err);
void kvs_namespace_each(struct kvs *k, void (*fn)(void *arg, const struct kvs_namespace_info *info),
                        void *arg);
/* Reference of the root as of the newest durable version, kept from the collector for a while.
 * -EAGAIN: the root has no reference yet; make a checkpoint first. */
int kvs_root_ref(struct kvs *k, const char *ns, uint64_t *version, char text[STORE_REF_TEXT_SIZE],
                 struct flux_error *err);
/* The same as the last checkpoint saw it; of the directory `key`, unless that is NULL or "". */
int kvs_checkpoint_root(struct kvs *k, const char *ns, const char *key, uint64_t *version,
                        char text[STORE_REF_TEXT_SIZE], struct flux_error *err);

/* What a stored checkpoint says of the primary namespace. */
int kvs_checkpoint_info(const void *data, size_t len, uint64_t *version,
                        char text[STORE_REF_TEXT_SIZE]);

#endif
