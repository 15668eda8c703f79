// SPDX-License-Identifier: LGPL-3.0-only
/* flux config check: are configuration files good? As the programs that read them would find them,
 * before they do. */
#include <sys/stat.h>

#include <flux/paths.h>

#include "conffile.h"
#include "verb.h"

static const struct flux_option options[] = {
    {"space", 's', OPT_STR, "SPACE", "What PATH configures: system (default), security or\nimp"},
    {"quiet", 'q', OPT_FLAG, NULL, "Print errors only, no warnings"},
    {NULL},
};

static const char *const spaces[] = {"system", "security", "imp"};

static bool is_space(const char *name)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(spaces); i++)
        if (strcmp(spaces[i], name) == 0)
            return true;
    return false;
}

static int check(struct cli *cli, const char *space, const char *path)
{
    int r = cli_configfile_check(space, path, cli_has(cli, "quiet"));

    return r < 0 ? cli_fail(cli, "%s: %s", path, strerror(-r)) : r;
}

static int check_space(struct cli *cli, const char *space, bool must_exist)
{
    FLUX_AUTO_STR confdir = flux_path_get("confdir");
    FLUX_AUTO_STR path = flux_printf("%s/%s/conf.d", confdir, space);
    struct stat st;

    if (!must_exist && stat(path, &st) < 0 && errno == ENOENT)
        return 0;
    return check(cli, space, path);
}

static int run(struct cli *cli)
{
    const char *space = cli_str(cli, "space", "system");
    int code = 0;

    if (!is_space(space))
        return cli_misused(cli, "'%s' is none of system, security, imp", space);
    for (int i = 0; i < cli->argc; i++)
        code |= is_space(cli->argv[i]) ? check_space(cli, cli->argv[i], true)
                                       : check(cli, space, cli->argv[i]);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(spaces) && !cli->argc; i++)
        code |= check_space(cli, spaces[i], false);
    return code;
}

const struct flux_verb verb_config_check = {
    .path = "config check",
    .args = "[PATH|system|security|imp...]",
    .summary = "Check configuration files before they are used",
    .options = {options},
    .more = "Without arguments all three spaces of the installation are checked.",
    .run = run,
};
