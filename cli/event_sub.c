// SPDX-License-Identifier: LGPL-3.0-only
/* flux event sub: print events as they come. */
#include <flux/v1/event.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"count", 'c', OPT_INT, "N", "End after N events"},
    {NULL},
};

struct printer {
    struct cli *cli;
    long long left; /* < 0: no end */
    uint64_t last;  /* several prefixes may match one event */
    int code;
};

static void on_event(struct flux_future *f, void *arg)
{
    const flux_event_subscribe_response *item;
    struct printer *p = arg;
    struct flux_error err = {""};
    int r = flux_event_subscribe_result(f, &item, &err);

    if (r < 0) {
        p->code = cli_fail(p->cli, "%s", err.text);
        flux_stop(cli_handle(p->cli));
        return;
    }
    if (!*item->topic || item->seq <= p->last || p->left == 0)
        return;
    p->last = item->seq;
    printf("%s", item->topic);
    if (item->payload.len)
        printf("\t%.*s", (int)item->payload.len, (const char *)item->payload.data);
    putchar('\n');
    fflush(stdout);
    if (p->left > 0 && --p->left == 0)
        flux_stop(cli_handle(p->cli));
}

static int run(struct cli *cli)
{
    struct printer p = {.cli = cli, .left = cli_int(cli, "count", -1)};
    int n = cli->argc ? cli->argc : 1;
    struct flux_future **f = flux_alloc(n * sizeof(struct flux_future *));

    for (int i = 0; i < n; i++) {
        flux_event_subscribe_request in = FLUX_EVENT_SUBSCRIBE_REQUEST_INIT;
        in.prefix = cli->argc ? cli->argv[i] : "";
        f[i] = flux_event_subscribe_stream(cli_handle(cli), FLUX_ANY, &in);
        flux_future_then(f[i], on_event, &p);
    }
    flux_run(cli_handle(cli));
    for (int i = 0; i < n; i++)
        flux_future_free(f[i]);
    free(f);
    return p.code;
}

const struct flux_verb verb_event_sub = {
    .path = "event sub",
    .args = "[TOPIC-PREFIX...]",
    .summary = "Subscribe to events",
    .options = {options},
    .run = run,
};
