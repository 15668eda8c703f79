// SPDX-License-Identifier: LGPL-3.0-only
/* flux resource eventlog: what has happened to nodes (RFC 44), as it is stored. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    EVENT_STYLE_OPTIONS,
    {"follow", 'F', OPT_FLAG, NULL, "Go on with new events"},
    {"wait", 'w', OPT_STR, "EVENT", "Print up to the first EVENT; wait for it if there is none"},
    {"match-context", 'm', OPT_MULTI, "KEY=VAL", "With --wait: only one with this in its context"},
    {"timeout", 't', OPT_FSD, "FSD", "With --wait: give up after this time"},
    {NULL},
};

static int run(struct cli *cli)
{
    const char *want = cli_str(cli, "wait", NULL), *line;
    struct kvs_lines lines = {.timeout = cli_fsd(cli, "timeout", 0), .ns = (char *)""};
    struct event_style style;
    struct flux_error err;
    bool found = false;
    size_t len;
    int r = 0;

    if (event_style_init(&style, cli, &err) < 0)
        return cli_misused(cli, "%s", err.text);
    kvs_lines_open(&lines, cli, "resource.eventlog", false, want || cli_has(cli, "follow"));
    while (!found && (r = kvs_lines_next(&lines, &line, &len, &err)) > 0) {
        FLUX_AUTO_EVENT e = {0};

        if (flux_eventlog_entry_decode(&e, line, len, &err) < 0) {
            r = -EPROTO;
            break;
        }
        event_print(stdout, &style, &e);
        fflush(stdout);
        found = want && strcmp(e.name, want) == 0 && event_matches(cli, &e);
    }
    kvs_lines_done(&lines);
    if (found || r == 0)
        return 0;
    return r == -ETIMEDOUT ? cli_fail(cli, "timeout waiting for event '%s'", want)
                           : cli_fail(cli, "%s", err.text);
}

const struct flux_verb verb_resource_eventlog = {
    .path = "resource eventlog",
    .summary = "Show what has happened to nodes",
    .options = {options},
    .tagged = true,
    .run = run,
};
