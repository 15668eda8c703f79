// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs namespace create */
#include <unistd.h>

#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"owner", 'o', OPT_INT, "UID", "User that may read and write in it (default: you)"},
    {"rootref", 'r', OPT_STR, "REF", "Begin with this snapshot (see flux kvs getroot -b)"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_kvs_namespace_create_request in = FLUX_KVS_NAMESPACE_CREATE_REQUEST_INIT;
    struct flux_error err;

    if (cli->argc == 0)
        return cli_misused(cli, "expected a NAME");
    in.owner = cli_int(cli, "owner", geteuid());
    in.rootref = (char *)cli_str(cli, "rootref", "");
    for (int i = 0; i < cli->argc; i++) {
        in.name = cli->argv[i];
        if (flux_kvs_namespace_create(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
            return cli_fail(cli, "%s: %s", in.name, err.text);
    }
    return 0;
}

const struct flux_verb verb_kvs_namespace_create = {
    .path = "kvs namespace create",
    .args = "NAME...",
    .summary = "Create a KVS namespace",
    .options = {options},
    .run = run,
};
