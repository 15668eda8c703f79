// SPDX-License-Identifier: LGPL-3.0-only
/* flux config builtin: where the parts of Flux are. */
#include <flux/paths.h>

#include "verb.h"

static const struct flux_option options[] = {
    {"intree", 0, OPT_FLAG, NULL, "Paths of the build tree"},
    {"installed", 0, OPT_FLAG, NULL, "Paths of the installation"},
    {NULL},
};

static char *value(const struct cli *cli, const char *name)
{
    if (cli_has(cli, "intree"))
        return flux_path_get_form(name, false);
    if (cli_has(cli, "installed"))
        return flux_path_get_form(name, true);
    return flux_path_get(name);
}

static int run(struct cli *cli)
{
    const char *name;

    if (cli->argc > 0) {
        FLUX_AUTO_STR path = value(cli, cli->argv[0]);

        if (!path)
            return cli_fail(cli, "%s is invalid", cli->argv[0]);
        puts(path);
        return 0;
    }
    for (size_t i = 0; (name = flux_path_name(i)); i++) {
        FLUX_AUTO_STR path = value(cli, name);

        printf("%-20s %s\n", name, path);
    }
    return 0;
}

const struct flux_verb verb_config_builtin = {
    .path = "config builtin",
    .args = "[NAME]",
    .summary = "Print compiled-in configuration values",
    .options = {options},
    .run = run,
};
