// SPDX-License-Identifier: LGPL-3.0-only
/* flux module trace: messages that a module receives and sends. */
#include "trace.h"

static const struct flux_option options[] = {
    TRACE_OPTIONS,
    {"method", 'm', OPT_STR, "PATTERN", "Only methods such as 'Kvs/*'"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_trace_watch_request in = FLUX_TRACE_WATCH_REQUEST_INIT;
    const char *method = cli_str(cli, "method", NULL);

    if (cli->argc == 0)
        return cli_misused(cli, "expected the names of modules");
    in.modules = (const char **)cli->argv;
    in.n_modules = (size_t)cli->argc;
    in.methods = &method;
    in.n_methods = method ? 1 : 0;
    return trace_follow(cli, &in);
}

const struct flux_verb verb_module_trace = {
    .path = "module trace",
    .args = "MODULE...",
    .summary = "Follow messages of modules",
    .options = {options},
    .run = run,
};
