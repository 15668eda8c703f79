// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs eventlog get: the events of a log, once or as they are appended. */
#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"waitcreate", 'W', OPT_FLAG, NULL, "Wait until the log exists"},
    {"watch", 'w', OPT_FLAG, NULL, "Go on with events as they are appended"},
    {"count", 'c', OPT_INT, "COUNT", "With --watch, end after COUNT events"},
    {"stream", 'S', OPT_FLAG, NULL, "Accepted: events are always printed as they are read"},
    {NULL},
};

static int run(struct cli *cli)
{
    long long count = cli_has(cli, "watch") ? cli_int(cli, "count", -1) : -1;
    struct event_style style;
    struct kvs_lines lines = {0};
    struct flux_error err;
    const char *line;
    size_t len;
    int r;

    if (cli->argc != 1)
        return cli_misused(cli, "expected a KEY");
    if (event_style_init(&style, cli, &err) < 0)
        return cli_misused(cli, "%s", err.text);
    kvs_lines_open(&lines, cli, cli->argv[0], cli_has(cli, "waitcreate"), cli_has(cli, "watch"));
    r = 1;
    while (count != 0 && (r = kvs_lines_next(&lines, &line, &len, &err)) > 0) {
        kvs_event_print(cli, &style, line, len);
        fflush(stdout);
        count--;
    }
    kvs_lines_done(&lines);
    return r < 0 ? kvs_fail(cli, cli->argv[0], r, &err) : 0;
}

const struct flux_verb verb_kvs_eventlog_get = {
    .path = "kvs eventlog get",
    .args = "KEY",
    .summary = "Get a KVS eventlog",
    .options = {kvs_options, kvs_event_options, options},
    .run = run,
};
