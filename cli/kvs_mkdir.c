// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs mkdir: make empty directories. */
#include "kvs/kvs.h"

static int run(struct cli *cli)
{
    struct kvs_txn txn = {0};

    if (cli->argc == 0)
        return cli_misused(cli, "expected a KEY");
    for (int i = 0; i < cli->argc; i++)
        kvs_txn_add(&txn, FLUX_KVS_OP_MKDIR, cli->argv[i]);
    return kvs_commit(cli, kvs_namespace(cli), &txn);
}

const struct flux_verb verb_kvs_mkdir = {
    .path = "kvs mkdir",
    .args = "KEY...",
    .summary = "Create directory",
    .options = {kvs_options, kvs_commit_options},
    .run = run,
};
