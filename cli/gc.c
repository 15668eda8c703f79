// SPDX-License-Identifier: LGPL-3.0-only
/* flux gc: collect what the KVS no longer needs, while it is in use. */
#include <flux/v1/kvs.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"verbose", 'v', OPT_FLAG, NULL, "Tell how much was removed"},
    {"no-cache", 0, OPT_FLAG, NULL, "Accepted: the collector displaces nothing"},
    {"maxreqs", 0, OPT_INT, "N", "Accepted: the collector works in small steps"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_kvs_gc_request in = FLUX_KVS_GC_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_gc_response) out = NULL;
    struct flux_error err;

    if (flux_kvs_gc(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (cli_has(cli, "verbose"))
        fprintf(stderr, "%s: removed %llu blobs, %llu bytes\n", cli->tool,
                (unsigned long long)out->blobs_removed, (unsigned long long)out->bytes_removed);
    return 0;
}

const struct flux_verb verb_gc = {
    .path = "gc",
    .summary = "Collect garbage of the KVS",
    .options = {options},
    .run = run,
};
