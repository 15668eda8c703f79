// SPDX-License-Identifier: LGPL-3.0-only
/* flux module load: load a module into the broker. */
#include <unistd.h>

#include <flux/v1/module.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"name", 'n', OPT_STR, "NAME", "Load it under this name"},
    {NULL},
};

/* A path means the same to the broker, wherever that runs from. */
static char *absolute(const char *path)
{
    if (!strchr(path, '/'))
        return flux_strdup(path);
    return realpath(path, NULL);
}

static int run(struct cli *cli)
{
    flux_module_load_request in = FLUX_MODULE_LOAD_REQUEST_INIT;
    struct flux_error err = {""};
    FLUX_AUTO_STR path = NULL;

    if (cli->argc < 1)
        return cli_misused(cli, "expected the name or path of a module");
    path = absolute(cli->argv[0]);
    if (!path)
        return cli_fail(cli, "%s: %s", cli->argv[0], strerror(errno));
    in.path = path;
    in.name = (char *)cli_str(cli, "name", "");
    in.args = (void *)(cli->argv + 1);
    in.n_args = (size_t)cli->argc - 1;
    if (flux_module_load(cli_handle(cli), FLUX_RANK(flux_rank(cli_handle(cli))), &in, NULL, &err) <
        0)
        return cli_fail(cli, "%s: %s", cli->argv[0], err.text);
    return 0;
}

const struct flux_verb verb_module_load = {
    .path = "module load",
    .args = "MODULE [ARGS...]",
    .summary = "Load module",
    .options = {options},
    .stop_at_free = true,
    .run = run,
};
