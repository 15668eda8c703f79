// SPDX-License-Identifier: LGPL-3.0-only
/* What the KVS reads back from its store: nodes, log records, checkpoints; and keys. By the first
 * byte. */
#include <stdio.h>
#include <unistd.h>

#include "../../server/modules/kvs/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct store *open_store(void)
{
    static struct store *store;
    struct store_options opt = {.sync = false};
    char path[64];

    if (store)
        return store;
    snprintf(path, sizeof(path), "/tmp/flux-fuzz-kvs.%d", getpid());
    if (store_open(&store, path, &opt, NULL) < 0)
        abort();
    unlink(path);
    return store;
}

static void node(struct kvs *k, const uint8_t *data, size_t size)
{
    struct kvs_body *body;

    if (kvs_body_decode(&k->heap, data, size, &body, NULL) < 0)
        return;
    if (body->count == 0 || body->count > KVS_NODE_MAX)
        abort();
    kvs_body_free(&k->heap, body);
}

static void replay(struct kvs *k, const uint8_t *data, size_t size)
{
    struct kvs_reader_cred owner = {.owner = true};
    struct kvs_result res;

    kvs_record_replay(k, data, size, NULL);
    kvs_stage_keep(k, true);
    if (kvs_lookup(k, "", NULL, "a.b", false, &owner, &res, NULL) == 0)
        kvs_result_done(k, &res);
}

static void key(const uint8_t *data, size_t size)
{
    FLUX_AUTO_STR text = flux_strndup((const char *)data, size);
    struct kvs_path path, again;

    if (kvs_path_parse(text, &path, NULL) < 0 || path.count == 0)
        return;
    if (kvs_path_parse(path.text, &again, NULL) < 0 || again.len != path.len ||
        again.count != path.count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kvs_options opt = {0};
    struct kvs *k;

    if (size == 0 || kvs_open(&k, open_store(), &opt, NULL) < 0)
        return 0;
    switch (data[0] & 3) {
    case 0:
        node(k, data + 1, size - 1);
        break;
    case 1:
        replay(k, data + 1, size - 1);
        break;
    case 2:
        kvs_checkpoint_decode(k, data + 1, size - 1, NULL);
        break;
    default:
        key(data + 1, size - 1);
    }
    kvs_close(k);
    return 0;
}
