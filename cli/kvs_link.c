// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs link: make a symbolic link. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"target-namespace", 'T', OPT_STR, "NAME", "Namespace of the target"},
    {NULL},
};

static int run(struct cli *cli)
{
    struct kvs_txn txn = {0};
    flux_kvs_op *op;

    if (cli->argc != 2)
        return cli_misused(cli, "expected TARGET and LINKNAME");
    op = kvs_txn_add(&txn, FLUX_KVS_OP_SYMLINK, cli->argv[1]);
    op->target = cli->argv[0];
    op->target_namespace = (char *)cli_str(cli, "target-namespace", "");
    return kvs_commit(cli, kvs_namespace(cli), &txn);
}

const struct flux_verb verb_kvs_link = {
    .path = "kvs link",
    .args = "TARGET LINKNAME",
    .summary = "Create a new name for target",
    .options = {kvs_options, kvs_commit_options, options},
    .run = run,
};
