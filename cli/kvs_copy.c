// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs copy: a second name for what is there at this moment; the store does not copy bytes. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"src-namespace", 'S', OPT_STR, "NAME", "Namespace of the source"},
    {"dst-namespace", 'D', OPT_STR, "NAME", "Namespace of the destination"},
    {NULL},
};

static int run(struct cli *cli)
{
    const char *ns = kvs_namespace(cli);
    const char *from = cli_str(cli, "src-namespace", ns), *to = cli_str(cli, "dst-namespace", ns);
    struct kvs_txn txn = {0};
    flux_kvs_op *op;

    if (cli->argc != 2)
        return cli_misused(cli, "expected SOURCE and DESTINATION");
    op = kvs_txn_add(&txn, FLUX_KVS_OP_COPY, cli->argv[1]);
    op->target = cli->argv[0];
    op->target_namespace = (char *)(*from ? from : "primary");
    return kvs_commit(cli, to, &txn);
}

const struct flux_verb verb_kvs_copy = {
    .path = "kvs copy",
    .args = "SOURCE DESTINATION",
    .summary = "Copy source to destination",
    .options = {kvs_options, kvs_commit_options, options},
    .run = run,
};
