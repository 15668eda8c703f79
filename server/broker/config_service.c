// SPDX-License-Identifier: LGPL-3.0-only
/* Service Config: what the configuration says, and reading it again. A reload is checked by
 * config.proto, then by every module, then applied; or nothing changes. */
#include <syslog.h>

#include <flux/config.h>
#include <flux/v1/config_rpc_service.h>

#include "broker.h"

FLUX_CONFIG_HANDLERS(config);
static const struct flux_config_ops ops = FLUX_CONFIG_OPS(config);

struct reload {
    struct broker *b;
    struct flux_call *call;
    json_t *conf;
    bool is_load;
};

int config_get(struct flux_call *call, const flux_config_get_request *in,
               flux_config_get_response *out)
{
    struct broker *b = flux_call_data(call);
    const json_t *o = flux_conf_find(b->conf, in->key);
    FLUX_AUTO_STR text = NULL;

    if (!o)
        return flux_call_fail(call, ENOENT, "%s is not set", in->key);
    text = json_dumps(o, JSON_COMPACT | JSON_ENCODE_ANY);
    out->json = flux_call_strdup(call, text);
    return 0;
}

static void on_reloaded(int r, const struct flux_error *err, void *arg)
{
    struct reload *rl = arg;
    flux_config_reload_response out = FLUX_CONFIG_RELOAD_RESPONSE_INIT;
    flux_config_load_response loaded = FLUX_CONFIG_LOAD_RESPONSE_INIT;

    if (r < 0) {
        json_decref(rl->conf);
        flux_call_error(rl->call, -r, "%s", err->text);
    } else {
        json_decref(rl->b->conf);
        rl->b->conf = rl->conf;
        broker_access_load(rl->b);
        if (rl->is_load)
            flux_config_load_reply(rl->call, &loaded);
        else
            flux_config_reload_reply(rl->call, &out);
    }
    free(rl);
}

static int start(struct flux_call *call, struct flux_configfile *cfg, bool is_load)
{
    struct broker *b = flux_call_data(call);
    struct flux_error err;
    struct reload *rl;

    if (flux_configfile_check(cfg, FLUX_CONFIG_SYSTEM, NULL, NULL, &err) > 0)
        return flux_call_fail(call, EINVAL, "%s", err.text);
    rl = flux_alloc(sizeof(*rl));
    rl->b = b;
    rl->call = call;
    rl->is_load = is_load;
    rl->conf = json_deep_copy(flux_configfile_json(cfg));
    modhost_reload(b->modhost, rl->conf, on_reloaded, rl);
    return FLUX_CALL_LATER;
}

int config_reload(struct flux_call *call, const flux_config_reload_request *in,
                  flux_config_reload_response *out)
{
    struct broker *b = flux_call_data(call);
    FLUX_AUTO(configfile) cfg = NULL;
    struct flux_error err;
    int r;

    if (!b->conf_path)
        return flux_call_fail(call, EINVAL, "this broker was started without --config-path");
    r = flux_configfile_load(b->conf_path, &cfg, &err);
    if (r < 0)
        return flux_call_fail(call, -r, "%s", err.text);
    return start(call, cfg, false);
}

int config_load(struct flux_call *call, const flux_config_load_request *in,
                flux_config_load_response *out)
{
    FLUX_AUTO(configfile) cfg = NULL;
    struct flux_error err;
    int r = flux_configfile_parse_json(in->json, "config load", &cfg, &err);

    if (r < 0)
        return flux_call_fail(call, -r, "%s", err.text);
    return start(call, cfg, true);
}

int config_service_start(struct broker *b, struct flux_error *err)
{
    return flux_config_serve(b->h, &ops, b, err);
}
