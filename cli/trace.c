// SPDX-License-Identifier: LGPL-3.0-only
/* One line a message: time, peer, direction, kind, method, size, and what an answer says. */
#include "trace.h"

#include <flux/protojson.h>
#include <flux/services.h>

#include "handle.h"
#include "ranks.h"
#include "stamp.h"

/* The body as JSON; empty answers and unknown methods have none. */
static void print_body(const flux_trace_watch_response *m)
{
    FLUX_AUTO_STR name = flux_printf("flux.v1.%s", m->method);
    bool request = strcmp(m->kind, "request") == 0;
    const struct flux_method *method;
    ProtobufCMessage *msg;
    json_t *o;

    if ((!request && (m->status || !m->size)) || flux_method_find(name, &method, NULL) < 0)
        return;
    msg = protobuf_c_message_unpack(request ? method->request : method->response, NULL, m->body.len,
                                    m->body.data);
    if (!msg)
        return;
    o = flux_proto_to_json(msg);
    putchar(' ');
    json_dumpf(o, stdout, JSON_COMPACT);
    json_decref(o);
    protobuf_c_message_free_unpacked(msg, NULL);
}

static void print_message(struct stamp *stamp, const flux_trace_watch_response *m, bool full)
{
    stamp_print(stamp, m->timestamp);
    printf("%s %s %s %s [%llu]", m->peer, m->sent ? "tx" : "rx", m->kind, m->method,
           (unsigned long long)m->size);
    if (m->status)
        printf(" %s", flux_errname((int)m->status));
    else if (strcmp(m->kind, "response") == 0 && m->more)
        printf(" more");
    if (full)
        print_body(m);
    putchar('\n');
    fflush(stdout);
}

/* "a,b" as a list; `text` is cut up. */
static char **split(char *text, size_t *n)
{
    char **list = flux_alloc((strlen(text) + 1) * sizeof(list[0]));
    char *save;

    for (char *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save))
        list[(*n)++] = p;
    return list;
}

static int find_rank(struct cli *cli, struct flux_to *to)
{
    const char *target = cli_str(cli, "rank", NULL);
    struct cli_ranks ranks;
    int64_t rank;

    if (!target)
        return 0;
    cli_ranks_get(cli, &ranks);
    rank = cli_ranks_find(cli, &ranks, target);
    cli_ranks_done(&ranks);
    *to = FLUX_RANK(rank);
    return rank < 0 ? 1 : 0;
}

int trace_follow(struct cli *cli, flux_trace_watch_request *in)
{
    struct stamp stamp = {.human = cli_has(cli, "human"), .delta = cli_has(cli, "delta")};
    FLUX_AUTO_STR types = flux_strdup(cli_str(cli, "type", ""));
    FLUX_AUTO_MEM(char *) kinds = NULL;
    long long left = cli_int(cli, "count", -1);
    const flux_trace_watch_response *out;
    struct flux_to to = FLUX_ANY;
    FLUX_AUTO(future) f = NULL;
    struct flux_error err = {""};
    int r = 0;

    if (find_rank(cli, &to))
        return 1;
    kinds = split(types, &in->n_kinds);
    in->kinds = (const char **)kinds;
    in->full = cli_has(cli, "full");
    f = flux_trace_watch_stream(cli_handle(cli), to, in);
    while (left != 0 && (r = flux_trace_watch_result(f, &out, &err)) == 0) {
        print_message(&stamp, out, in->full);
        left -= left > 0;
        flux_future_next(f);
    }
    return r < 0 && r != -ENODATA ? cli_fail(cli, "%s", err.text) : 0;
}
