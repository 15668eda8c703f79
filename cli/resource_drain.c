// SPDX-License-Identifier: LGPL-3.0-only
/* flux resource drain: list drained nodes, or withhold nodes from new work. */
#include <flux/v1/resource.h>

#include "handle.h"
#include "jobargs.h"
#include "listing.h"
#include "resstatus.h"

static const struct flux_option options[] = {
    {"force", 'f', OPT_FLAG, NULL, "Already drained: new reason; -ff: new time too"},
    {"update", 'u', OPT_FLAG, NULL, "Leave those already drained as they are"},
    {"include", 'i', OPT_STR, "HOSTS|RANKS", "List only these hosts or ranks"},
    {"queue", 'q', OPT_STR, "QUEUE,...", "List only nodes of these queues"},
    LISTING_OPTIONS,
    COLOR_OPTION('L'),
    {NULL},
};

static const struct format_named formats[] = {
    {"default", "Default flux-resource drain format string",
     "{timestamp!d:%FT%T::<20} {state:<8.8} {ranks:<8.8+} {reason:<30.30+} {nodelist}"},
    {"long", "The same with more of the reason",
     "{timestamp!d:%FT%T::<20} {state:<8.8} {ranks:<8.8+} +:{reason:<30} {nodelist}"},
    {"short", "Short time stamp, without ranks",
     "{timestamp!d:%b%d %R::<12} {state:<8.8} {reason:<30.30+} {nodelist}"},
    {NULL},
};

static const struct listing listing = {"flux-resource-drain", "FLUX_RESOURCE_DRAIN_FORMAT_DEFAULT",
                                       resstatus_fields, formats, resstatus_color};

static int list(struct cli *cli)
{
    struct flux_error err = {""};
    struct format *f = NULL;
    struct resstatus s;
    int r;

    r = listing_format(cli, &listing, &f, &err);
    if (r > 0)
        return 0;
    if (r < 0)
        return cli_fail(cli, "%s", err.text);
    r = resstatus_init(&s, cli, "drain", false, &err);
    if (r == 0)
        r = resstatus_print(&s, cli, f, &err);
    resstatus_done(&s);
    format_free(f);
    return r < 0 ? cli_fail(cli, "%s", err.text) : 0;
}

static int drain(struct cli *cli)
{
    flux_resource_drain_request in = FLUX_RESOURCE_DRAIN_REQUEST_INIT;
    FLUX_AUTO_STR reason = cli_join_args(cli, 1);
    struct flux_error err = {""};

    if (cli_has(cli, "force") && cli_has(cli, "update"))
        return cli_misused(cli, "--force and --update exclude each other");
    in.targets = cli->argv[0];
    in.reason = reason ? reason : (char *)"";
    in.mode = cli_count(cli, "force") > 1 ? FLUX_RESOURCE_DRAIN_MODE_REPLACE
              : cli_has(cli, "force")     ? FLUX_RESOURCE_DRAIN_MODE_OVERWRITE
              : cli_has(cli, "update")    ? FLUX_RESOURCE_DRAIN_MODE_SKIP
                                          : FLUX_RESOURCE_DRAIN_MODE_UNSPECIFIED;
    if (flux_resource_drain(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

static int run(struct cli *cli)
{
    return cli->argc > 0 ? drain(cli) : list(cli);
}

const struct flux_verb verb_resource_drain = {
    .path = "resource drain",
    .args = "[TARGETS [REASON...]]",
    .summary = "Drain nodes, or list drained ones",
    .options = {options},
    .tagged = true,
    .run = run,
};
