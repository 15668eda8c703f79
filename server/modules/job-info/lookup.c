// SPDX-License-Identifier: LGPL-3.0-only
/* Lookup of records; with `current`, jobspec and R carry the updates that the eventlog tells of. */
#include "info.h"

#include <flux/eventlog.h>
#include <flux/fluid.h>
#include <flux/jobspec.h>

#define KEYS_MAX 64

int info_check_access(struct flux_call *call, uint64_t id, const void *log, size_t len,
                      struct flux_error *err)
{
    struct flux_eventlog_cursor c = {log, (const char *)log + len, 0};
    FLUX_AUTO_EVENT e = {0};
    uint32_t userid = FLUX_USERID_UNKNOWN;

    if (flux_call_is_owner(call))
        return 0;
    if (flux_eventlog_next(&c, &e, NULL) == 1)
        userid = json_integer_value(json_object_get(e.context, "userid"));
    if (flux_call_may_act_for(call, userid))
        return 0;
    if (flux_call_is_private(call))
        return flux_error_set(err, -ENOENT, "%s: unknown job id", flux_fluid_f58(id));
    return flux_error_set(err, -EPERM, "%s: not your job", flux_fluid_f58(id));
}

/* --- current: apply jobspec-update and resource-update --- */

static void apply_updates(json_t *o, const char *key, const flux_kvs_get_response *log)
{
    struct flux_eventlog_cursor c = {(char *)log->value.data,
                                     (char *)log->value.data + log->value.len, 0};
    bool is_r = strcmp(key, "R") == 0;
    struct flux_eventlog_entry e;
    struct flux_error err;
    const char *path;
    json_t *value;

    while (flux_eventlog_next(&c, &e, &err) == 1) {
        if (!is_r && strcmp(e.name, "jobspec-update") == 0)
            json_object_foreach (e.context, path, value)
                flux_jobspec_set(o, path, value, &err);
        if (is_r && strcmp(e.name, "resource-update") == 0)
            json_object_set(json_object_get(o, "execution"), "expiration",
                            json_object_get(e.context, "expiration"));
        flux_eventlog_entry_done(&e);
    }
}

static void put_current(struct flux_call *call, ProtobufCBinaryData *out, const char *key,
                        const flux_kvs_get_response *res, const flux_kvs_get_response *log)
{
    json_t *o = json_loadb((char *)res->value.data, res->value.len, 0, NULL);
    FLUX_AUTO_STR text = NULL;

    if (!o)
        return;
    apply_updates(o, key, log);
    text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    out->len = strlen(text);
    out->data = (uint8_t *)flux_call_strdup(call, text);
}

static bool has_updates(const char *key)
{
    return strcmp(key, "jobspec") == 0 || strcmp(key, "R") == 0;
}

static void on_values(struct flux_future *f, void *arg)
{
    struct flux_call *call = arg;
    const flux_job_info_lookup_request *in = flux_call_aux(call);
    flux_job_info_lookup_response out = FLUX_JOB_INFO_LOOKUP_RESPONSE_INIT;
    const flux_kvs_get_many_response *res;
    struct flux_error err;
    int r = flux_kvs_get_many_result(f, &res, &err);

    /* results[0] is the eventlog, for access and updates */
    if (r == 0 && res->results[0]->type == FLUX_KVS_TYPE_UNSPECIFIED)
        r = flux_error_set(&err, -ENOENT, "%s: unknown job id", flux_fluid_f58(in->id));
    if (r == 0)
        r = info_check_access(call, in->id, res->results[0]->value.data, res->results[0]->value.len,
                              &err);
    if (r == 0)
        out.values = flux_call_alloc(call, in->n_keys * sizeof(*out.values));
    for (size_t i = 0; r == 0 && i < in->n_keys; i++) {
        flux_kvs_get_response *value = res->results[i + 1];
        if (value->type == FLUX_KVS_TYPE_UNSPECIFIED)
            r = flux_error_set(&err, -ENOENT, "%s has no %s", flux_fluid_f58(in->id), in->keys[i]);
        out.values[i] = value->value;
        if (r == 0 && in->current && has_updates(in->keys[i]))
            put_current(call, &out.values[i], in->keys[i], value, res->results[0]);
    }
    out.n_values = in->n_keys;
    if (r < 0)
        flux_call_error(call, -r, "%s", err.text);
    else
        flux_job_info_lookup_reply(call, &out);
    flux_future_free(f);
}

int job_info_lookup(struct flux_call *call, const flux_job_info_lookup_request *in,
                    flux_job_info_lookup_response *out)
{
    struct flux *h = flux_call_data(call);
    flux_kvs_get_many_request get = FLUX_KVS_GET_MANY_REQUEST_INIT;
    const char *keys[KEYS_MAX + 1];

    if (!in->n_keys || in->n_keys > KEYS_MAX)
        return flux_call_fail(call, EINVAL, "1 to %d keys can be looked up at a time", KEYS_MAX);
    for (size_t i = 0; i <= in->n_keys; i++) {
        const char *name = i ? in->keys[i - 1] : "eventlog";
        char *buf = flux_call_alloc(call, FLUX_JOB_KEY_MAX);
        if (!*name || strlen(name) > 48)
            return flux_call_fail(call, EINVAL, "'%s' is not a key of a job", name);
        keys[i] = flux_job_key(buf, in->id, name);
    }
    get.keys = keys;
    get.n_keys = in->n_keys + 1;
    flux_call_set_aux(call, (void *)in);
    flux_future_then(flux_kvs_get_many_async(h, FLUX_ANY, &get), on_values, call);
    return FLUX_CALL_LATER;
}
