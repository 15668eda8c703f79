// SPDX-License-Identifier: LGPL-3.0-only
/* flux module remove: stop modules and unload them. */
#include <flux/v1/module.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"force", 'f', OPT_FLAG, NULL, "Succeed even if it is not loaded"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_module_remove_request in = FLUX_MODULE_REMOVE_REQUEST_INIT;
    int code = 0;

    if (cli->argc < 1)
        return cli_misused(cli, "expected the name of a module");
    for (int i = 0; i < cli->argc; i++) {
        struct flux *h = cli_handle(cli);
        struct flux_error err = {""};
        int r;

        in.name = cli->argv[i];
        in.force = cli_has(cli, "force");
        r = flux_module_remove(h, FLUX_RANK(flux_rank(h)), &in, NULL, &err);
        if (r < 0 && !(r == -ENOENT && in.force))
            code = cli_fail(cli, "%s: %s", cli->argv[i], err.text);
    }
    return code;
}

const struct flux_verb verb_module_remove = {
    .path = "module remove",
    .args = "NAME...",
    .summary = "Unload module",
    .options = {options},
    .run = run,
};
