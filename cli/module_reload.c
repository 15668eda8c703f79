// SPDX-License-Identifier: LGPL-3.0-only
/* flux module reload: remove a module and load it again. */
#include <flux/v1/module.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"name", 'n', OPT_STR, "NAME", "Its name, if that is not the one of the file"},
    {"force", 'f', OPT_FLAG, NULL, "Go on if it is not loaded"},
    {NULL},
};

/* "/path/to/x.so" is loaded as x. */
static char *name_of(const char *path)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t n = strlen(base);

    return flux_strndup(base, n > 3 && strcmp(base + n - 3, ".so") == 0 ? n - 3 : n);
}

static int run(struct cli *cli)
{
    flux_module_remove_request out = FLUX_MODULE_REMOVE_REQUEST_INIT;
    flux_module_load_request in = FLUX_MODULE_LOAD_REQUEST_INIT;
    struct flux *h = cli_handle(cli);
    struct flux_to here = FLUX_RANK(flux_rank(h));
    struct flux_error err = {""};
    FLUX_AUTO_STR name = NULL;
    FLUX_AUTO_STR path = NULL;
    int r;

    if (cli->argc < 1)
        return cli_misused(cli, "expected the name or path of a module");
    path = strchr(cli->argv[0], '/') ? realpath(cli->argv[0], NULL) : flux_strdup(cli->argv[0]);
    if (!path)
        return cli_fail(cli, "%s: %s", cli->argv[0], strerror(errno));
    name = cli_has(cli, "name") ? flux_strdup(cli_str(cli, "name", NULL)) : name_of(path);
    out.name = name;
    r = flux_module_remove(h, here, &out, NULL, &err);
    if (r < 0 && !(r == -ENOENT && cli_has(cli, "force")))
        return cli_fail(cli, "%s: %s", name, err.text);
    in.path = path;
    in.name = (char *)cli_str(cli, "name", "");
    in.args = (void *)(cli->argv + 1);
    in.n_args = (size_t)cli->argc - 1;
    if (flux_module_load(h, here, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s: %s", cli->argv[0], err.text);
    return 0;
}

const struct flux_verb verb_module_reload = {
    .path = "module reload",
    .args = "MODULE [ARGS...]",
    .summary = "Reload module",
    .options = {options},
    .stop_at_free = true,
    .run = run,
};
