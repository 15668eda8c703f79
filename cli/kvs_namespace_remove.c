// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs namespace remove */
#include "kvs/kvs.h"

static int run(struct cli *cli)
{
    flux_kvs_namespace_remove_request in = FLUX_KVS_NAMESPACE_REMOVE_REQUEST_INIT;
    struct flux_error err;

    if (cli->argc == 0)
        return cli_misused(cli, "expected a NAME");
    for (int i = 0; i < cli->argc; i++) {
        in.name = cli->argv[i];
        if (flux_kvs_namespace_remove(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
            return cli_fail(cli, "%s: %s", in.name, err.text);
    }
    return 0;
}

const struct flux_verb verb_kvs_namespace_remove = {
    .path = "kvs namespace remove",
    .args = "NAME...",
    .summary = "Remove a KVS namespace",
    .run = run,
};
