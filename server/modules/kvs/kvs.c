// SPDX-License-Identifier: LGPL-3.0-only
/* The engine's life: recovery, namespaces, and the group commit that ties trees and store together.
 * Durable state is what `root` of each namespace says; it moves only when a batch has succeeded. */
#include "check.h"
#include "engine.h"

#include <stdarg.h>
#include <stdio.h>

#define PAUSE_SECONDS 5.0
#define HEAL_SECONDS 60.0 /* between searches for damage that found none */
#define TOLD_MAX 50       /* lines of the log for parts of the trees that are damaged */
#define SPILL_BYTES (256u << 10)

void kvs_report(struct kvs *k, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    if (!k->opt.report)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    k->opt.report(k->opt.arg, text);
}

struct kvs_namespace *kvs_find(struct kvs *k, const char *ns)
{
    struct kvs_namespace *n;

    if (!ns || !*ns)
        ns = KVS_PRIMARY;
    HASH_FIND_STR(k->namespaces, ns, n);
    return n;
}

struct kvs_namespace *kvs_namespace_add(struct kvs *k, const char *name, uint32_t owner)
{
    struct kvs_namespace *n = flux_alloc(sizeof(*n));

    n->name = flux_strdup(name);
    n->owner = owner;
    HASH_ADD_KEYPTR(hh, k->namespaces, n->name, strlen(n->name), n);
    return n;
}

void kvs_namespace_del(struct kvs *k, struct kvs_namespace *n)
{
    HASH_DEL(k->namespaces, n);
    kvs_object_unref(&k->heap, n->root);
    kvs_object_unref(&k->heap, n->head);
    free(n->name);
    free(n);
}

void kvs_snapshots_free(struct kvs *k, struct kvs_snapshot *snaps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        kvs_object_unref(&k->heap, snaps[i].root);
        free(snaps[i].name);
    }
    free(snaps);
}

/* A record that cannot be replayed is put aside; what others did is kept. */
static int replay(void *arg, uint64_t seq, const void *data, size_t len)
{
    struct kvs *k = arg;
    struct flux_error err;
    int r = kvs_record_replay(k, data, len, &err);

    if (r < 0) {
        kvs_report(k, "log record %llu cannot be replayed: %s", (unsigned long long)seq, err.text);
        store_quarantine_log(k->store, seq, data, len, err.text);
    }
    kvs_stage_keep(k, true);
    k->seq = seq;
    k->log_records++;
    k->log_bytes += len;
    kvs_trim(k);
    return 0;
}

static void drop_namespaces(struct kvs *k)
{
    struct kvs_namespace *n, *tmp;

    HASH_ITER (hh, k->namespaces, n, tmp)
        kvs_namespace_del(k, n);
}

/* Can the roots of what was decoded be read? */
static bool roots_readable(struct kvs *k)
{
    struct kvs_namespace *n, *tmp;

    HASH_ITER (hh, k->namespaces, n, tmp) {
        if (n->root && kvs_object_load(&k->heap, n->root, NULL) == -EUCLEAN)
            return false;
    }
    return true;
}

static int take_checkpoint(struct kvs *k, unsigned nth, struct flux_error *err)
{
    void *data = NULL;
    size_t len;
    int r = store_checkpoint_load(k->store, nth, &data, &len, &k->seq, err);

    if (r == 0)
        r = kvs_checkpoint_decode(k, data, len, err);
    free(data);
    return r;
}

/* The newest checkpoint whose roots can be read; if there is none, the newest: what it leads to is
 * lost, and is found to be so. */
static int recover_trees(struct kvs *k, struct flux_error *err)
{
    unsigned nth = 0;
    int r;

    while ((r = take_checkpoint(k, nth, err)) == 0 && !roots_readable(k)) {
        kvs_report(k, "kvs: the root of %s checkpoint (transaction %llu) is damaged",
                   nth ? "an older" : "the last", (unsigned long long)k->seq);
        drop_namespaces(k);
        nth++;
    }
    if (r == -ENOENT && nth)
        return take_checkpoint(k, 0, err);
    if (r == 0 && nth) {
        kvs_report(k,
                   "kvs: went back to the checkpoint at transaction %llu; what was stored after "
                   "it and is not in the log is lost",
                   (unsigned long long)k->seq);
        k->damaged = true;
    }
    return r == -ENOENT ? 0 : r;
}

