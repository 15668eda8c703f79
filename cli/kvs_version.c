// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs version: how many commits a namespace has seen. */
#include "kvs/kvs.h"

static int run(struct cli *cli)
{
    flux_kvs_get_root_request in = FLUX_KVS_GET_ROOT_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_root_response) out = NULL;
    struct flux_error err;

    in.namespace_ = kvs_namespace(cli);
    in.version_only = true;
    if (flux_kvs_get_root(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    printf("%llu\n", (unsigned long long)out->version);
    return 0;
}

const struct flux_verb verb_kvs_version = {
    .path = "kvs version",
    .summary = "Display current KVS version",
    .options = {kvs_options},
    .run = run,
};
