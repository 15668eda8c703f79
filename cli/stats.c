// SPDX-License-Identifier: LGPL-3.0-only
/* flux stats: how often each method was called on a broker, and what it cost. */
#include "methodstats.h"

static const struct flux_option options[] = {
    {"rank", 'r', OPT_INT, "RANK", "Ask this broker (default: the one connected to)"},
    {"clear", 'C', OPT_FLAG, NULL, "Set the counters to zero"},
    {NULL},
};

static int run(struct cli *cli)
{
    struct flux *h = cli_handle(cli);
    struct flux_error err = {""};
    uint32_t rank = (uint32_t)cli_int(cli, "rank", flux_rank(h));
    const char *service = cli->argc > 0 ? cli->argv[0] : "";
    struct method_stats s = {0};
    int code = 0;

    if (method_stats_add(&s, h, rank, service, cli_has(cli, "clear"), &err) < 0) {
        code = cli_fail(cli, "%s", err.text);
    } else {
        const flux_broker_stats_response *all = s.answers[0];

        method_stats_print(&s);
        printf("%llu messages switched, %u clients, %u open calls\n",
               (unsigned long long)all->messages, all->clients, all->open);
    }
    method_stats_done(&s);
    return code;
}

const struct flux_verb verb_stats = {
    .path = "stats",
    .args = "[SERVICE]",
    .summary = "Show counters of each method of a broker",
    .options = {options},
    .run = run,
};
