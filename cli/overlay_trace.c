// SPDX-License-Identifier: LGPL-3.0-only
/* flux overlay trace: messages between a broker and its neighbours. */
#include "trace.h"

static const struct flux_option options[] = {TRACE_OPTIONS, {NULL}};

static int run(struct cli *cli)
{
    flux_trace_watch_request in = FLUX_TRACE_WATCH_REQUEST_INIT;

    in.methods = (const char **)cli->argv;
    in.n_methods = (size_t)cli->argc;
    return trace_follow(cli, &in);
}

const struct flux_verb verb_overlay_trace = {
    .path = "overlay trace",
    .args = "[METHOD...]",
    .summary = "Follow messages between brokers",
    .options = {options},
    .run = run,
};
