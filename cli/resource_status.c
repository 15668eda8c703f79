// SPDX-License-Identifier: LGPL-3.0-only
/* flux resource status: nodes by administrative state. */
#include "listing.h"
#include "resstatus.h"

static const struct flux_option options[] = {
    {"states", 's', OPT_STR, "STATE,...", "Only these states (help: list them)"},
    {"include", 'i', OPT_STR, "HOSTS|RANKS", "Only these hosts or ranks"},
    {"queue", 'q', OPT_STR, "QUEUE,...", "Only nodes of these queues"},
    LISTING_OPTIONS,
    {"skip-empty", 0, OPT_FLAG, NULL, "Skip empty lines of states asked for"},
    COLOR_OPTION('L'),
    {NULL},
};

static const struct format_named formats[] = {
    {"default", "Default flux-resource status format string",
     "{state:>10} {up:>2} {nnodes:>6} {nodelist}"},
    {"long", "Long flux-resource status format string",
     "{state:>10} {up:>2} {nnodes:>6} {reason:<30.30+} {nodelist}"},
    {NULL},
};

static const struct listing listing = {"flux-resource-status",
                                       "FLUX_RESOURCE_STATUS_FORMAT_DEFAULT", resstatus_fields,
                                       formats, resstatus_color};

static int run(struct cli *cli)
{
    const char *states = cli_str(cli, "states", NULL);
    struct flux_error err = {""};
    struct format *f = NULL;
    struct resstatus s;
    int r;

    if (states && strcmp(states, "help") == 0) {
        fprintf(stderr, "flux-resource: INFO: valid states: all,online,offline,avail,exclude,"
                        "draining,drained,allocated,torpid,drain\n");
        return 0;
    }
    r = listing_format(cli, &listing, &f, &err);
    if (r > 0)
        return 0;
    if (r < 0)
        return cli_fail(cli, "%s", err.text);
    r = resstatus_init(&s, cli, states, states && !cli_has(cli, "skip-empty"), &err);
    if (r == 0)
        r = resstatus_print(&s, cli, f, &err);
    resstatus_done(&s);
    format_free(f);
    return r < 0 ? cli_fail(cli, "%s", err.text) : 0;
}

const struct flux_verb verb_resource_status = {
    .path = "resource status",
    .summary = "Show nodes by state",
    .options = {options},
    .tagged = true,
    .run = run,
};
