// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs wait: until a namespace has reached a version. */
#include "kvs/kvs.h"

static int run(struct cli *cli)
{
    flux_kvs_get_root_request in = FLUX_KVS_GET_ROOT_REQUEST_INIT;
    struct flux_error err;
    char *end;

    if (cli->argc != 1)
        return cli_misused(cli, "expected a VERSION");
    in.namespace_ = kvs_namespace(cli);
    in.version_only = true;
    in.wait_version = strtoull(cli->argv[0], &end, 10);
    if (*end || !*cli->argv[0] || cli->argv[0][0] == '-')
        return cli_misused(cli, "'%s' is not a version", cli->argv[0]);
    if (flux_kvs_get_root(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

const struct flux_verb verb_kvs_wait = {
    .path = "kvs wait",
    .args = "VERSION",
    .summary = "Block until the KVS reaches VERSION",
    .options = {kvs_options},
    .run = run,
};