static int recover(struct kvs *k, struct flux_error *err)
{
    struct store_stats stats;
    int r = recover_trees(k, err);

    if (r == 0 && !kvs_find(k, KVS_PRIMARY))
        kvs_namespace_add(k, KVS_PRIMARY, k->opt.owner);
    if (r == 0)
        r = store_log_each(k->store, k->seq, replay, k, err);
    if (k->seq < store_log_last(k->store))
        k->seq = store_log_last(k->store);
    store_get_stats(k->store, &stats);
    if (r == 0 && (stats.lost || k->damaged)) {
        k->damaged = true;
        kvs_heal(k);
        kvs_stage_keep(k, true);
        k->checkpoint_due = true;
    }
    if (r == 0 && k->checkpoint_due) {
        k->checkpoint_due = false;
        kvs_checkpoint_start(k);
    }
    return r;
}

static void on_damage(void *arg, const struct kvs_damage *d)
{
    struct kvs *k = arg;

    if (k->damages_told++ >= TOLD_MAX)
        return;
    kvs_report(k, "kvs: %s%s%s: %s%s%s cannot be read (%s): moved to lost+found; run flux fsck",
               strcmp(d->ns, KVS_PRIMARY) ? d->ns : "", strcmp(d->ns, KVS_PRIMARY) ? "::" : "",
               d->key, d->what, *d->from ? " from " : "", d->from, d->text);
}

bool kvs_heal(struct kvs *k)
{
    struct kvs_check c = {.repair = true, .damage = on_damage, .arg = k};
    struct flux_error err;

    if (flux_monotime() < k->heal_after)
        return false;
    if (kvs_check_run(k, &c, &err) < 0)
        kvs_report(k, "kvs: the search for damage has failed: %s", err.text);
    if (k->damages_told > TOLD_MAX)
        kvs_report(k, "kvs: %llu parts cannot be read in all: see lost+found",
                   (unsigned long long)c.damaged);
    k->damaged |= c.damaged > 0;
    if (c.repaired == 0)
        k->heal_after = flux_monotime() + HEAL_SECONDS;
    k->checkpoint_due |= c.repaired > 0;
    return c.repaired > 0;
}

int kvs_open(struct kvs **ret, struct store *store, const struct kvs_options *opt,
             struct flux_error *err)
{
    struct kvs *k = flux_alloc(sizeof(*k));
    int r;

    k->opt = *opt;
    k->opt.log_bytes = opt->log_bytes ? opt->log_bytes : 4 << 20;
    k->opt.gc_dead = opt->gc_dead ? opt->gc_dead : 50000;
    k->store = store;
    kvs_heap_init(&k->heap, store, opt->cache_bytes ? opt->cache_bytes : 4 << 20);
    r = recover(k, err);
    if (r < 0) {
        kvs_close(k);
        return r;
    }
    k->heap.dead = 0;
    *ret = k;
    return 0;
}

void kvs_close(struct kvs *k)
{
    if (!k)
        return;
    store_batch_free(k->batch);
    kvs_checkpoint_ended(k, -ECANCELED);
    kvs_gc_abort(k, -ECANCELED);
    kvs_stage_undo(k);
    kvs_snapshots_free(k, k->last, k->nlast);
    for (int i = 0; i < KVS_PINS; i++)
        kvs_object_unref(&k->heap, k->pins[i]);
    drop_namespaces(k);
    free(k->touched);
    free(k->values.list);
    free(k->nodes.list);
    free(k->checkpoint.stack);
    free(k->gc.stack);
    free(k);
}

