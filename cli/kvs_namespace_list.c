// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs namespace list */
#include "kvs/kvs.h"

static int run(struct cli *cli)
{
    flux_kvs_namespace_list_request in = FLUX_KVS_NAMESPACE_LIST_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_namespace_list_response) out = NULL;
    struct flux_error err;

    if (flux_kvs_namespace_list(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    printf("%-36s %10s %10s\n", "NAMESPACE", "OWNER", "FLAGS");
    for (size_t i = 0; i < out->n_namespaces; i++)
        printf("%-36s %10u 0x%08X\n", out->namespaces[i]->name, out->namespaces[i]->owner, 0);
    return 0;
}

const struct flux_verb verb_kvs_namespace_list = {
    .path = "kvs namespace list",
    .summary = "List namespaces",
    .run = run,
};
