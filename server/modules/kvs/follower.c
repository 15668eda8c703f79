// SPDX-License-Identifier: LGPL-3.0-only
/* Requests on their way up. A request that changes nothing and is equal to one under way shares its
 * answer; the identity of the caller is part of the request, so nobody shares another's rights. */
#include "follower.h"

#define BLOB_BUDGET (4u << 20)

static const struct flux_kvs_ops kvs_ops = FLUX_KVS_OPS(kvs_follower);
static const struct flux_content_ops content_ops = FLUX_CONTENT_OPS(kvs_follower_content);

uint64_t kvs_follower_behalf(struct flux_call *call, uint64_t on_behalf)
{
    if (flux_call_is_owner(call))
        return on_behalf;
    return (uint64_t)flux_call_userid(call) + 1;
}

static void shared_free(struct kvs_shared *s)
{
    if (s->id)
        HASH_DEL(s->follower->shared, s);
    flux_future_free(s->future);
    free(s->id);
    free(s);
}

static void on_answer(struct flux_future *future, void *arg)
{
    struct kvs_shared *s = arg;
    const ProtobufCMessage *out;
    struct kvs_sharer *sh;
    struct flux_error err = {0};
    int r = flux_rpc_result(future, &out, &err);

    if (r == 0 && s->answered)
        s->answered(s, out);
    while ((sh = TAILQ_FIRST(&s->sharers))) {
        TAILQ_REMOVE(&s->sharers, sh, next);
        if (r < 0)
            flux_call_error(sh->call, -r, "%s", err.text);
        else
            flux_call_reply(sh->call, out);
    }
    shared_free(s);
}

/* With the last of those who wait, the request is given up. */
static void on_cancel(struct flux_call *call, void *arg)
{
    struct kvs_sharer *sh = arg;

    TAILQ_REMOVE(&sh->shared->sharers, sh, next);
    if (TAILQ_EMPTY(&sh->shared->sharers))
        shared_free(sh->shared);
}

static void join(struct kvs_shared *s, struct flux_call *call)
{
    struct kvs_sharer *sh = flux_call_alloc(call, sizeof(*sh));

    sh->call = call;
    sh->shared = s;
    flux_call_on_cancel(call, on_cancel, sh);
    TAILQ_INSERT_TAIL(&s->sharers, sh, next);
}

int kvs_follower_forward(struct flux_call *call, const struct flux_method *method,
                         const ProtobufCMessage *in, bool share,
                         void (*answered)(const struct kvs_shared *s, const ProtobufCMessage *out))
{
    struct kvs_follower *f = flux_call_data(call);
    size_t len = share ? sizeof(method) + protobuf_c_message_get_packed_size(in) : 0;
    FLUX_AUTO_MEM(uint8_t) id = share ? flux_alloc(len) : NULL;
    struct kvs_shared *s = NULL;

    if (share) {
        memcpy(id, &method, sizeof(method));
        protobuf_c_message_pack(in, id + sizeof(method));
        HASH_FIND(hh, f->shared, id, len, s);
    }
    if (!s) {
        s = flux_alloc(sizeof(*s));
        s->follower = f;
        s->answered = answered;
        TAILQ_INIT(&s->sharers);
        if (share) {
            s->id = FLUX_GIVE(id);
            s->idlen = len;
            HASH_ADD_KEYPTR(hh, f->shared, s->id, len, s);
        }
        join(s, call);
        s->future = flux_rpc(f->h, FLUX_UPSTREAM, method, in);
        flux_future_then(s->future, on_answer, s);
    } else
        join(s, call);
    return FLUX_CALL_LATER;
}

int kvs_follower_get(struct flux_call *call, const flux_kvs_get_request *in,
                     flux_kvs_get_response *out)
{
    flux_kvs_get_request up = *in;

    up.on_behalf = kvs_follower_behalf(call, in->on_behalf);
    return kvs_follower_forward(call, &flux_kvs_get_method, &up.base, true, NULL);
}

int kvs_follower_get_many(struct flux_call *call, const flux_kvs_get_many_request *in,
                          flux_kvs_get_many_response *out)
{
    flux_kvs_get_many_request up = *in;

    up.on_behalf = kvs_follower_behalf(call, in->on_behalf);
    return kvs_follower_forward(call, &flux_kvs_get_many_method, &up.base, true, NULL);
}

int kvs_follower_commit(struct flux_call *call, const flux_kvs_commit_request *in,
                        flux_kvs_commit_response *out)
{
    flux_kvs_commit_request up = *in;

    up.on_behalf = kvs_follower_behalf(call, in->on_behalf);
    return kvs_follower_forward(call, &flux_kvs_commit_method, &up.base, false, NULL);
}

int kvs_follower_get_root(struct flux_call *call, const flux_kvs_get_root_request *in,
                          flux_kvs_get_root_response *out)
{
    flux_kvs_get_root_request up = *in;

    up.on_behalf = kvs_follower_behalf(call, in->on_behalf);
    return kvs_follower_forward(call, &flux_kvs_get_root_method, &up.base, true, NULL);
}

