// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs eventlog wait-event: until an event of some name is in a log. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"waitcreate", 'W', OPT_FLAG, NULL, "Wait until the log exists"},
    {"timeout", 't', OPT_FSD, "DURATION", "Give up after this time"},
    {"quiet", 'q', OPT_FLAG, NULL, "Do not print the event"},
    {"verbose", 'v', OPT_FLAG, NULL, "Print the events before it, too"},
    {NULL},
};

static bool is_event(const char *line, size_t len, const char *name)
{
    FLUX_AUTO_EVENT e = {0};

    return flux_eventlog_entry_decode(&e, line, len, NULL) == 0 && strcmp(e.name, name) == 0;
}

static int run(struct cli *cli)
{
    struct event_style style;
    struct kvs_lines lines = {.timeout = cli_fsd(cli, "timeout", 0)};
    struct flux_error err;
    bool found = false;
    const char *line;
    size_t len;
    int r = 0;

    if (cli->argc != 2)
        return cli_misused(cli, "expected KEY and EVENT");
    if (event_style_init(&style, cli, &err) < 0)
        return cli_misused(cli, "%s", err.text);
    kvs_lines_open(&lines, cli, cli->argv[0], cli_has(cli, "waitcreate"), true);
    while (!found && (r = kvs_lines_next(&lines, &line, &len, &err)) > 0) {
        found = is_event(line, len, cli->argv[1]);
        if (found ? !cli_has(cli, "quiet") : cli_has(cli, "verbose"))
            kvs_event_print(cli, &style, line, len);
    }
    kvs_lines_done(&lines);
    if (found)
        return 0;
    if (r == -ETIMEDOUT)
        return cli_fail(cli, "%s: timeout waiting for event '%s'", cli->argv[0], cli->argv[1]);
    return kvs_fail(cli, cli->argv[0], r, &err);
}

const struct flux_verb verb_kvs_eventlog_wait_event = {
    .path = "kvs eventlog wait-event",
    .args = "KEY EVENT",
    .summary = "Wait for an event in a KVS eventlog",
    .options = {kvs_options, kvs_event_options, options},
    .run = run,
};
