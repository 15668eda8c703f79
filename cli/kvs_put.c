// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs put: store values, all of one command line in one atomic commit. */
#include <unistd.h>

#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"raw", 'r', OPT_FLAG, NULL, "Take the value as it is; '-' reads it from standard input"},
    {"treeobj", 't', OPT_FLAG, NULL, "The value is an RFC 11 tree object; '-' reads it"},
    {"append", 'A', OPT_FLAG, NULL, "Append to what is there"},
    {"no-merge", 'n', OPT_FLAG, NULL, "Accepted; commits are atomic however they are grouped"},
    {"sync", 'S', OPT_FLAG, NULL, "Make a checkpoint after the commit"},
    {NULL},
};

static int read_stdin(struct flux_buf *buf)
{
    ssize_t n;

    do {
        char *room = flux_buf_reserve(buf, 65536);

        n = room ? read(STDIN_FILENO, room, 65536) : -1;
        if (n > 0)
            buf->len += n;
    } while (n > 0);
    return n < 0 ? -1 : 0;
}

/* The bytes of `text`, or of standard input for "-"; kept until the commit. */
static int add_value(struct cli *cli, struct kvs_txn *txn, const char *key, const char *text,
                     struct flux_buf *value)
{
    bool raw = cli_has(cli, "raw"), tree = cli_has(cli, "treeobj");
    flux_kvs_op *op =
        kvs_txn_add(txn, cli_has(cli, "append") ? FLUX_KVS_OP_APPEND : FLUX_KVS_OP_PUT, key);
    struct flux_error err;

    if (strcmp(text, "-") == 0 && (raw || tree)) {
        if (read_stdin(value) < 0)
            return cli_fail(cli, "standard input cannot be read, or is too long");
    } else
        flux_buf_puts(value, text);
    if (tree) {
        FLUX_AUTO_STR object = flux_strndup(value->data ? value->data : "", value->len);

        flux_buf_reset(value);
        if (kvs_treeobj_op(object, op, value, &err) < 0)
            return cli_fail(cli, "%s: %s", key, err.text);
    }
    op->value.data = (uint8_t *)value->data;
    op->value.len = value->len;
    return 0;
}

static int sync_store(struct cli *cli)
{
    flux_kvs_checkpoint_request in = FLUX_KVS_CHECKPOINT_REQUEST_INIT;
    struct flux_error err;

    if (flux_kvs_checkpoint(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

static int run(struct cli *cli)
{
    struct kvs_txn txn = {0};
    struct flux_buf *values;
    int r = 0;

    if (cli->argc == 0)
        return cli_misused(cli, "expected KEY=VALUE");
    values = flux_alloc(cli->argc * sizeof(*values));
    for (int i = 0; i < cli->argc && r == 0; i++) {
        char *eq = strchr(cli->argv[i], '=');

        if (!eq)
            r = cli_misused(cli, "'%s': expected KEY=VALUE", cli->argv[i]);
        else {
            *eq = '\0';
            r = add_value(cli, &txn, cli->argv[i], eq + 1, &values[i]);
        }
    }
    if (r == 0)
        r = kvs_commit(cli, kvs_namespace(cli), &txn);
    else
        free(txn.ops);
    if (r == 0 && cli_has(cli, "sync"))
        r = sync_store(cli);
    for (int i = 0; i < cli->argc; i++)
        flux_buf_done(&values[i]);
    free(values);
    return r;
}

const struct flux_verb verb_kvs_put = {
    .path = "kvs put",
    .args = "KEY=VALUE...",
    .summary = "Store values under keys",
    .options = {kvs_options, kvs_commit_options, options},
    .run = run,
};
