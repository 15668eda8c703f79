// SPDX-License-Identifier: LGPL-3.0-only
/* flux call: any rpc from the shell. Answers are JSON, one line an item for streams. */
#include <flux/protojson.h>
#include <flux/services.h>

#include "handle.h"
#include "verb.h"

/* The request: a JSON object (an argument that begins with '{'), then FIELD=VALUE in order. */
static json_t *request_json(struct cli *cli, const struct flux_method *m)
{
    struct flux_error err;
    json_t *o = json_object();

    for (int i = 1; i < cli->argc; i++) {
        json_error_t je;
        json_t *part;
        if (cli->argv[i][0] != '{') {
            if (flux_proto_set_json(m->request, o, cli->argv[i], &err) < 0)
                cli_die(cli, "%s", err.text);
            continue;
        }
        part = json_loads(cli->argv[i], 0, &je);
        if (!part)
            cli_die(cli, "argument %d: %s", i, je.text);
        json_object_update(o, part);
        json_decref(part);
    }
    return o;
}

static struct flux_to target(struct cli *cli)
{
    struct flux_to to = FLUX_ANY;

    if (cli_has(cli, "upstream"))
        to = FLUX_UPSTREAM;
    if (cli_has(cli, "rank"))
        to = FLUX_RANK((uint32_t)cli_int(cli, "rank", 0));
    to.timeout = cli_fsd(cli, "timeout", 0);
    return to;
}

static void show(const ProtobufCMessage *msg, bool pretty)
{
    json_t *o = flux_proto_to_json(msg);

    json_dumpf(o, stdout, pretty ? JSON_INDENT(2) : JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(o);
}

/* All answers of the call, or the first `limit` (0: no limit). */
static int receive(struct cli *cli, struct flux_future *f, const struct flux_method *m)
{
    long long limit = cli_int(cli, "count", 0);
    struct flux_error err = {""};
    const ProtobufCMessage *out;
    int r;

    for (long long n = 1;; n++) {
        r = flux_rpc_result(f, &out, &err);
        if (r == -ENODATA && m->stream)
            return 0;
        if (r < 0)
            return cli_fail(cli, "%s: %s", flux_errname(-r), err.text);
        show(out, !m->stream && !cli_has(cli, "compact"));
        if (!m->stream || n == limit)
            return 0;
        flux_future_next(f);
    }
}

static int run(struct cli *cli)
{
    const struct flux_method *m;
    struct flux_error err;
    ProtobufCMessage *in;
    json_t *o;
    int r;

    if (cli->argc < 1)
        return cli_misused(cli, "which rpc?");
    if (flux_method_find(cli->argv[0], &m, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    o = request_json(cli, m);
    r = flux_proto_from_json(m->request, o, &in, &err);
    json_decref(o);
    if (r < 0)
        return cli_fail(cli, "%s", err.text);
    {
        FLUX_AUTO(future) f = flux_rpc(cli_handle(cli), target(cli), m, in);
        protobuf_c_message_free_unpacked(in, NULL);
        return receive(cli, f, m);
    }
}

static const struct flux_option options[] = {
    {"rank", 'r', OPT_INT, "RANK", "Call the broker of RANK"},
    {"upstream", 'u', OPT_FLAG, NULL, "Call the nearest broker above this one"},
    {"timeout", 't', OPT_FSD, "FSD", "Give up after FSD"},
    {"count", 'n', OPT_INT, "N", "End a stream after N items"},
    {"compact", 'c', OPT_FLAG, NULL, "Print JSON on one line"},
    {0},
};

const struct flux_verb verb_call = {
    .path = "call",
    .args = "SERVICE.RPC [FIELD=VALUE|JSON]...",
    .summary = "Call any rpc of any service",
    .options = {options},
    .more =
        "Text, bytes and enums are given as they are, everything else as JSON. Bytes that are\n"
        "not text are {\"base64\": \"...\"}. `flux describe` lists services and their fields.\n",
    .run = run,
};
