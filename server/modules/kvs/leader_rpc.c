// SPDX-License-Identifier: LGPL-3.0-only
/* The handlers of rank 0. Reading answers at once from durable state; writing goes to the groups.
 */
#include "entries.h"
#include "leader.h"

#include <malloc.h>

int kvs_leader_cred(struct flux_call *call, uint64_t on_behalf, struct kvs_reader_cred *ret)
{
    *ret = (struct kvs_reader_cred){flux_call_userid(call), flux_call_is_owner(call)};
    if (on_behalf == 0)
        return 0;
    if (!ret->owner)
        return flux_call_fail(call, EPERM, "kvs: only the instance owner acts for others");
    *ret = (struct kvs_reader_cred){on_behalf - 1, false};
    return 0;
}

static int fail(struct flux_call *call, int r, const struct flux_error *err)
{
    return flux_call_fail(call, kvs_leader_errno(r), "%s", err->text);
}

static int fill_value(struct kvs_leader *l, struct flux_call *call, const struct kvs_result *res,
                      uint64_t offset, flux_kvs_get_response *out, struct flux_error *err)
{
    struct flux_buf buf = FLUX_BUF_INIT(KVS_READ_MAX);
    int r = kvs_result_read(l->kvs, res, offset, KVS_READ_MAX, &buf, err);

    if (r == 0 && buf.len) {
        out->value.data = flux_call_alloc(call, buf.len);
        out->value.len = buf.len;
        memcpy(out->value.data, buf.data, buf.len);
    }
    flux_buf_done(&buf);
    return r;
}

/* `ls` is what entries of a directory are kept in. */
static int fill(struct kvs_leader *l, struct flux_call *call, const struct kvs_result *res,
                const flux_kvs_get_request *in, flux_kvs_get_response *out,
                struct kvs_entry_list *ls, struct flux_error *err)
{
    int r;

    char ns[KVS_NAMESPACE_MAX + 1];

    out->type = kvs_message_type(res->kind);
    out->version = res->version;
    out->size = res->size;
    if (res->kind == KVS_SYMLINK) {
        out->target = flux_call_strdup(call, kvs_link_split(res->payload, ns));
        out->target_namespace = flux_call_strdup(call, ns);
        return 0;
    }
    if (res->kind == KVS_DIR) {
        if (!in->list)
            return 0;
        if (in->expand)
            return kvs_leader_expand(l, call, res, in->expand, out, err);
        r = kvs_result_list(l->kvs, res, kvs_entries_add, ls, err);
        out->entries = ls->list;
        out->n_entries = ls->count;
        return r;
    }
    return fill_value(l, call, res, in->offset, out, err);
}

static int get(struct kvs_leader *l, struct flux_call *call, const flux_kvs_get_request *in,
               flux_kvs_get_response *out, struct kvs_entry_list *ls, struct flux_error *err)
{
    struct kvs_reader_cred cred;
    struct kvs_result res;
    int r;

    r = kvs_leader_cred(call, in->on_behalf, &cred);
    if (r < 0)
        return flux_error_set(err, r, "kvs: only the instance owner acts for others");
    r = kvs_lookup(l->kvs, in->namespace_, in->rootref, in->key, in->nofollow, &cred, &res, err);
    if (r < 0)
        return r;
    r = fill(l, call, &res, in, out, ls, err);
    kvs_result_done(l->kvs, &res);
    return r;
}

/* The end of a call that was put aside until its namespace was made. */
static void settle(struct flux_call *call, int r, const ProtobufCMessage *out)
{
    if (r < 0)
        flux_call_error(call, -r, NULL);
    else if (r == 0 && out)
        flux_call_reply(call, out);
    else if (r == 0)
        flux_call_finish(call);
}

static void get_again(struct flux_call *call, const void *in)
{
    flux_kvs_get_response out = FLUX_KVS_GET_RESPONSE_INIT;

    settle(call, kvs_leader_get(call, in, &out), &out.base);
}

int kvs_leader_get(struct flux_call *call, const flux_kvs_get_request *in,
                   flux_kvs_get_response *out)
{
    struct kvs_leader *l = flux_call_data(call);
    struct kvs_entry_list ls = {0};
    struct flux_error err;
    int r;

    if (kvs_leader_is_unmade(l, in->namespace_))
        return kvs_leader_open(call, in->namespace_, in->on_behalf, get_again, in);
    r = get(l, call, in, out, &ls, &err);
    if (r < 0)
        r = fail(call, r, &err);
    else {
        flux_kvs_get_reply(call, out);
        r = FLUX_CALL_LATER;
    }
    kvs_entries_done(&ls);
    kvs_trim(l->kvs);
    return r;
}