int kvs_follower_namespace_create(struct flux_call *call,
                                  const flux_kvs_namespace_create_request *in,
                                  flux_kvs_namespace_create_response *out)
{
    return kvs_follower_forward(call, &flux_kvs_namespace_create_method, &in->base, false, NULL);
}

int kvs_follower_namespace_remove(struct flux_call *call,
                                  const flux_kvs_namespace_remove_request *in,
                                  flux_kvs_namespace_remove_response *out)
{
    return kvs_follower_forward(call, &flux_kvs_namespace_remove_method, &in->base, false, NULL);
}

int kvs_follower_namespace_list(struct flux_call *call, const flux_kvs_namespace_list_request *in,
                                flux_kvs_namespace_list_response *out)
{
    return kvs_follower_forward(call, &flux_kvs_namespace_list_method, &in->base, true, NULL);
}

int kvs_follower_checkpoint(struct flux_call *call, const flux_kvs_checkpoint_request *in,
                            flux_kvs_checkpoint_response *out)
{
    return kvs_follower_forward(call, &flux_kvs_checkpoint_method, &in->base, false, NULL);
}

int kvs_follower_gc(struct flux_call *call, const flux_kvs_gc_request *in,
                    flux_kvs_gc_response *out)
{
    return kvs_follower_forward(call, &flux_kvs_gc_method, &in->base, false, NULL);
}

int kvs_follower_fsck(struct flux_call *call, const flux_kvs_fsck_request *in,
                      flux_kvs_fsck_response *out)
{
    return kvs_follower_forward(call, &flux_kvs_fsck_method, &in->base, false, NULL);
}

/* What is kept here, and what is kept above. */
int kvs_follower_dropcache(struct flux_call *call, const flux_kvs_dropcache_request *in,
                           flux_kvs_dropcache_response *out)
{
    struct kvs_follower *f = flux_call_data(call);

    kvs_blobs_clear(f->blobs);
    return 0;
}

int kvs_follower_stats(struct flux_call *call, const flux_kvs_stats_request *in,
                       flux_kvs_stats_response *out)
{
    struct kvs_follower *f = flux_call_data(call);

    out->watches = f->watches;
    return 0;
}

int kvs_follower_content_store(struct flux_call *call, const flux_content_store_request *in,
                               flux_content_store_response *out)
{
    return kvs_follower_forward(call, &flux_content_store_method, &in->base, true, NULL);
}

static void keep_blob(const struct kvs_shared *s, const ProtobufCMessage *out)
{
    const flux_content_load_response *res = (const flux_content_load_response *)out;
    size_t at = sizeof(const struct flux_method *);
    FLUX_AUTO_MSG(flux_content_load_request)
    in = (void *)protobuf_c_message_unpack(flux_content_load_method.request, NULL, s->idlen - at,
                                           s->id + at);

    if (in)
        kvs_blobs_add(s->follower->blobs, in->ref, res->data.data, res->data.len);
}

int kvs_follower_content_load(struct flux_call *call, const flux_content_load_request *in,
                              flux_content_load_response *out)
{
    struct kvs_follower *f = flux_call_data(call);
    const void *data;
    size_t len;

    data = kvs_blobs_get(f->blobs, in->ref, &len);
    if (!data)
        return kvs_follower_forward(call, &flux_content_load_method, &in->base, true, keep_blob);
    out->data.data = (uint8_t *)data;
    out->data.len = len;
    return 0;
}

int kvs_follower_content_flush(struct flux_call *call, const flux_content_flush_request *in,
                               flux_content_flush_response *out)
{
    return kvs_follower_forward(call, &flux_content_flush_method, &in->base, false, NULL);
}

int kvs_follower_content_dropcache(struct flux_call *call, const flux_content_dropcache_request *in,
                                   flux_content_dropcache_response *out)
{
    struct kvs_follower *f = flux_call_data(call);

    kvs_blobs_clear(f->blobs);
    return 0;
}

int kvs_follower_content_checkpoints(struct flux_call *call,
                                     const flux_content_checkpoints_request *in,
                                     flux_content_checkpoints_response *out)
{
    return kvs_follower_forward(call, &flux_content_checkpoints_method, &in->base, true, NULL);
}

int kvs_follower_start(struct flux *h, struct kvs_follower **ret, struct flux_error *err)
{
    struct kvs_follower *f = flux_alloc(sizeof(*f));
    int r;

    f->h = h;
    f->blobs = kvs_blobs_new(BLOB_BUDGET);
    if ((r = flux_kvs_serve(h, &kvs_ops, f, err)) < 0 ||
        (r = flux_content_serve(h, &content_ops, f, err)) < 0) {
        kvs_follower_stop(f);
        return r;
    }
    *ret = f;
    return 0;
}

void kvs_follower_stop(struct kvs_follower *f)
{
    struct kvs_shared *s, *tmp;

    HASH_ITER (hh, f->shared, s, tmp)
        shared_free(s);
    kvs_streams_free(f);
    kvs_blobs_free(f->blobs);
    free(f);
}
