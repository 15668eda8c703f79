// SPDX-License-Identifier: LGPL-3.0-only
/* flux logger: write a line to the log of the instance. */
#include <flux/v1/log.h>

#include "handle.h"
#include "severity.h"

static const struct flux_option options[] = {
    {"severity", 's', OPT_STR, "LEVEL", "Set the severity (info)"},
    {"appname", 'n', OPT_STR, "NAME", "Set the name of the program (logger)"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_log_append_request in = FLUX_LOG_APPEND_REQUEST_INIT;
    flux_log_entry entry = FLUX_LOG_ENTRY_INIT, *list[] = {&entry};
    const char *severity = cli_str(cli, "severity", "info");
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(65536);
    struct flux_error err = {""};
    int level = cli_severity_parse(severity);

    if (cli->argc == 0)
        return cli_misused(cli, "expected a message");
    if (level < 0)
        return cli_misused(cli, "--severity: unknown level '%s'", severity);
    for (int i = 0; i < cli->argc; i++)
        flux_buf_printf(&text, "%s%s", i ? " " : "", cli->argv[i]);
    if (text.failed)
        return cli_fail(cli, "the message is too long");
    entry.level = (uint32_t)level;
    entry.timestamp = flux_walltime();
    entry.rank = flux_rank(cli_handle(cli));
    entry.appname = (char *)cli_str(cli, "appname", "logger");
    entry.text = text.data;
    in.entries = list;
    in.n_entries = 1;
    if (flux_log_append(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

const struct flux_verb verb_logger = {
    .path = "logger",
    .args = "MESSAGE...",
    .summary = "Create a log entry",
    .options = {options},
    .stop_at_free = true,
    .run = run,
};
