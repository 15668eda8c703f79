// SPDX-License-Identifier: LGPL-3.0-only
/* flux restore: what flux dump wrote, back into the primary namespace. */
#include "kvs/kvs.h"
#include "tar/tar.h"

#define GROUP_OPS 1000
#define GROUP_BYTES (4u << 20)
#define VALUE_MAX (10u << 20) /* a longer file is restored as a log, in pieces */

static const struct flux_option options[] = {
    {"verbose", 'v', OPT_FLAG, NULL, "List keys on standard error as they are restored"},
    {"quiet", 'q', OPT_FLAG, NULL, "Do not tell how many keys were restored"},
    {"checkpoint", 0, OPT_FLAG, NULL, "Replace the root, then make a checkpoint"},
    {"key", 0, OPT_STR, "KEY", "Restore below this key, which is replaced"},
    {"no-cache", 0, OPT_FLAG, NULL, "Accepted"},
    {"size-limit", 0, OPT_INT, "BYTES", "Leave out files longer than this"},
    {"sd-notify", 0, OPT_FLAG, NULL, "Accepted"},
    {NULL},
};

struct restore {
    struct cli *cli;
    struct tar tar;
    const char *prefix; /* key, or "." */
    struct kvs_txn txn;
    size_t bytes; /* in txn */
    size_t keys, left_out;
};

static void flush(struct restore *rs)
{
    if (rs->txn.count == 0)
        return;
    flux_kvs_op *ops = rs->txn.ops;
    size_t count = rs->txn.count;

    rs->txn.ops = flux_memdup(ops, count * sizeof(*ops));
    if (kvs_commit(rs->cli, "", &rs->txn) != 0)
        exit(1);
    for (size_t i = 0; i < count; i++) {
        free((char *)ops[i].key);
        free(ops[i].value.data);
        if (ops[i].kind == FLUX_KVS_OP_SYMLINK) {
            free((char *)ops[i].target);
            free((char *)ops[i].target_namespace);
        }
    }
    free(ops);
    rs->txn = (struct kvs_txn){0};
    rs->bytes = 0;
}

