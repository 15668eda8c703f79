// SPDX-License-Identifier: LGPL-3.0-only
/* flux R set-property: give properties to ranks. */
#include "rsets.h"

static int set_one(struct flux_rset *set, const char *arg, struct flux_error *err)
{
    const char *colon = strchr(arg, ':');
    FLUX_AUTO_STR name = colon ? flux_strndup(arg, (size_t)(colon - arg)) : flux_strdup(arg);
    FLUX_AUTO(idset) ranks = NULL;
    int r = 0;

    if (colon && strcmp(colon + 1, "all") != 0)
        r = flux_idset_decode(colon + 1, &ranks, err);
    return r < 0 ? r : flux_rset_set_property(set, name, ranks, err);
}

static int run(struct cli *cli)
{
    struct flux_error err = {""};
    struct rsets sets;
    int r = 0;

    if (cli->argc == 0)
        return cli_misused(cli, "expected PROPERTY:RANKS");
    sets = rsets_read(cli, 1);
    for (int i = 0; i < cli->argc && r == 0; i++)
        r = set_one(sets.list[0], cli->argv[i], &err);
    r = r < 0 ? cli_fail(cli, "%s", err.text) : rsets_print(sets.list[0]);
    rsets_done(&sets);
    return r;
}

const struct flux_verb verb_R_set_property = {
    .path = "R set-property",
    .args = "PROPERTY:RANKS...",
    .summary = "Give properties to ranks",
    .run = run,
};
