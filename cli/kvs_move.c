// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs move: copy and unlink; one atomic commit when both are in the same namespace. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"src-namespace", 'S', OPT_STR, "NAME", "Namespace of the source"},
    {"dst-namespace", 'D', OPT_STR, "NAME", "Namespace of the destination"},
    {NULL},
};

/* A directory cannot move into itself, nor to where it is. */
static bool is_within(const char *key, const char *dir)
{
    size_t len = strlen(dir);

    return strncmp(key, dir, len) == 0 && (key[len] == '\0' || key[len] == '.');
}

static int run(struct cli *cli)
{
    const char *ns = kvs_namespace(cli);
    const char *from = cli_str(cli, "src-namespace", ns), *to = cli_str(cli, "dst-namespace", ns);
    struct kvs_txn txn = {0};
    flux_kvs_op *op;
    int r = 0;

    if (cli->argc != 2)
        return cli_misused(cli, "expected SOURCE and DESTINATION");
    if (strcmp(from, to) == 0 && is_within(cli->argv[1], cli->argv[0]))
        return cli_fail(cli, "cannot move '%s' into itself", cli->argv[0]);
    op = kvs_txn_add(&txn, FLUX_KVS_OP_COPY, cli->argv[1]);
    op->target = cli->argv[0];
    op->target_namespace = (char *)(*from ? from : "primary");
    if (strcmp(from, to) != 0) {
        r = kvs_commit(cli, to, &txn);
        txn = (struct kvs_txn){0};
    }
    if (r != 0)
        return r;
    kvs_txn_add(&txn, FLUX_KVS_OP_UNLINK, cli->argv[0]);
    return kvs_commit(cli, from, &txn);
}

const struct flux_verb verb_kvs_move = {
    .path = "kvs move",
    .args = "SOURCE DESTINATION",
    .summary = "Move source to destination",
    .options = {kvs_options, kvs_commit_options, options},
    .run = run,
};
