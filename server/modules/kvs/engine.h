// SPDX-License-Identifier: LGPL-3.0-only
/* Insides of the engine, for its own files. */
#ifndef MODULES_KVS_ENGINE_H
#define MODULES_KVS_ENGINE_H

#include <uthash.h>

#include "kvs.h"
#include "log.h"
#include "tree.h"
#include "varint.h"

#define KVS_PINS 16

struct kvs_namespace {
    char *name;
    uint32_t owner;
    bool fresh;   /* made by what is staged: not visible yet */
    bool removed; /* by what is staged: still visible */
    bool touched; /* is in kvs.touched */
    uint64_t version, head_version;
    uint64_t spent;          /* of what its user may write */
    struct kvs_object *root; /* durable */
    struct kvs_object *head; /* with what is staged */
    UT_hash_handle hh;
};

struct kvs_snapshot {
    char *name;
    uint32_t owner;
    uint64_t version;
    struct kvs_object *root;
};

struct kvs_objects_held {
    struct kvs_object **list;
    size_t count, cap;
};

struct kvs_frame {
    struct kvs_object *node;
    int next; /* entry to look at */
};

/* A walk over the dirty part of a snapshot, children first. */
struct kvs_checkpoint {
    bool active;
    bool again;              /* asked for while active */
    bool last;               /* the batch under way has the checkpoint record */
    uint64_t started, ended; /* numbers */
    int failed;
    uint64_t log_seq, first_id;
    uint64_t last_first_id;        /* of the last one that was done */
    size_t log_bytes, log_records; /* of the log when it began */
    struct kvs_snapshot *snaps;
    size_t nsnaps, at;
    struct kvs_frame *stack;
    size_t depth, cap;
};

enum kvs_gc_phase {
    KVS_GC_IDLE,
    KVS_GC_CHECKPOINT, /* waits for one that began after it */
    KVS_GC_MARK,
    KVS_GC_SWEEP,
};

struct kvs_gc {
    enum kvs_gc_phase phase;
    uint64_t started, ended;
    int failed;
    uint64_t wait;   /* checkpoint number */
    uint64_t below;  /* only what has a lower id is swept */
    uint64_t limit;  /* no root reaches this id */
    uint64_t cursor; /* swept so far */
    uint64_t dead;   /* estimate when it began */
    uint64_t live;   /* marked */
    uint8_t *marks;  /* a bit for each id below limit */
    struct store_ref *stack;
    size_t depth, cap;
    bool clients;              /* sweep blobs of clients, too */
    bool done;                 /* the batch under way is the last of the sweep */
    struct store_batch *batch; /* has deletes of ours */
    uint64_t blobs, bytes;     /* removed in this round */
};

struct kvs {
    struct kvs_options opt;
    struct kvs_heap heap;
    struct store *store;
    struct kvs_namespace *namespaces;

    /* The group: what is staged, and the batch under way. */
    struct flux_buf record;
    size_t staged; /* transactions in it */
    bool client;   /* a blob of a client is among the values */
    struct kvs_namespace **touched;
    size_t ntouched;
    struct kvs_objects_held values; /* staged large values */
    struct kvs_objects_held nodes;  /* written by the batch for the checkpoint */
    uint64_t first_id;              /* no staged value has a lower id */
    struct store_batch *batch;
    bool batch_background;

    uint64_t seq; /* of the newest durable log record */
    size_t log_bytes, log_records;
    unsigned damages_told;
    double heal_after;   /* no second search for damage before */
    bool damaged;        /* something could not be read when it was needed */
    bool checkpoint_due; /* as soon as what is staged has been kept */
    double pause_until;  /* no background work before: it failed for lack of room */

    struct kvs_checkpoint checkpoint;
    struct kvs_snapshot *last; /* what the last checkpoint saw */
    size_t nlast;
    struct kvs_gc gc;
    struct kvs_object *pins[KVS_PINS];
    unsigned next_pin;
    struct kvs_stats stats;
};

static inline void kvs_hold(struct kvs_objects_held *held, struct kvs_object *o)
{
    if (held->count == held->cap) {
        held->cap = held->cap ? held->cap * 2 : 16;
        held->list = flux_realloc(held->list, held->cap, sizeof(*held->list));
    }
    held->list[held->count++] = kvs_object_ref(o);
}

/* --- kvs.c --- */
struct kvs_namespace *kvs_find(struct kvs *k, const char *ns);
struct kvs_namespace *kvs_namespace_add(struct kvs *k, const char *name, uint32_t owner);
void kvs_namespace_del(struct kvs *k, struct kvs_namespace *n);
/* Something damaged is in the way of a write: take it out of the tree. Was there any? */
bool kvs_heal(struct kvs *k);
void kvs_report(struct kvs *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void kvs_snapshots_free(struct kvs *k, struct kvs_snapshot *snaps, size_t n);

/* --- apply.c --- */
/* Apply to the head. `stored` is the large value of a put when it comes from a log record; *blob is
 * the one that was made when it does not (a borrowed reference, or NULL). */
int kvs_apply_op(struct kvs *k, struct kvs_namespace *n, const struct kvs_op *op,
                 struct kvs_object *stored, struct kvs_object **blob, struct flux_error *err);

/* --- stage.c --- */
/* kvs_stage() without a second try. */
int kvs_stage_once(struct kvs *k, struct kvs_namespace *n, const struct kvs_op *ops, size_t nops,
                   uint64_t *version, struct flux_error *err);
void kvs_touch(struct kvs *k, struct kvs_namespace *n);
/* Make what is staged visible; large values stay with it unless they have been `written`. */
void kvs_stage_keep(struct kvs *k, bool written);
/* Take it back. */
void kvs_stage_undo(struct kvs *k);

/* --- record.c --- */
void kvs_record_begin(struct kvs *k, const char *ns, size_t nops);
void kvs_record_op(struct kvs *k, const struct kvs_op *op, const struct kvs_object *blob);
void kvs_record_create(struct kvs *k, const char *ns, uint32_t owner, const struct store_ref *root);
void kvs_record_remove(struct kvs *k, const char *ns);
int kvs_record_replay(struct kvs *k, const void *data, size_t len, struct flux_error *err);

/* --- lookup.c --- */
/* Walk from `root`. 0: *ret is the entry (NULL: the root itself). 1: component *at is a symlink to
 * be followed (*ret). Negative: -ENOENT etc. */
int kvs_walk(struct kvs *k, struct kvs_object *root, const struct kvs_path *path, bool nofollow,
             struct kvs_entry **ret, int *at, struct flux_error *err);
/* Root node by reference text; a reference for the caller (NULL = empty tree). */
int kvs_root_open(struct kvs *k, const char *rootref, struct kvs_object **ret,
                  struct flux_error *err);

/* --- checkpoint.c, gc.c: a slice of work into the batch --- */
void kvs_checkpoint_step(struct kvs *k, struct store_batch *b);
void kvs_checkpoint_ended(struct kvs *k, int r);
void kvs_checkpoint_encode(const struct kvs_snapshot *snaps, size_t n, void **data, size_t *len);
int kvs_checkpoint_decode(struct kvs *k, const void *data, size_t len, struct flux_error *err);
void kvs_gc_step(struct kvs *k, struct store_batch *b);
void kvs_gc_ended(struct kvs *k, int r);
bool kvs_gc_wanted(const struct kvs *k);
/* Something the marks do not cover came back to life: begin again later. */
void kvs_gc_abort(struct kvs *k, int why);

#endif
