// SPDX-License-Identifier: LGPL-3.0-only
/* Opening the instance; going up to the enclosing ones for `flux -p` and `flux -r`. */
#include "handle.h"

struct flux *cli_handle(struct cli *cli)
{
    struct flux_error err = {""};

    if (!cli->handle && flux_open(NULL, &cli->handle, &err) < 0)
        cli_die(cli, "%s", err.text);
    return cli->handle;
}

/* Point FLUX_URI at the parent of the instance that it names: 0, or -ENOENT if that has none. */
static int go_up(struct cli *cli)
{
    struct flux_error err = {""};
    FLUX_AUTO_HANDLE h = NULL;
    const char *uri;

    if (flux_open(NULL, &h, &err) < 0)
        cli_die(cli, "%s", err.text);
    uri = flux_attr(h, "parent-uri");
    if (!uri || !*uri)
        return -ENOENT;
    setenv("FLUX_URI", uri, 1);
    unsetenv("FLUX_KVS_NAMESPACE");
    return 0;
}

int cli_enclosing_enter(struct cli *cli, int levels, bool root)
{
    for (int i = 0; root || i < levels; i++) {
        if (go_up(cli) == 0)
            continue;
        if (root)
            return 0;
        cli_fail(cli, "-p: this instance has no parent");
        return -ENOENT;
    }
    return 0;
}