static void add_staged(struct kvs *k)
{
    for (size_t i = 0; i < k->values.count; i++) {
        struct kvs_object *o = k->values.list[i];

        store_batch_blob(k->batch, &o->ref, o->client ? STORE_CLIENT : STORE_VALUE, o->data,
                         o->size, false);
    }
    if (k->staged && !k->opt.no_log)
        store_batch_log(k->batch, k->seq + 1, flux_memdup(k->record.data, k->record.len),
                        k->record.len);
}

static void maybe_start(struct kvs *k);

/* What is staged has become durable, as far as it is to be. */
static void keep(struct kvs *k, bool written)
{
    if (k->staged) {
        k->log_records++;
        k->log_bytes += k->record.len;
        k->stats.commits += k->staged;
        k->stats.groups++;
    }
    kvs_stage_keep(k, written);
    maybe_start(k);
    kvs_trim(k);
}

/* Without a log there is nothing to write until values pile up or a checkpoint is due. */
static bool may_wait(const struct kvs *k)
{
    return k->opt.no_log && !k->client && !kvs_background_wanted(k) &&
           kvs_staged_bytes(k) < SPILL_BYTES;
}

struct store_batch *kvs_group_take(struct kvs *k)
{
    if (may_wait(k)) {
        keep(k, false);
        return NULL;
    }
    k->batch = store_batch_new(k->store);
    add_staged(k);
    k->batch_background = false;
    if (kvs_background_wanted(k)) {
        k->batch_background = true;
        kvs_checkpoint_step(k, k->batch);
        kvs_gc_step(k, k->batch);
    }
    if (!store_batch_empty(k->batch))
        return k->batch;
    store_batch_free(k->batch);
    k->batch = NULL;
    if (k->batch_background) {
        kvs_checkpoint_ended(k, 0);
        kvs_gc_ended(k, 0);
    }
    if (k->staged)
        keep(k, true);
    return NULL;
}

static void end_background(struct kvs *k, int r)
{
    for (size_t i = 0; i < k->nodes.count; i++) {
        kvs_object_written(&k->heap, k->nodes.list[i], r == 0);
        kvs_object_unref(&k->heap, k->nodes.list[i]);
    }
    k->nodes.count = 0;
    if (!k->batch_background)
        return;
    k->batch_background = false;
    kvs_gc_ended(k, r);
    kvs_checkpoint_ended(k, r);
    if (r < 0)
        k->pause_until = flux_monotime() + PAUSE_SECONDS;
}

/* Begin background work when there is enough of it. */
static void maybe_start(struct kvs *k)
{
    bool paused = k->pause_until > 0 && flux_monotime() < k->pause_until;

    if (paused)
        return;
    if (k->checkpoint_due) {
        k->checkpoint_due = false;
        kvs_checkpoint_start(k);
    }
    if (k->log_bytes > k->opt.log_bytes && !k->checkpoint.active)
        kvs_checkpoint_start(k);
    if (k->gc.phase == KVS_GC_IDLE && kvs_gc_wanted(k))
        kvs_gc_start(k, false);
}

int kvs_group_end(struct kvs *k, int r)
{
    bool background = k->batch_background;

    end_background(k, r);
    store_batch_free(k->batch);
    k->batch = NULL;
    if (r < 0 && background)
        return k->staged || k->values.count ? -EAGAIN : r;
    if (r < 0) {
        kvs_stage_undo(k);
        return r;
    }
    if (k->staged && !k->opt.no_log)
        k->seq++;
    keep(k, true);
    return 0;
}

bool kvs_background_wanted(const struct kvs *k)
{
    if (!k->checkpoint.active && k->gc.phase == KVS_GC_IDLE)
        return false;
    return k->pause_until == 0 || flux_monotime() >= k->pause_until;
}

void kvs_trim(struct kvs *k)
{
    if (k->heap.cached_bytes > k->heap.budget)
        kvs_heap_trim(&k->heap, k->heap.budget - k->heap.budget / 8);
}

void kvs_shrink(struct kvs *k, size_t bytes)
{
    kvs_heap_trim(&k->heap, bytes);
}

