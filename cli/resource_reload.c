// SPDX-License-Identifier: LGPL-3.0-only
/* flux resource reload: replace the instance's inventory by an R file or topologies. */
#include <flux/discover.h>
#include <flux/v1/resource.h>

#include "handle.h"
#include "readfile.h"

static const struct flux_option options[] = {
    {"xml", 'x', OPT_FLAG, NULL,
     "PATH is a directory with a topology of hwloc, RANK.xml, for\neach rank"},
    {"force", 'f', OPT_FLAG, NULL, "Even though jobs are running"},
    {NULL},
};

static int read_file(const char *path, char **ret, struct flux_error *err)
{
    struct flux_buf text = FLUX_BUF_INIT(8 << 20);
    int r = cli_read_file(path, &text, err);

    *ret = flux_buf_take(&text);
    return r;
}

/* Ranks from 0 on, as long as there are files. */
static int read_topologies(struct cli *cli, const char *dir, char **ret, struct flux_error *err)
{
    const char *names = flux_attr(cli_handle(cli), "hostlist");
    FLUX_AUTO(hostlist) hosts = NULL;
    FLUX_AUTO(rset) all = flux_rset_new();
    int r = flux_hostlist_decode(names ? names : "", &hosts, err);

    for (unsigned rank = 0; r == 0 && rank < flux_hostlist_count(hosts); rank++) {
        FLUX_AUTO_STR path = flux_printf("%s/%u.xml", dir, rank);
        struct flux_discovered found;
        char host[FLUX_HOST_SIZE];

        r = flux_discover_xml(path, &found, err);
        if (r == 0)
            r = flux_discovered_add(&found, all, rank, flux_hostlist_nth(hosts, rank, host), err);
    }
    *ret = r == 0 ? flux_rset_encode(all) : NULL;
    return r;
}

static int run(struct cli *cli)
{
    flux_resource_reload_request in = FLUX_RESOURCE_RELOAD_REQUEST_INIT;
    struct flux_error err = {""};
    FLUX_AUTO_STR text = NULL;
    int r;

    if (cli->argc != 1)
        return cli_misused(cli, "expected one file or directory");
    r = cli_has(cli, "xml") ? read_topologies(cli, cli->argv[0], &text, &err)
                            : read_file(cli->argv[0], &text, &err);
    if (r < 0)
        return cli_fail(cli, "%s", err.text);
    in.r = text;
    in.force = cli_has(cli, "force");
    if (flux_resource_reload(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

const struct flux_verb verb_resource_reload = {
    .path = "resource reload",
    .args = "PATH",
    .summary = "Replace the resource inventory by an R file or topologies",
    .options = {options},
    .tagged = true,
    .run = run,
};
