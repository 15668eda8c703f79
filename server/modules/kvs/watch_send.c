// SPDX-License-Identifier: LGPL-3.0-only
/* What a watcher is sent: values whole, of logs only what is new, directories when their listing
 * has changed. */
#include <sodium.h>

#include "entries.h"
#include "watch_private.h"

#define ITEM_BYTES (1u << 20)
#define VALUE_BYTES (KVS_VALUE_MAX + 1u)

static void send_absent(struct watcher *w)
{
    flux_kvs_watch_response item = FLUX_KVS_WATCH_RESPONSE_INIT;

    if (w->absent)
        return;
    w->absent = true;
    w->sent = 0;
    memset(w->digest, 0, sizeof(w->digest));
    item.absent = true;
    flux_kvs_watch_send(w->call, &item);
}

/* One item with bytes [offset, offset+max). Returns how many, or an error. */
static ssize_t send_bytes(struct kvs *k, struct watcher *w, const struct kvs_result *res,
                          uint64_t offset, uint64_t max, struct flux_error *err)
{
    flux_kvs_watch_response item = FLUX_KVS_WATCH_RESPONSE_INIT;
    struct flux_buf buf = FLUX_BUF_INIT(VALUE_BYTES);
    ssize_t n = kvs_result_read(k, res, offset, max, &buf, err);

    if (n == 0) {
        item.type = kvs_message_type(res->kind);
        item.version = res->version;
        item.offset = offset;
        item.value.data = (uint8_t *)buf.data;
        item.value.len = n = buf.len;
        flux_kvs_watch_send(w->call, &item);
    }
    flux_buf_done(&buf);
    return n;
}

static int send_log(struct kvs *k, struct watcher *w, const struct kvs_result *res, bool first,
                    struct flux_error *err)
{
    ssize_t n = 1;

    if (!first && res->size < w->sent) { /* it is another one */
        send_absent(w);
        w->absent = false;
    }
    if (w->in->full) {
        n = first || w->sent != res->size ? send_bytes(k, w, res, 0, VALUE_BYTES, err) : 0;
        w->sent = res->size;
        return n < 0 ? n : 0;
    }
    while (n > 0 && (w->sent < res->size || first)) {
        n = send_bytes(k, w, res, w->sent, ITEM_BYTES, err);
        if (n > 0)
            w->sent += n;
        first = false;
    }
    return n < 0 ? n : 0;
}

static int send_listing(struct kvs *k, struct watcher *w, const struct kvs_result *res, bool first,
                        struct flux_error *err)
{
    flux_kvs_watch_response item = FLUX_KVS_WATCH_RESPONSE_INIT;
    struct kvs_entry_list ls = {0};
    crypto_generichash_state hash;
    uint8_t digest[32];
    int r = kvs_result_list(k, res, kvs_entries_add, &ls, err);

    crypto_generichash_init(&hash, NULL, 0, sizeof(digest));
    for (size_t i = 0; i < ls.count; i++) {
        crypto_generichash_update(&hash, (const uint8_t *)ls.list[i]->name,
                                  strlen(ls.list[i]->name) + 1);
        crypto_generichash_update(&hash, (const uint8_t *)&ls.list[i]->type,
                                  sizeof(ls.list[i]->type));
    }
    crypto_generichash_final(&hash, digest, sizeof(digest));
    if (r == 0 && (first || memcmp(digest, w->digest, sizeof(digest)) != 0)) {
        item.type = FLUX_KVS_TYPE_DIR;
        item.version = res->version;
        item.entries = ls.list;
        item.n_entries = ls.count;
        flux_kvs_watch_send(w->call, &item);
        memcpy(w->digest, digest, sizeof(digest));
    }
    kvs_entries_done(&ls);
    return r;
}

static int send_result(struct kvs *k, struct watcher *w, const struct kvs_result *res, bool first,
                       struct flux_error *err)
{
    bool was_absent = w->absent;

    w->absent = false;
    if (res->kind == KVS_LOG)
        return send_log(k, w, res, first, err);
    w->sent = 0;
    if (res->kind == KVS_DIR)
        return w->in->recursive && !first && !was_absent
                   ? 0
                   : send_listing(k, w, res, first || was_absent, err);
    memset(w->digest, 0, sizeof(w->digest));
    return send_bytes(k, w, res, 0, VALUE_BYTES, err) < 0 ? -EIO : 0;
}

void kvs_watcher_update(struct kvs_watches *ws, struct watcher *w, bool first)
{
    struct kvs_result res;
    struct flux_error err = {"kvs: cannot read what is watched"};
    int r;

    w->round = ws->round;
    r = kvs_lookup(ws->kvs, w->in->namespace_, NULL, w->in->key, false, &w->cred, &res, &err);
    if (r == -ENOENT) {
        send_absent(w);
        return;
    }
    if (r == 0) {
        r = send_result(ws->kvs, w, &res, first, &err);
        kvs_result_done(ws->kvs, &res);
    }
    if (r < 0)
        kvs_watcher_fail(ws, w, r, err.text);
}

void kvs_watcher_tell(struct kvs_watches *ws, struct watcher *w, const struct watch_change *c)
{
    const struct kvs_reader_cred owner = {.owner = true};
    flux_kvs_watch_response item = FLUX_KVS_WATCH_RESPONSE_INIT;
    struct flux_buf buf = FLUX_BUF_INIT(VALUE_BYTES);
    struct kvs_result res;
    struct flux_error err;
    int r;

    item.key = c->id + c->nslen + 1;
    r = kvs_lookup(ws->kvs, c->id, NULL, item.key, true, &owner, &res, &err);
    if (r == -ENOENT) {
        item.absent = true;
        flux_kvs_watch_send(w->call, &item);
        return;
    }
    if (r == 0) {
        item.type = kvs_message_type(res.kind);
        item.version = res.version;
        if (res.kind == KVS_LOG && !c->put && c->appended <= res.size)
            item.offset = res.size - c->appended;
        if (res.kind != KVS_DIR)
            r = kvs_result_read(ws->kvs, &res, item.offset, VALUE_BYTES - 1, &buf, &err);
        item.value.data = (uint8_t *)buf.data;
        item.value.len = buf.len;
        if (r == 0)
            flux_kvs_watch_send(w->call, &item);
        kvs_result_done(ws->kvs, &res);
    }
    flux_buf_done(&buf);
    if (r < 0)
        kvs_watcher_fail(ws, w, r, err.text);
}
