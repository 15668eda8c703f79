// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs getroot: a reference to the present contents, for reading them later as they are now. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"owner", 'o', OPT_FLAG, NULL, "Show the owner of the namespace"},
    {"blobref", 'b', OPT_FLAG, NULL, "Show the reference alone"},
    {"sequence", 's', OPT_FLAG, NULL, "Show the sequence number (version)"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_kvs_get_root_request in = FLUX_KVS_GET_ROOT_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_root_response) out = NULL;
    struct flux_error err;

    in.namespace_ = kvs_namespace(cli);
    in.version_only = cli_has(cli, "owner") || cli_has(cli, "sequence");
    if (flux_kvs_get_root(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (cli_has(cli, "owner"))
        printf("%u\n", out->owner);
    else if (cli_has(cli, "sequence"))
        printf("%llu\n", (unsigned long long)out->version);
    else if (cli_has(cli, "blobref"))
        puts(out->rootref);
    else {
        FLUX_AUTO_STR text = kvs_treeobj_dirref(out->rootref);
        puts(text);
    }
    return 0;
}

const struct flux_verb verb_kvs_getroot = {
    .path = "kvs getroot",
    .summary = "Get current KVS root treeobj",
    .options = {kvs_options, options},
    .run = run,
};
