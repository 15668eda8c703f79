// SPDX-License-Identifier: LGPL-3.0-only
/* flux resource R: a selection of the instance's resources as JSON (RFC 20). */
#include "resview.h"

static const struct flux_option options[] = {RESVIEW_OPTIONS, {NULL}};

static int run(struct cli *cli)
{
    struct flux_error err = {""};
    FLUX_AUTO(rset) set = NULL;
    FLUX_AUTO_STR text = NULL;
    struct resview v;
    int r = resview_init(&v, cli, &err);

    if (r == 0)
        set = resview_states(&v, cli_str(cli, "states", "all"), &err);
    resview_done(&v);
    if (!set)
        return cli_fail(cli, "%s", err.text);
    text = flux_rset_encode(set);
    puts(text);
    return 0;
}

const struct flux_verb verb_resource_R = {
    .path = "resource R",
    .summary = "Print resources as RFC 20 JSON",
    .options = {options},
    .tagged = true,
    .run = run,
};
