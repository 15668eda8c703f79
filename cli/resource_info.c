// SPDX-License-Identifier: LGPL-3.0-only
/* flux resource info: how many nodes, cores and GPUs. */
#include "resview.h"

static const struct flux_option options[] = {RESVIEW_OPTIONS, {NULL}};

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static int run(struct cli *cli)
{
    struct flux_error err = {""};
    FLUX_AUTO(rset) set = NULL;
    struct resview v;
    int r = resview_init(&v, cli, &err);

    if (r == 0)
        set = resview_states(&v, cli_str(cli, "states", "all"), &err);
    resview_done(&v);
    if (!set)
        return cli_fail(cli, "%s", err.text);
    printf("%zu Node%s, %zu Core%s, %zu GPU%s\n", flux_rset_nnodes(set),
           plural(flux_rset_nnodes(set)), flux_rset_ncores(set), plural(flux_rset_ncores(set)),
           flux_rset_ngpus(set), plural(flux_rset_ngpus(set)));
    return 0;
}

const struct flux_verb verb_resource_info = {
    .path = "resource info",
    .summary = "Show brief resource information",
    .options = {options},
    .tagged = true,
    .run = run,
};
