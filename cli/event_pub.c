// SPDX-License-Identifier: LGPL-3.0-only
/* flux event pub: publish an event. */
#include <flux/v1/event.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"raw", 'r', OPT_FLAG, NULL, "The payload is bytes, not JSON"},
    {"synchronous", 's', OPT_FLAG, NULL, "Wait for the sequence number and print it"},
    {"loopback", 'l', OPT_FLAG, NULL, "Wait until the event has come back"},
    {"private", 'p', OPT_FLAG, NULL, "Let only the instance owner see it"},
    {NULL},
};

/* Free arguments after the topic, joined by blanks: the payload. NULL: none. */
static char *payload_of(struct cli *cli)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);

    if (cli->argc < 2)
        return NULL;
    for (int i = 1; i < cli->argc; i++)
        flux_buf_printf(&b, "%s%s", i > 1 ? " " : "", cli->argv[i]);
    return flux_buf_take(&b);
}

static bool is_json(const char *text)
{
    json_t *o = json_loads(text, JSON_DECODE_ANY, NULL);

    json_decref(o);
    return o != NULL;
}

/* Read the subscription until the event with this number has passed. */
static int await(struct cli *cli, struct flux_future *f, uint64_t seq)
{
    const flux_event_subscribe_response *item;
    struct flux_error err = {""};

    for (;;) {
        if (flux_event_subscribe_result(f, &item, &err) < 0)
            return cli_fail(cli, "%s", err.text);
        if ((seq == 0 && !*item->topic) || (seq > 0 && item->seq >= seq))
            return 0;
        flux_future_next(f);
    }
}

static int run(struct cli *cli)
{
    flux_event_publish_request in = FLUX_EVENT_PUBLISH_REQUEST_INIT;
    flux_event_subscribe_request sub = FLUX_EVENT_SUBSCRIBE_REQUEST_INIT;
    flux_event_publish_response *out = NULL;
    FLUX_AUTO(future) f = NULL;
    FLUX_AUTO_STR payload = payload_of(cli);
    struct flux_error err = {""};
    int code = 0;

    if (cli->argc < 1)
        return cli_misused(cli, "expected a topic");
    if (payload && !cli_has(cli, "raw") && !is_json(payload))
        return cli_fail(cli, "the payload is not JSON (use --raw for other bytes)");
    in.topic = sub.prefix = cli->argv[0];
    in.payload.data = (uint8_t *)payload;
    in.payload.len = payload ? strlen(payload) : 0;
    in.private_ = cli_has(cli, "private");
    if (cli_has(cli, "loopback")) {
        f = flux_event_subscribe_stream(cli_handle(cli), FLUX_ANY, &sub);
        if ((code = await(cli, f, 0)))
            return code;
        flux_future_next(f);
    }
    if (flux_event_publish(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (cli_has(cli, "synchronous"))
        printf("%llu\n", (unsigned long long)out->seq);
    if (f)
        code = await(cli, f, out->seq);
    flux_event_publish_response_free(out);
    return code;
}

const struct flux_verb verb_event_pub = {
    .path = "event pub",
    .args = "TOPIC [PAYLOAD...]",
    .summary = "Publish an event",
    .options = {options},
    .stop_at_free = true,
    .run = run,
};