static void get_many_again(struct flux_call *call, const void *in)
{
    flux_kvs_get_many_response out = FLUX_KVS_GET_MANY_RESPONSE_INIT;

    settle(call, kvs_leader_get_many(call, in, &out), &out.base);
}

/* Values longer than what is left of one answer are cut: `size` tells. */
int kvs_leader_get_many(struct flux_call *call, const flux_kvs_get_many_request *in,
                        flux_kvs_get_many_response *out)
{
    struct kvs_leader *l = flux_call_data(call);
    flux_kvs_get_request one = FLUX_KVS_GET_REQUEST_INIT;
    struct flux_error err;
    size_t bytes = 0;
    int r;

    if (kvs_leader_is_unmade(l, in->namespace_))
        return kvs_leader_open(call, in->namespace_, in->on_behalf, get_many_again, in);
    one.namespace_ = in->namespace_;
    one.rootref = in->rootref;
    one.on_behalf = in->on_behalf;
    out->results = flux_call_alloc(call, in->n_keys * sizeof(*out->results) + 1);
    for (size_t i = 0; i < in->n_keys; i++) {
        flux_kvs_get_response *res = flux_call_alloc(call, sizeof(*res));

        *res = (flux_kvs_get_response)FLUX_KVS_GET_RESPONSE_INIT;
        one.key = in->keys[i];
        r = get(l, call, &one, res, NULL, &err);
        if (r < 0 && r != -ENOENT && r != -EUCLEAN)
            return fail(call, r, &err);
        if (r == -EUCLEAN) {
            *res = (flux_kvs_get_response)FLUX_KVS_GET_RESPONSE_INIT;
            res->errnum = kvs_leader_errno(r);
            res->error = flux_call_strdup(call, err.text);
        }
        bytes += res->value.len;
        if (bytes > 3 * KVS_READ_MAX)
            return flux_call_fail(call, EFBIG, "kvs: too much for one answer: ask for fewer keys");
        out->results[out->n_results++] = res;
    }
    kvs_trim(l->kvs);
    return 0;
}

static void commit_again(struct flux_call *call, const void *in)
{
    settle(call, kvs_leader_commit(call, in, NULL), NULL);
}

int kvs_leader_commit(struct flux_call *call, const flux_kvs_commit_request *in,
                      flux_kvs_commit_response *out)
{
    struct kvs_leader *l = flux_call_data(call);

    if (kvs_leader_is_unmade(l, in->namespace_))
        return kvs_leader_open(call, in->namespace_, in->on_behalf, commit_again, in);
    return kvs_leader_write(l, call, KVS_WRITE_COMMIT, in);
}

static void watch_again(struct flux_call *call, const void *in)
{
    settle(call, kvs_leader_watch(call, in), NULL);
}

int kvs_leader_watch(struct flux_call *call, const flux_kvs_watch_request *in)
{
    struct kvs_leader *l = flux_call_data(call);
    struct kvs_reader_cred cred;
    int r;

    if (kvs_leader_is_unmade(l, in->namespace_))
        return kvs_leader_open(call, in->namespace_, in->on_behalf, watch_again, in);
    r = kvs_leader_cred(call, in->on_behalf, &cred);
    return r < 0 ? r : kvs_watch_start(l->watches, call, in, &cred);
}

static void get_root_again(struct flux_call *call, const void *in)
{
    flux_kvs_get_root_response out = FLUX_KVS_GET_ROOT_RESPONSE_INIT;

    settle(call, kvs_leader_get_root(call, in, &out), &out.base);
}

int kvs_leader_get_root(struct flux_call *call, const flux_kvs_get_root_request *in,
                        flux_kvs_get_root_response *out)
{
    struct kvs_leader *l = flux_call_data(call);
    struct kvs_namespace_info info;
    struct kvs_reader_cred cred;
    char ref[STORE_REF_TEXT_SIZE] = "";
    struct flux_error err;
    int r;

    if (kvs_leader_is_unmade(l, in->namespace_))
        return kvs_leader_open(call, in->namespace_, in->on_behalf, get_root_again, in);
    r = kvs_leader_cred(call, in->on_behalf, &cred);
    if (r < 0)
        return r;
    r = kvs_namespace_get(l->kvs, in->namespace_, &info, &err);
    if (r < 0)
        return fail(call, r, &err);
    if (!cred.owner && cred.userid != info.owner)
        return flux_call_fail(call, EPERM, "kvs: namespace '%s' belongs to user %u", info.name,
                              info.owner);
    if (info.version < in->wait_version)
        return kvs_leader_wait(l, call, KVS_WAIT_VERSION, in->wait_version, in);
    if (!in->version_only) {
        r = *in->key ? -EAGAIN : kvs_root_ref(l->kvs, in->namespace_, &info.version, ref, &err);
        if (r == -EAGAIN)
            return kvs_leader_wait(l, call, KVS_WAIT_ROOT, kvs_checkpoint_start(l->kvs), in);
    }
    out->version = info.version;
    out->owner = info.owner;
    out->rootref = flux_call_strdup(call, ref);
    return 0;
}

