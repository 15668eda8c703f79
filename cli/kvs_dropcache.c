// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs dropcache: free what can be read again from the store. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"all", 'a', OPT_FLAG, NULL, "On all ranks"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_kvs_dropcache_request in = FLUX_KVS_DROPCACHE_REQUEST_INIT;
    uint32_t size = cli_has(cli, "all") ? flux_size(cli_handle(cli)) : 1;
    struct flux_error err;

    for (uint32_t rank = 0; rank < size; rank++) {
        struct flux_to to = size > 1 ? FLUX_RANK(rank) : FLUX_ANY;

        if (flux_kvs_dropcache(cli_handle(cli), to, &in, NULL, &err) < 0)
            return cli_fail(cli, "%s", err.text);
    }
    return 0;
}

const struct flux_verb verb_kvs_dropcache = {
    .path = "kvs dropcache",
    .summary = "Tell KVS to drop its cache",
    .options = {options},
    .run = run,
};
