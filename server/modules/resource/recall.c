// SPDX-License-Identifier: LGPL-3.0-only
/* When only the module at rank 0 is loaded anew, the other ranks do not report again: then the
 * inventory that it stored before is still that of this instance. An earlier run's is not. */
#include "resource.h"

#include <stdio.h>

#include <flux/v1/kvs.h>

/* Time of the last "restart" event; 0: none. */
static double last_restart(const char *log, size_t len)
{
    struct flux_eventlog_cursor c = {log, log + len, 0};
    struct flux_eventlog_entry e;
    double t = 0;

    while (flux_eventlog_next(&c, &e, NULL) > 0) {
        if (strcmp(e.name, "restart") == 0)
            t = e.timestamp;
        flux_eventlog_entry_done(&e);
    }
    return t;
}

static void recall(struct resource *res, const flux_kvs_get_many_response *out)
{
    const char *started = flux_attr(res->h, "broker.starttime");
    FLUX_AUTO(rset) all = NULL;
    FLUX_AUTO_STR text = NULL;

    if (res->reported || !started || out->n_results != 2 ||
        out->results[1]->type == FLUX_KVS_TYPE_UNSPECIFIED ||
        last_restart((char *)out->results[0]->value.data, out->results[0]->value.len) <
            strtod(started, NULL))
        return;
    text = flux_strndup((char *)out->results[1]->value.data, out->results[1]->value.len);
    if (flux_rset_decode(text, &all, NULL) < 0 || flux_rset_nnodes(all) != res->expected)
        return;
    res->reported = true;
    resource_define(res, FLUX_GIVE(all));
}

static void on_read(struct flux_future *f, void *arg)
{
    struct resource *res = arg;
    const flux_kvs_get_many_response *out;

    /* without a KVS, or with an empty one, there is nothing to recall */
    if (flux_kvs_get_many_result(f, &out, NULL) == 0)
        recall(res, out);
    flux_future_free(FLUX_GIVE(res->recall));
}

void recall_start(struct resource *res)
{
    flux_kvs_get_many_request in = FLUX_KVS_GET_MANY_REQUEST_INIT;
    const char *keys[] = {"resource.eventlog", "resource.R"};

    in.keys = keys;
    in.n_keys = 2;
    res->recall = flux_kvs_get_many_async(res->h, FLUX_ANY, &in);
    flux_future_then(res->recall, on_read, res);
}