static flux_kvs_op *add(struct restore *rs, flux_kvs_op_kind kind, const char *key, size_t bytes)
{
    if (rs->txn.count >= GROUP_OPS || rs->bytes + bytes > GROUP_BYTES)
        flush(rs);
    rs->bytes += bytes;
    return kvs_txn_add(&rs->txn, kind, flux_strdup(key));
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "a/b%2Fc" below the prefix. NULL: it names nothing. */
static char *key_of(const struct restore *rs, const char *path)
{
    FLUX_AUTO_BUF key = FLUX_BUF_INIT(1 << 20);

    while (strncmp(path, "./", 2) == 0)
        path += 2;
    for (; *path; path++) {
        if (*path == '%' && hex(path[1]) >= 0 && hex(path[2]) >= 0) {
            flux_buf_putc(&key, hex(path[1]) << 4 | hex(path[2]));
            path += 2;
        } else
            flux_buf_putc(&key, *path == '/' ? '.' : *path);
    }
    while (key.len && key.data[key.len - 1] == '.')
        key.data[--key.len] = '\0';
    return key.len ? kvs_join(rs->prefix, key.data) : NULL;
}

static void add_value(struct restore *rs, const char *key, const char *data, size_t len)
{
    flux_kvs_op_kind kind = len > VALUE_MAX ? FLUX_KVS_OP_APPEND : FLUX_KVS_OP_PUT;

    if (kind == FLUX_KVS_OP_APPEND)
        add(rs, FLUX_KVS_OP_UNLINK, key, 0);
    do {
        size_t n = kind == FLUX_KVS_OP_APPEND && len > GROUP_BYTES / 2 ? GROUP_BYTES / 2 : len;
        flux_kvs_op *op = add(rs, kind, key, n);

        op->value.data = flux_memdup(data, n);
        op->value.len = n;
        data += n;
        len -= n;
    } while (len > 0);
}

static void restore_file(struct restore *rs, const char *key, struct tar_entry *e)
{
    long long limit = cli_int(rs->cli, "size-limit", 0);
    FLUX_AUTO_BUF data = FLUX_BUF_INIT(1 << 30);
    struct flux_error err;

    if (tar_read_data(&rs->tar, e, &data, &err) < 0)
        cli_die(rs->cli, "%s", err.text);
    if (limit > 0 && data.len > (unsigned long long)limit) {
        cli_warn(rs->cli, "%s: %zu bytes exceed the limit of %lld: left out", key, data.len, limit);
        rs->left_out++;
        return;
    }
    add_value(rs, key, data.data ? data.data : "", data.len);
}

static void restore_link(struct restore *rs, const char *key, const char *target)
{
    const char *sep = strstr(target, "::");
    flux_kvs_op *op = add(rs, FLUX_KVS_OP_SYMLINK, key, strlen(target));

    op->target = flux_strdup(sep ? sep + 2 : target);
    op->target_namespace = flux_strndup(target, sep ? (size_t)(sep - target) : 0);
}

static void restore_entry(struct restore *rs, struct tar_entry *e)
{
    FLUX_AUTO_STR key = key_of(rs, e->path.data ? e->path.data : "");

    if (!key)
        return;
    if (e->type == '0')
        restore_file(rs, key, e);
    else if (e->type == '2')
        restore_link(rs, key, e->target.data ? e->target.data : "");
    else if (e->type == '5')
        add(rs, FLUX_KVS_OP_MKDIR, key, 0);
    else
        return;
    rs->keys++;
    if (cli_has(rs->cli, "verbose"))
        fprintf(stderr, "%s\n", key);
}

/* What was there before goes. */
static void clear(struct restore *rs)
{
    FLUX_AUTO_MSG(flux_kvs_get_response) root = NULL;
    struct flux_error err;

    if (strcmp(rs->prefix, ".") != 0) {
        add(rs, FLUX_KVS_OP_UNLINK, rs->prefix, 0);
        return;
    }
    if (kvs_list(rs->cli, "", ".", "", &root, &err) < 0)
        cli_die(rs->cli, "%s", err.text);
    for (size_t i = 0; i < root->n_entries; i++)
        add(rs, FLUX_KVS_OP_UNLINK, root->entries[i]->name, 0);
}

static void sync_store(struct cli *cli)
{
    flux_kvs_checkpoint_request in = FLUX_KVS_CHECKPOINT_REQUEST_INIT;
    struct flux_error err;

    if (flux_kvs_checkpoint(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        cli_die(cli, "%s", err.text);
}

static int run(struct cli *cli)
{
    struct restore rs = {.cli = cli, .prefix = cli_str(cli, "key", ".")};
    struct tar_entry e = {.path = FLUX_BUF_INIT(1 << 20), .target = FLUX_BUF_INIT(1 << 20)};
    struct flux_error err;
    int r;

    if (cli->argc != 1)
        return cli_misused(cli, "expected INFILE ('-' is standard input)");
    if (cli_has(cli, "checkpoint") == cli_has(cli, "key"))
        return cli_misused(cli, "expected one of --checkpoint and --key");
    if (tar_open(&rs.tar, cli->argv[0], false, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    clear(&rs);
    while ((r = tar_read_entry(&rs.tar, &e, &err)) > 0)
        restore_entry(&rs, &e);
    if (r < 0)
        return cli_fail(cli, "%s", err.text);
    flush(&rs);
    tar_entry_done(&e);
    tar_close(&rs.tar, NULL);
    if (cli_has(cli, "checkpoint"))
        sync_store(cli);
    if (!cli_has(cli, "quiet"))
        fprintf(stderr, "%s: restored %zu keys\n", cli->tool, rs.keys - rs.left_out);
    return 0;
}

const struct flux_verb verb_restore = {
    .path = "restore",
    .args = "INFILE",
    .summary = "Read a KVS snapshot from a portable archive",
    .options = {options},
    .run = run,
};
