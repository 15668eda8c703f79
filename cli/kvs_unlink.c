// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs unlink: remove keys, all of one command line in one atomic commit. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"recursive", 'R', OPT_FLAG, NULL, "Remove directories with all below them"},
    {"force", 'f', OPT_FLAG, NULL, "Ignore keys that do not exist"},
    {NULL},
};

static int check(struct cli *cli, const char *key)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    struct flux_error err;
    int r;

    in.namespace_ = kvs_namespace(cli);
    in.key = (char *)key;
    in.nofollow = true;
    in.list = !cli_has(cli, "recursive");
    r = flux_kvs_get(cli_handle(cli), FLUX_ANY, &in, &out, &err);
    if (r == -ENOENT && cli_has(cli, "force"))
        return 0;
    if (r < 0)
        return kvs_fail(cli, key, r, &err);
    if (out->n_entries > 0)
        return cli_fail(cli, "cannot unlink '%s': %s", key, strerror(ENOTEMPTY));
    return 0;
}

static int run(struct cli *cli)
{
    struct kvs_txn txn = {0};
    int r;

    if (cli->argc == 0)
        return cli_misused(cli, "expected a KEY");
    for (int i = 0; i < cli->argc; i++) {
        r = check(cli, cli->argv[i]);
        if (r != 0) {
            free(txn.ops);
            return r;
        }
        kvs_txn_add(&txn, FLUX_KVS_OP_UNLINK, cli->argv[i]);
    }
    return kvs_commit(cli, kvs_namespace(cli), &txn);
}

const struct flux_verb verb_kvs_unlink = {
    .path = "kvs unlink",
    .args = "KEY...",
    .summary = "Remove key",
    .options = {kvs_options, kvs_commit_options, options},
    .run = run,
};
