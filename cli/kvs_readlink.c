// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs readlink: where symbolic links lead. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"at", 'a', OPT_STR, "TREEOBJ", "Look up in this snapshot (see flux kvs getroot)"},
    {"namespace-only", 'o', OPT_FLAG, NULL, "Print only the namespace of the target"},
    {"key-only", 'k', OPT_FLAG, NULL, "Print only the key of the target"},
    {NULL},
};

static int print_link(struct cli *cli, const char *key, const char *at)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    struct flux_error err;
    int r;

    in.namespace_ = kvs_namespace(cli);
    in.key = (char *)key;
    in.rootref = (char *)at;
    in.nofollow = true;
    r = flux_kvs_get(cli_handle(cli), FLUX_ANY, &in, &out, &err);
    if (r < 0)
        return kvs_fail(cli, key, r, &err);
    if (out->type != FLUX_KVS_TYPE_SYMLINK)
        return cli_fail(cli, "%s: this is not a symbolic link", key);
    if (cli_has(cli, "namespace-only"))
        puts(out->target_namespace);
    else if (cli_has(cli, "key-only") || !*out->target_namespace)
        puts(out->target);
    else
        printf("%s::%s\n", out->target_namespace, out->target);
    return 0;
}

static int run(struct cli *cli)
{
    FLUX_AUTO_STR at = kvs_at(cli);
    int r = 0;

    if (!at)
        return 1;
    if (cli->argc == 0)
        return cli_misused(cli, "expected a KEY");
    for (int i = 0; i < cli->argc && r == 0; i++)
        r = print_link(cli, cli->argv[i], at);
    return r;
}

const struct flux_verb verb_kvs_readlink = {
    .path = "kvs readlink",
    .args = "KEY...",
    .summary = "Retrieve the key a link refers to",
    .options = {kvs_options, options},
    .run = run,
};
