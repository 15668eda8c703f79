// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs sync: a checkpoint now. Commits are durable without; it makes the next start shorter. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"blobref", 'b', OPT_FLAG, NULL, "Show the root reference of the checkpoint"},
    {"sequence", 's', OPT_FLAG, NULL, "Show the sequence number of the checkpoint"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_kvs_checkpoint_request in = FLUX_KVS_CHECKPOINT_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_checkpoint_response) out = NULL;
    struct flux_error err;

    if (flux_kvs_checkpoint(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (cli_has(cli, "blobref"))
        puts(out->rootref);
    if (cli_has(cli, "sequence"))
        printf("%llu\n", (unsigned long long)out->version);
    return 0;
}

const struct flux_verb verb_kvs_sync = {
    .path = "kvs sync",
    .summary = "Make a checkpoint of the KVS",
    .options = {options},
    .run = run,
};
