// SPDX-License-Identifier: LGPL-3.0-only
/* flux R encode: a resource set from ranks, cores, GPUs, hosts and properties. */
#include "rsets.h"

#include <limits.h>
#include <unistd.h>

#include <flux/discover.h>

static const struct flux_option options[] = {
    {"ranks", 'r', OPT_IDSET, "IDS", "Ranks (default: one for each host, or 0)"},
    {"cores", 'c', OPT_IDSET, "IDS", "Cores of each rank (default 0)"},
    {"gpus", 'g', OPT_IDSET, "IDS", "GPUs of each rank"},
    {"hosts", 'H', OPT_STR, "HOSTLIST", "Host names (default: this host's)"},
    {"local", 'l', OPT_FLAG, NULL, "The cores and GPUs of this machine"},
    {"xml", 0, OPT_STR, "FILE", "Those of a topology that hwloc has written"},
    {"property", 'p', OPT_MULTI, "NAME:RANKS", "Give a property to ranks (no RANKS: all)"},
    {NULL},
};

/* As many times this host's name as there are ranks, unless hosts are given. */
static char *host_names(const struct cli *cli, size_t nranks)
{
    FLUX_AUTO(hostlist) hosts = flux_hostlist_new();
    const char *given = cli_str(cli, "hosts", NULL);
    char name[HOST_NAME_MAX + 1] = "";

    if (given)
        return flux_strdup(given);
    gethostname(name, sizeof(name) - 1);
    for (size_t i = 0; i < nranks; i++)
        flux_hostlist_append_host(hosts, name);
    return flux_hostlist_encode(hosts);
}

static int default_ranks(const struct cli *cli, char **ret, struct flux_error *err)
{
    const char *given = cli_str(cli, "hosts", NULL);
    FLUX_AUTO(hostlist) hosts = NULL;
    size_t count = 1;

    if (given && flux_hostlist_decode(given, &hosts, err) < 0)
        return -EINVAL;
    if (hosts)
        count = flux_hostlist_count(hosts);
    *ret = count > 1 ? flux_printf("0-%zu", count - 1) : flux_strdup("0");
    return 0;
}

static int set_properties(const struct cli *cli, struct flux_rset *set, struct flux_error *err)
{
    const char *arg;
    size_t i = 0;
    int r = 0;

    while (r == 0 && (arg = cli_next(cli, "property", &i))) {
        const char *colon = strchr(arg, ':');
        FLUX_AUTO_STR name = flux_strndup(arg, strcspn(arg, ":"));
        FLUX_AUTO(idset) ranks = NULL;

        if (colon)
            r = flux_idset_decode(colon + 1, &ranks, err);
        if (r == 0)
            r = flux_rset_set_property(set, name, ranks, err);
    }
    return r;
}

/* Cores and GPUs of each rank, as idsets: those that are given, or those that are found. */
static int contents(const struct cli *cli, char **cores, char **gpus, struct flux_error *err)
{
    const char *xml = cli_str(cli, "xml", NULL);
    struct flux_discovered d;
    FLUX_AUTO(rset) found = flux_rset_new();
    struct flux_rset_node node;
    int r;

    if (!xml && !cli_has(cli, "local")) {
        *cores = flux_strdup(cli_str(cli, "cores", "0"));
        *gpus = flux_strdup(cli_str(cli, "gpus", NULL));
        return 0;
    }
    if (cli_has(cli, "cores") || cli_has(cli, "gpus"))
        return flux_error_set(err, -EINVAL, "--local and --xml find out the cores and gpus");
    r = xml ? flux_discover_xml(xml, &d, err) : flux_discover_node(true, &d, err);
    if (r < 0)
        return r;
    flux_discovered_add(&d, found, 0, "localhost", NULL);
    flux_rset_node(found, 0, &node);
    *cores = flux_idset_encode(node.ids[FLUX_RSET_CORE], FLUX_IDSET_RANGE);
    *gpus = d.ngpus ? flux_idset_encode(node.ids[FLUX_RSET_GPU], FLUX_IDSET_RANGE) : NULL;
    return 0;
}

static int run(struct cli *cli)
{
    FLUX_AUTO_STR ranks = flux_strdup(cli_str(cli, "ranks", NULL));
    FLUX_AUTO(rset) set = flux_rset_new();
    FLUX_AUTO(idset) members = NULL;
    struct flux_error err = {""};
    FLUX_AUTO_STR hosts = NULL;
    FLUX_AUTO_STR cores = NULL;
    FLUX_AUTO_STR gpus = NULL;

    if (!ranks && default_ranks(cli, &ranks, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (flux_idset_decode(ranks, &members, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    hosts = host_names(cli, flux_idset_count(members));
    if (contents(cli, &cores, &gpus, &err) < 0 ||
        flux_rset_add_group(set, ranks, hosts, cores, gpus, &err) < 0 ||
        set_properties(cli, set, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return rsets_print(set);
}

const struct flux_verb verb_R_encode = {
    .path = "R encode",
    .summary = "Make a resource set",
    .options = {options},
    .run = run,
};
