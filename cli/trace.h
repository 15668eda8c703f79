// SPDX-License-Identifier: LGPL-3.0-only
/* Following messages: what overlay trace and module trace share. */
#ifndef FLUX_CLI_TRACE_H
#define FLUX_CLI_TRACE_H

#include <flux/v1/trace.h>

#include "verb.h"

#define TRACE_OPTIONS                                                                              \
    {"rank", 'r', OPT_STR, "RANK|HOST", "At this broker (default: the one connected to)"},         \
        {"type", 't', OPT_STR, "TYPE,...", "Only these: request, response, control"},              \
        {"full", 'f', OPT_FLAG, NULL, "Show what is in them, as JSON"},                            \
        {"count", 'c', OPT_INT, "N", "End after N messages"},                                      \
        {"human", 'H', OPT_FLAG, NULL, "Print times for people"},                                  \
    {                                                                                              \
        "delta", 'd', OPT_FLAG, NULL, "With --human: time since the line before"                   \
    }

/* Ask for what `in` and the options say, and print until interrupted; an exit code. */
int trace_follow(struct cli *cli, flux_trace_watch_request *in);

#endif
