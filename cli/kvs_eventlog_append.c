// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs eventlog append: one event (RFC 18) at the end of a log. */
#include <flux/eventlog.h>

#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"timestamp", 't', OPT_STR, "SECONDS", "Time of the event (default: now)"},
    {NULL},
};

/* The words of the context are one JSON object. */
static json_t *context(struct cli *cli, struct flux_error *err)
{
    struct flux_buf text = FLUX_BUF_INIT(1 << 20);
    json_error_t e;
    json_t *o;

    for (int i = 2; i < cli->argc; i++)
        flux_buf_printf(&text, "%s%s", i > 2 ? " " : "", cli->argv[i]);
    o = json_loads(text.data, 0, &e);
    if (!o)
        flux_error_set(err, -EINVAL, "the context must be a JSON object: %s", e.text);
    else if (!json_is_object(o)) {
        flux_error_set(err, -EINVAL, "the context must be a JSON object");
        json_decref(o);
        o = NULL;
    }
    flux_buf_done(&text);
    return o;
}

static int run(struct cli *cli)
{
    const char *stamp = cli_str(cli, "timestamp", NULL);
    FLUX_AUTO_BUF line = FLUX_BUF_INIT(2 << 20);
    struct kvs_txn txn = {0};
    double t = flux_walltime();
    struct flux_error err;
    json_t *o = NULL;
    flux_kvs_op *op;
    char *end;
    int r;

    if (cli->argc < 2)
        return cli_misused(cli, "expected KEY and NAME");
    if (stamp) {
        t = strtod(stamp, &end);
        if (*end || t <= 0)
            return cli_misused(cli, "--timestamp: '%s' is not a time in seconds", stamp);
    }
    if (cli->argc > 2 && !(o = context(cli, &err)))
        return cli_fail(cli, "%s", err.text);
    r = flux_eventlog_encode(&line, t, cli->argv[1], o, &err);
    json_decref(o);
    if (r < 0)
        return cli_fail(cli, "%s", err.text);
    op = kvs_txn_add(&txn, FLUX_KVS_OP_APPEND, cli->argv[0]);
    op->value.data = (uint8_t *)line.data;
    op->value.len = line.len;
    return kvs_commit(cli, kvs_namespace(cli), &txn);
}

const struct flux_verb verb_kvs_eventlog_append = {
    .path = "kvs eventlog append",
    .args = "KEY NAME [CONTEXT...]",
    .summary = "Append to a KVS eventlog",
    .options = {kvs_options, kvs_commit_options, options},
    .run = run,
};
