// SPDX-License-Identifier: LGPL-3.0-only
/* flux R parse-config: the resource set that a configuration describes, before anything runs. */
#include "conffile.h"
#include "rsets.h"

static int run(struct cli *cli)
{
    struct flux_error err = {""};
    FLUX_AUTO(rset) set = NULL;
    json_t *conf, *entries;
    int r;

    if (cli->argc != 1)
        return cli_misused(cli, "expected a file or directory, or system");
    r = cli_configfile_read(cli->argv[0], &conf, &err);
    if (r < 0)
        return cli_fail(cli, "%s", err.text);
    entries = json_object_get(json_object_get(conf, "resource"), "config");
    if (json_array_size(entries) == 0)
        r = flux_error_set(&err, -ENOENT, "%s: there is no resource.config", cli->argv[0]);
    else
        r = flux_rset_from_config(entries, &set, &err);
    json_decref(conf);
    return r < 0 ? cli_fail(cli, "%s", err.text) : rsets_print(set);
}

const struct flux_verb verb_R_parse_config = {
    .path = "R parse-config",
    .args = "PATH",
    .summary = "Make a resource set from resource.config of configuration files",
    .run = run,
};
