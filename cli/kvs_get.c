// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs get: values of keys, once or as they change. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"raw", 'r', OPT_FLAG, NULL, "Print the bytes as they are, without a newline"},
    {"treeobj", 't', OPT_FLAG, NULL, "Print the RFC 11 tree object"},
    {"at", 'a', OPT_STR, "TREEOBJ", "Look up in this snapshot (see flux kvs getroot)"},
    {"label", 'l', OPT_FLAG, NULL, "Print KEY= before values"},
    {"waitcreate", 'W', OPT_FLAG, NULL, "Wait until the key exists"},
    {"watch", 'w', OPT_FLAG, NULL, "Print the value whenever it changes"},
    {"count", 'c', OPT_INT, "COUNT", "With --watch, end after COUNT values"},
    {"uniq", 'u', OPT_FLAG, NULL, "With --watch, leave out values equal to the one before"},
    {"append", 'A', OPT_FLAG, NULL, "With --watch, print only what was appended"},
    {"full", 'f', OPT_FLAG, NULL, "With --watch, print the whole value at each change"},
    {"stream", 'S', OPT_FLAG, NULL, "Print a long value as it is read"},
    {NULL},
};

static void print_value(struct cli *cli, const char *key, const void *data, size_t len)
{
    if (cli_has(cli, "label"))
        printf("%s=", key);
    if (cli_has(cli, "treeobj")) {
        FLUX_AUTO_STR text = kvs_treeobj_value(data, len);
        puts(text);
        return;
    }
    if (len)
        fwrite(len ? data : "", 1, len, stdout);
    if (!cli_has(cli, "raw"))
        putchar('\n');
}

/* The object of a directory: its reference at this moment. */
static int print_dirref(struct cli *cli, const char *key)
{
    flux_kvs_get_root_request in = FLUX_KVS_GET_ROOT_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_root_response) out = NULL;
    struct flux_error err;
    int r;

    in.namespace_ = kvs_namespace(cli);
    in.key = (char *)key;
    r = flux_kvs_get_root(cli_handle(cli), FLUX_ANY, &in, &out, &err);
    if (r < 0)
        return kvs_fail(cli, key, r, &err);
    FLUX_AUTO_STR text = kvs_treeobj_dirref(out->rootref);
    puts(text);
    return 0;
}

static int get(struct cli *cli, const char *key, const char *at)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    FLUX_AUTO_BUF value = FLUX_BUF_INIT(1 << 30);
    struct flux_error err;
    int r;

    in.namespace_ = kvs_namespace(cli);
    in.key = (char *)key;
    in.rootref = (char *)at;
    in.nofollow = cli_has(cli, "treeobj");
    r = kvs_read(cli, &in, &out, &value, &err);
    if (r < 0)
        return kvs_fail(cli, key, r, &err);
    if (out->type == FLUX_KVS_TYPE_SYMLINK) {
        FLUX_AUTO_STR text = kvs_treeobj_symlink(out->target, out->target_namespace);
        puts(text);
    } else if (out->type == FLUX_KVS_TYPE_DIR) {
        if (cli_has(cli, "treeobj"))
            return print_dirref(cli, key);
        return cli_fail(cli, "%s: %s", key, strerror(EISDIR));
    } else
        print_value(cli, key, value.data ? value.data : "", value.len);
    return 0;
}

#define BATCH 500

