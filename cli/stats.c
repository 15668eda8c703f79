// SPDX-License-Identifier: LGPL-3.0-only
/* flux stats: how often each method was called on a broker, and what it cost. */
#include <flux/v1/broker.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"rank", 'r', OPT_INT, "RANK", "Ask this broker (default: the one connected to)"},
    {"clear", 'C', OPT_FLAG, NULL, "Set the counters to zero"},
    {NULL},
};

static int by_busy(const void *a, const void *b)
{
    const flux_broker_method_stats *x = *(flux_broker_method_stats *const *)a;
    const flux_broker_method_stats *y = *(flux_broker_method_stats *const *)b;

    return x->busy > y->busy ? -1 : x->busy < y->busy;
}

static int run(struct cli *cli)
{
    flux_broker_stats_request in = FLUX_BROKER_STATS_REQUEST_INIT;
    flux_broker_stats_response *out = NULL;
    struct flux *h = cli_handle(cli);
    struct flux_error err = {""};
    uint32_t rank = (uint32_t)cli_int(cli, "rank", flux_rank(h));

    in.service = cli->argc > 0 ? cli->argv[0] : (char *)"";
    in.clear = cli_has(cli, "clear");
    if (flux_broker_stats(h, FLUX_RANK(rank), &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (out->n_methods > 1)
        qsort(out->methods, out->n_methods, sizeof(out->methods[0]), by_busy);
    printf("%-32s %10s %7s %5s %11s %11s\n", "METHOD", "CALLS", "ERRORS", "OPEN", "BUSY",
           "LONGEST");
    for (size_t i = 0; i < out->n_methods; i++) {
        const flux_broker_method_stats *m = out->methods[i];
        const char *name = strncmp(m->method, "flux.v1.", 8) == 0 ? m->method + 8 : m->method;

        printf("%-32s %10llu %7llu %5u %9.3fms %9.3fms\n", name, (unsigned long long)m->requests,
               (unsigned long long)m->errors, m->open, m->busy * 1e3, m->longest * 1e3);
    }
    printf("%llu messages switched, %u clients, %u open calls\n", (unsigned long long)out->messages,
           out->clients, out->open);
    flux_broker_stats_response_free(out);
    return 0;
}

const struct flux_verb verb_stats = {
    .path = "stats",
    .args = "[SERVICE]",
    .summary = "Show counters of each method of a broker",
    .options = {options},
    .run = run,
};
