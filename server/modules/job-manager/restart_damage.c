// SPDX-License-Identifier: LGPL-3.0-only
/* A start with a store that has been damaged: what is active is not believed to be all that the
 * list of active jobs says. All jobs of the KVS are looked at, and those whose eventlog has no end
 * are active; what cannot be read of a job is no reason not to go on with the others. This takes
 * time, and is done only then. */
#include "restart.h"

#include <stdio.h>
#include <syslog.h>

#include <flux/fluid.h>

#define WINDOW 256
#define JOB_DEPTH 4

bool restart_repair(struct manager *mgr)
{
    flux_kvs_fsck_request in = FLUX_KVS_FSCK_REQUEST_INIT;
    struct flux_error err;

    in.repair = in.structure_only = true;
    if (flux_kvs_fsck(mgr->h, FLUX_ANY, &in, NULL, &err) == 0)
        return true;
    flux_log(mgr->h, LOG_ERR, "the store is damaged and cannot be repaired: %s", err.text);
    return false;
}

bool restart_is_damaged(struct manager *mgr)
{
    flux_kvs_stats_request in = FLUX_KVS_STATS_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_stats_response) out = NULL;

    return flux_kvs_stats(mgr->h, FLUX_ANY, &in, &out, NULL) == 0 && out->damaged;
}

static void ids_add(struct restart_ids *ids, uint64_t id)
{
    if (ids->count == ids->cap) {
        ids->cap = ids->cap ? ids->cap * 2 : 256;
        ids->list = flux_realloc(ids->list, ids->cap, sizeof(*ids->list));
    }
    ids->list[ids->count++] = id;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static bool is_listed(const struct restart_ids *ids, size_t count, uint64_t id)
{
    return count && bsearch(&id, ids->list, count, sizeof(id), by_number);
}

static void walk(struct manager *mgr, const char *key, int depth, struct restart_ids *found)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    struct flux_error err;
    uint64_t id;
    int r;

    in.key = (char *)key;
    in.list = true;
    r = flux_kvs_get(mgr->h, FLUX_ANY, &in, &out, &err);
    if (r < 0 && r != -ENOENT)
        flux_log(mgr->h, LOG_ERR, "%s: %s; jobs may be missing", key, err.text);
    for (size_t i = 0; r == 0 && i < out->n_entries; i++) {
        FLUX_AUTO_STR below = flux_printf("%s.%s", key, out->entries[i]->name);

        if (depth < JOB_DEPTH)
            walk(mgr, below, depth + 1, found);
        else if (flux_fluid_parse(below, &id, NULL) == 0)
            ids_add(found, id);
    }
}

static struct flux_future *ask_log(struct manager *mgr, uint64_t id)
{
    flux_kvs_get_many_request in = FLUX_KVS_GET_MANY_REQUEST_INIT;
    char buf[FLUX_JOB_KEY_MAX];
    const char *keys[] = {flux_job_key(buf, id, "eventlog")};

    in.keys = keys;
    in.n_keys = 1;
    return flux_kvs_get_many_async(mgr->h, FLUX_ANY, &in);
}

/* Has it an eventlog, and does that lack its end? Or can nobody tell? */
static bool may_be_active(struct flux_future *f)
{
    const flux_kvs_get_many_response *res;
    const flux_kvs_get_response *log;

    if (flux_kvs_get_many_result(f, &res, NULL) < 0 || res->n_results != 1)
        return true;
    log = res->results[0];
    return log->errnum ||
           (log->value.len && !memmem(log->value.data, log->value.len, "\"name\":\"clean\"", 14));
}

/* Of `found` those which are not among the first `listed` of `ids`, and may be active. */
static void add_active(struct manager *mgr, const struct restart_ids *found,
                       struct restart_ids *ids, size_t listed)
{
    struct flux_future *window[WINDOW];

    for (size_t at = 0; at < found->count; at += WINDOW) {
        size_t m = found->count - at < WINDOW ? found->count - at : WINDOW;

        for (size_t i = 0; i < m; i++)
            window[i] = is_listed(ids, listed, found->list[at + i])
                            ? NULL
                            : ask_log(mgr, found->list[at + i]);
        for (size_t i = 0; i < m; i++) {
            if (window[i] && may_be_active(window[i]))
                ids_add(ids, found->list[at + i]);
            flux_future_free(window[i]);
        }
    }
}

void restart_find_active(struct manager *mgr, struct restart_ids *ids)
{
    struct restart_ids found = {0};
    size_t listed = ids->count;

    flux_log(mgr->h, LOG_WARNING, "restart: the store was damaged: looking through all jobs");
    if (listed)
        qsort(ids->list, listed, sizeof(*ids->list), by_number);
    walk(mgr, "job", 1, &found);
    for (size_t i = 0; i < found.count; i++) {
        if (found.list[i] > mgr->max_id)
            mgr->max_id = found.list[i];
    }
    add_active(mgr, &found, ids, listed);
    if (ids->count > listed)
        flux_log(mgr->h, LOG_WARNING, "restart: %zu jobs are active without being listed so",
                 ids->count - listed);
    free(found.list);
}

static flux_kvs_op *new_op(struct restart_notes *n, flux_kvs_op_kind kind, char *key)
{
    flux_kvs_op *op = flux_alloc(sizeof(*op));

    n->ops = flux_realloc(n->ops, n->count + 1, sizeof(*n->ops));
    *op = (flux_kvs_op)FLUX_KVS_OP_INIT;
    op->kind = kind;
    op->key = key;
    n->ops[n->count++] = op;
    return op;
}

static void put_text(struct restart_notes *n, char *key, const char *text)
{
    flux_kvs_op *op = new_op(n, FLUX_KVS_OP_PUT, key);

    op->value.data = (uint8_t *)flux_strdup(text);
    op->value.len = strlen(text);
}

void restart_note_damaged(struct restart_notes *n, uint64_t id, const char *why)
{
    unsigned long long number = id;

    put_text(n, flux_printf(FLUX_JOBS_KEY_DAMAGED ".%016llx", number), why);
    new_op(n, FLUX_KVS_OP_UNLINK, flux_printf(FLUX_JOBS_KEY_ACTIVE ".%016llx", number));
}

void restart_note_active(struct restart_notes *n, uint64_t id)
{
    put_text(n, flux_printf(FLUX_JOBS_KEY_ACTIVE ".%016llx", (unsigned long long)id), "");
}

void restart_notes_write(struct manager *mgr, struct restart_notes *n, bool with_max_id)
{
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    struct flux_error err;

    if (with_max_id && mgr->max_id) {
        FLUX_AUTO_STR max = flux_printf("%llu", (unsigned long long)mgr->max_id);
        put_text(n, flux_strdup(FLUX_JOBS_KEY_MAX_ID), max);
    }
    in.ops = n->ops;
    in.n_ops = n->count;
    if (n->count && flux_kvs_commit(mgr->h, FLUX_ANY, &in, NULL, &err) < 0)
        flux_log(mgr->h, LOG_ERR, "restart: what was found damaged cannot be stored: %s", err.text);
    for (size_t i = 0; i < n->count; i++) {
        free((char *)n->ops[i]->key);
        free(n->ops[i]->value.data);
        free(n->ops[i]);
    }
    free(n->ops);
    *n = (struct restart_notes){0};
}