void kvs_get_stats(const struct kvs *k, struct kvs_stats *out)
{
    *out = k->stats;
    out->nodes = k->heap.objects;
    out->bytes = k->heap.bytes;
    out->cached_bytes = k->heap.cached_bytes;
    out->log_records = k->log_records;
    out->log_bytes = k->log_bytes;
    out->dead = k->heap.dead;
    out->damaged = k->damaged;
}

int kvs_namespace_get(struct kvs *k, const char *ns, struct kvs_namespace_info *ret,
                      struct flux_error *err)
{
    struct kvs_namespace *n = kvs_find(k, ns);

    if (!n || n->fresh)
        return flux_error_set(err, -ENOENT, "kvs: no namespace '%s'", ns);
    *ret = (struct kvs_namespace_info){n->name, n->owner, n->version};
    return 0;
}

bool kvs_namespace_spend(struct kvs *k, const char *ns, uint64_t bytes, uint64_t max)
{
    struct kvs_namespace *n = kvs_find(k, ns);

    if (n->spent > max || bytes > max - n->spent)
        return false;
    n->spent += bytes;
    return true;
}

void kvs_namespace_each(struct kvs *k, void (*fn)(void *arg, const struct kvs_namespace_info *info),
                        void *arg)
{
    struct kvs_namespace *n, *tmp;

    HASH_ITER (hh, k->namespaces, n, tmp) {
        struct kvs_namespace_info info = {n->name, n->owner, n->version};

        if (!n->fresh)
            fn(arg, &info);
    }
}

static int format_root(struct kvs *k, struct kvs_object *root, char text[STORE_REF_TEXT_SIZE])
{
    uint8_t empty[STORE_HASH_SIZE];

    if (!root) {
        store_hash("", 0, empty);
        store_ref_format(empty, text);
        return 0;
    }
    if (root->state != KVS_STORED)
        return -EAGAIN;
    store_ref_format(root->ref.hash, text);
    for (int i = 0; i < KVS_PINS; i++) {
        if (k->pins[i] == root)
            return 0;
    }
    kvs_object_unref(&k->heap, k->pins[k->next_pin % KVS_PINS]);
    k->pins[k->next_pin++ % KVS_PINS] = kvs_object_ref(root);
    return 0;
}

int kvs_root_ref(struct kvs *k, const char *ns, uint64_t *version, char text[STORE_REF_TEXT_SIZE],
                 struct flux_error *err)
{
    struct kvs_namespace *n = kvs_find(k, ns);

    if (!n || n->fresh)
        return flux_error_set(err, -ENOENT, "kvs: no namespace '%s'", ns);
    *version = n->version;
    return format_root(k, n->root, text);
}

/* The reference of a directory in a snapshot, which is stored with all below it. */
static int format_dir(struct kvs *k, const struct kvs_snapshot *snap, const char *key,
                      char text[STORE_REF_TEXT_SIZE], struct flux_error *err)
{
    struct kvs_entry *e;
    struct kvs_path path;
    int at;
    int r = kvs_path_parse(key, &path, err);

    if (r == 0)
        r = kvs_walk(k, snap->root, &path, true, &e, &at, err);
    if (r == -ENOENT)
        return flux_error_set(err, r, "kvs: no key '%s'", path.text);
    if (r < 0)
        return r;
    if (r == 1 || (e && e->kind != KVS_DIR))
        return flux_error_set(err, -ENOTDIR, "kvs: '%s' is not a directory", path.text);
    return format_root(k, e ? e->p : snap->root, text);
}

int kvs_checkpoint_root(struct kvs *k, const char *ns, const char *key, uint64_t *version,
                        char text[STORE_REF_TEXT_SIZE], struct flux_error *err)
{
    if (!ns || !*ns)
        ns = KVS_PRIMARY;
    for (size_t i = 0; i < k->nlast; i++) {
        if (strcmp(k->last[i].name, ns) == 0) {
            *version = k->last[i].version;
            return format_dir(k, &k->last[i], key && *key ? key : ".", text, err);
        }
    }
    return flux_error_set(err, -ENOENT, "kvs: no namespace '%s' in the last checkpoint", ns);
}