int kvs_leader_namespace_create(struct flux_call *call, const flux_kvs_namespace_create_request *in,
                                flux_kvs_namespace_create_response *out)
{
    return kvs_leader_write(flux_call_data(call), call, KVS_WRITE_CREATE, in);
}

int kvs_leader_namespace_remove(struct flux_call *call, const flux_kvs_namespace_remove_request *in,
                                flux_kvs_namespace_remove_response *out)
{
    return kvs_leader_write(flux_call_data(call), call, KVS_WRITE_REMOVE, in);
}

struct ns_list {
    struct flux_call *call;
    flux_kvs_namespace **list;
    size_t count, cap;
};

static void add_namespace(void *arg, const struct kvs_namespace_info *info)
{
    struct ns_list *ls = arg;
    flux_kvs_namespace *ns = flux_call_alloc(ls->call, sizeof(*ns));

    if (ls->count == ls->cap) {
        ls->cap = ls->cap ? ls->cap * 2 : 16;
        ls->list = flux_realloc(ls->list, ls->cap, sizeof(*ls->list));
    }
    *ns = (flux_kvs_namespace)FLUX_KVS_NAMESPACE_INIT;
    ns->name = flux_call_strdup(ls->call, info->name);
    ns->owner = info->owner;
    ns->version = info->version;
    ls->list[ls->count++] = ns;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(flux_kvs_namespace *const *)a)->name, (*(flux_kvs_namespace *const *)b)->name);
}

int kvs_leader_namespace_list(struct flux_call *call, const flux_kvs_namespace_list_request *in,
                              flux_kvs_namespace_list_response *out)
{
    struct kvs_leader *l = flux_call_data(call);
    struct ns_list ls = {.call = call};

    kvs_namespace_each(l->kvs, add_namespace, &ls);
    if (ls.count) {
        qsort(ls.list, ls.count, sizeof(*ls.list), by_name);
        out->namespaces = flux_call_alloc(call, ls.count * sizeof(*ls.list));
        memcpy(out->namespaces, ls.list, ls.count * sizeof(*ls.list));
        out->n_namespaces = ls.count;
    }
    free(ls.list);
    return 0;
}

int kvs_leader_checkpoint(struct flux_call *call, const flux_kvs_checkpoint_request *in,
                          flux_kvs_checkpoint_response *out)
{
    struct kvs_leader *l = flux_call_data(call);

    return kvs_leader_wait(l, call, KVS_WAIT_CHECKPOINT, kvs_checkpoint_start(l->kvs), NULL);
}

int kvs_leader_gc(struct flux_call *call, const flux_kvs_gc_request *in, flux_kvs_gc_response *out)
{
    return kvs_leader_wait_gc(flux_call_data(call), call, in);
}

int kvs_leader_dropcache(struct flux_call *call, const flux_kvs_dropcache_request *in,
                         flux_kvs_dropcache_response *out)
{
    struct kvs_leader *l = flux_call_data(call);

    kvs_shrink(l->kvs, 0);
    malloc_trim(0);
    return 0;
}

int kvs_leader_stats(struct flux_call *call, const flux_kvs_stats_request *in,
                     flux_kvs_stats_response *out)
{
    struct kvs_leader *l = flux_call_data(call);
    struct store_stats store;
    struct kvs_stats stats;

    kvs_get_stats(l->kvs, &stats);
    store_get_stats(l->store, &store);
    out->commits = stats.commits;
    out->groups = stats.groups;
    out->checkpoints = stats.checkpoints;
    out->nodes_in_memory = stats.nodes;
    out->bytes_in_memory = stats.bytes;
    out->watches = kvs_watches_count(l->watches);
    out->log_records = stats.log_records;
    out->store_bytes = store.file_bytes;
    out->quarantined = store.quarantined;
    out->damaged = store.lost || stats.damaged;
    out->log_bytes = stats.log_bytes;
    out->dead = stats.dead;
    out->commits_since_gc = kvs_leader_commits_since_gc(l);
    return 0;
}
