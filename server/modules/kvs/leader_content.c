// SPDX-License-Identifier: LGPL-3.0-only
/* The content service at rank 0: blobs of clients ride on the groups, loads come from the store. */
#include "leader.h"

int kvs_leader_content_store(struct flux_call *call, const flux_content_store_request *in,
                             flux_content_store_response *out)
{
    if (in->data.len > KVS_CONTENT_MAX)
        return flux_call_fail(call, EFBIG, "content: a blob has at most %u bytes", KVS_CONTENT_MAX);
    return kvs_leader_write(flux_call_data(call), call, KVS_WRITE_STORE, in);
}

int kvs_leader_content_load(struct flux_call *call, const flux_content_load_request *in,
                            flux_content_load_response *out)
{
    struct kvs_leader *l = flux_call_data(call);
    struct store_ref ref = {0};
    struct flux_error err;
    FLUX_AUTO_MEM(void) data = NULL;
    size_t len;
    int r;

    r = store_ref_parse(in->ref, ref.hash, &err);
    if (r == 0)
        r = store_find(l->store, &ref, &data, &len, &err);
    if (r < 0)
        return flux_call_fail(call, kvs_leader_errno(r), "%s", err.text);
    out->data.data = flux_call_alloc(call, len + 1);
    out->data.len = len;
    memcpy(out->data.data, data, len);
    return 0;
}

int kvs_leader_content_flush(struct flux_call *call, const flux_content_flush_request *in,
                             flux_content_flush_response *out)
{
    return kvs_leader_write(flux_call_data(call), call, KVS_WRITE_FLUSH, in);
}

int kvs_leader_content_dropcache(struct flux_call *call, const flux_content_dropcache_request *in,
                                 flux_content_dropcache_response *out)
{
    return 0; /* rank 0 keeps no copies beside the store */
}

struct listing {
    struct flux_call *call;
    flux_content_checkpoints_response *out;
};

static void add_checkpoint(void *arg, double time, const void *data, size_t len)
{
    struct listing *ls = arg;
    size_t n = ls->out->n_checkpoints;
    flux_content_checkpoint *c = flux_call_alloc(ls->call, sizeof(*c));
    flux_content_checkpoint **list = flux_call_alloc(ls->call, (n + 1) * sizeof(*list));
    char ref[STORE_REF_TEXT_SIZE];

    *c = (flux_content_checkpoint)FLUX_CONTENT_CHECKPOINT_INIT;
    if (kvs_checkpoint_info(data, len, &c->version, ref) < 0)
        return;
    c->timestamp = time;
    c->rootref = flux_call_strdup(ls->call, ref);
    if (n)
        memcpy(list, ls->out->checkpoints, n * sizeof(*list));
    list[n] = c;
    ls->out->checkpoints = list;
    ls->out->n_checkpoints = n + 1;
}

int kvs_leader_content_checkpoints(struct flux_call *call,
                                   const flux_content_checkpoints_request *in,
                                   flux_content_checkpoints_response *out)
{
    struct kvs_leader *l = flux_call_data(call);
    struct listing ls = {call, out};
    struct flux_error err;
    int r = store_checkpoint_each(l->store, add_checkpoint, &ls, &err);

    return r < 0 ? flux_call_fail(call, kvs_leader_errno(r), "%s", err.text) : 0;
}