/* Many keys in one round trip. What is long or special is asked for again on its own. */
static int get_many(struct cli *cli, char **keys, size_t count, const char *at)
{
    flux_kvs_get_many_request in = FLUX_KVS_GET_MANY_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_many_response) out = NULL;
    struct flux_error err;
    int r = 0;

    in.namespace_ = kvs_namespace(cli);
    in.keys = (void *)keys;
    in.n_keys = count;
    in.rootref = (char *)at;
    if (flux_kvs_get_many(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0) {
        for (size_t i = 0; i < count && r == 0; i++)
            r = get(cli, keys[i], at); /* tells which one */
        return r;
    }
    for (size_t i = 0; i < out->n_results && r == 0; i++) {
        const flux_kvs_get_response *res = out->results[i];
        bool value = res->type == FLUX_KVS_TYPE_VALUE || res->type == FLUX_KVS_TYPE_LOG;

        if (value && res->size == res->value.len)
            print_value(cli, keys[i], res->value.data, res->value.len);
        else
            r = get(cli, keys[i], at);
    }
    return r;
}

struct watch {
    struct flux_buf whole; /* what was printed last */
    bool printed;
};

/* Returns true if it was printed. */
static bool print_item(struct cli *cli, const char *key, struct watch *w,
                       const flux_kvs_watch_response *item)
{
    bool part = item->type == FLUX_KVS_TYPE_LOG && item->offset > 0 && !cli_has(cli, "append");

    if (!part) {
        if (cli_has(cli, "uniq") && w->printed && w->whole.len == item->value.len &&
            memcmp(w->whole.data, item->value.data, item->value.len) == 0)
            return false;
        flux_buf_reset(&w->whole);
    }
    flux_buf_add(&w->whole, item->value.data, item->value.len);
    print_value(cli, key, w->whole.data ? w->whole.data : "", w->whole.len);
    fflush(stdout);
    w->printed = true;
    return true;
}

/* Follow until `count` values were printed. */
static int watch(struct cli *cli, const char *key, long long count)
{
    flux_kvs_watch_request in = FLUX_KVS_WATCH_REQUEST_INIT;
    struct watch w = {.whole = FLUX_BUF_INIT(1 << 30)};
    const flux_kvs_watch_response *item;
    struct flux_error err;
    int r;

    in.namespace_ = kvs_namespace(cli);
    in.key = (char *)key;
    in.waitcreate = cli_has(cli, "waitcreate");
    FLUX_AUTO(future) f = flux_kvs_watch_stream(cli_handle(cli), FLUX_ANY, &in);
    while (count != 0 && (r = flux_kvs_watch_result(f, &item, &err)) == 0) {
        if (item->absent && w.printed) {
            flux_buf_done(&w.whole);
            return cli_fail(cli, "%s: %s", key, strerror(ENOENT));
        }
        if (item->type == FLUX_KVS_TYPE_DIR) {
            flux_buf_done(&w.whole);
            return cli_fail(cli, "%s: %s", key, strerror(EISDIR));
        }
        if (!item->absent && print_item(cli, key, &w, item))
            count--;
        flux_future_next(f);
    }
    flux_buf_done(&w.whole);
    return count == 0 ? 0 : kvs_fail(cli, key, r, &err);
}

static int run(struct cli *cli)
{
    FLUX_AUTO_STR at = kvs_at(cli);
    int r = 0;

    if (!at)
        return 1;
    if (cli->argc == 0)
        return cli_misused(cli, "expected a KEY");
    if (!cli_has(cli, "watch") && !cli_has(cli, "waitcreate") && !cli_has(cli, "treeobj")) {
        for (int i = 0; i < cli->argc && r == 0; i += BATCH)
            r = get_many(cli, cli->argv + i, cli->argc - i < BATCH ? cli->argc - i : BATCH, at);
        return r;
    }
    for (int i = 0; i < cli->argc && r == 0; i++) {
        if (cli_has(cli, "watch"))
            r = watch(cli, cli->argv[i], cli_int(cli, "count", -1));
        else if (cli_has(cli, "waitcreate"))
            r = watch(cli, cli->argv[i], 1);
        else
            r = get(cli, cli->argv[i], at);
    }
    return r;
}

const struct flux_verb verb_kvs_get = {
    .path = "kvs get",
    .args = "KEY...",
    .summary = "Get values of keys",
    .options = {kvs_options, options},
    .run = run,
};
