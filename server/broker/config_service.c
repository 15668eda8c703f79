// SPDX-License-Identifier: LGPL-3.0-only
/* Service Config: what the configuration says, and reading it again. A reload is checked by
 * config.proto, then by every module, then applied; or nothing changes. */
#include <syslog.h>

#include <flux/buf.h>
#include <flux/v1/config_rpc_service.h>

#include "settings.h"

FLUX_CONFIG_HANDLERS(config);
static const struct flux_config_ops ops = FLUX_CONFIG_OPS(config);

struct reload {
    struct broker *b;
    struct flux_call *call;
    struct flux_configfile *cfg;
    bool is_load, check_only;
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

static void log_reload(struct broker *b, const json_t *restart)
{
    FLUX_AUTO_BUF keys = FLUX_BUF_INIT(4096);
    const json_t *key;
    size_t i;

    broker_log(b, LOG_INFO, "configuration reloaded");
    json_array_foreach (restart, i, key)
        flux_buf_printf(&keys, "%s%s", i ? ", " : "", json_string_value(key));
    if (keys.len)
        broker_log(b, LOG_WARNING, "needs a restart: %s", keys.data);
}

static void reply(struct reload *rl, const json_t *restart)
{
    flux_config_reload_response out = FLUX_CONFIG_RELOAD_RESPONSE_INIT;
    flux_config_load_response loaded = FLUX_CONFIG_LOAD_RESPONSE_INIT;
    const char **keys = flux_call_alloc(rl->call, (json_array_size(restart) + 1) * sizeof(*keys));
    const json_t *key;
    size_t i;

    json_array_foreach (restart, i, key)
        keys[i] = json_string_value(key);
    out.needs_restart = loaded.needs_restart = (void *)keys;
    out.n_needs_restart = loaded.n_needs_restart = json_array_size(restart);
    if (rl->is_load)
        flux_config_load_reply(rl->call, &loaded);
    else
        flux_config_reload_reply(rl->call, &out);
}

static void on_reloaded(int r, const struct flux_error *err, void *arg)
{
    struct reload *rl = arg;

    if (r < 0) {
        broker_log(rl->b, LOG_ERR, "configuration not reloaded: %s", err->text);
        flux_call_error(rl->call, -r, "%s", err->text);
    } else {
        json_t *restart = settings_needs_restart(rl->b, rl->cfg);
        if (!rl->check_only) {
            settings_apply(rl->b, rl->cfg);
            broker_access_load(rl->b);
            modhost_set_conf(rl->b->modhost, rl->b->conf);
            log_reload(rl->b, restart);
        }
        reply(rl, restart);
        json_decref(restart);
    }
    flux_configfile_free(rl->cfg);
    free(rl);
}

static int start(struct flux_call *call, struct flux_configfile *cfg, bool is_load, bool check_only)
{
    struct broker *b = flux_call_data(call);
    struct reload *rl = flux_alloc(sizeof(*rl));

    rl->b = b;
    rl->call = call;
    rl->is_load = is_load;
    rl->check_only = check_only;
    rl->cfg = cfg;
    modhost_reload(b->modhost, flux_configfile_json(cfg), !check_only, on_reloaded, rl);
    return FLUX_CALL_LATER;
}

int config_reload(struct flux_call *call, const flux_config_reload_request *in,
                  flux_config_reload_response *out)
{
    struct broker *b = flux_call_data(call);
    FLUX_AUTO(configfile) cfg = NULL;
    struct flux_error err;
    int r;

    if (!b->settings->path)
        return flux_call_fail(call, EINVAL, "this broker was started without --config-path");
    r = settings_read(b, &cfg, &err);
    if (r < 0) {
        broker_log(b, LOG_ERR, "configuration not reloaded: %s", err.text);
        return flux_call_fail(call, -r, "%s", err.text);
    }
    return start(call, FLUX_GIVE(cfg), false, in->check_only);
}

int config_load(struct flux_call *call, const flux_config_load_request *in,
                flux_config_load_response *out)
{
    struct broker *b = flux_call_data(call);
    FLUX_AUTO(configfile) cfg = NULL;
    struct flux_error err;
    int r = flux_configfile_parse_json(in->json, "config load", &cfg, &err);

    if (r == 0)
        r = settings_check(b, cfg, &err);
    if (r < 0)
        return flux_call_fail(call, -r, "%s", err.text);
    return start(call, FLUX_GIVE(cfg), true, false);
}

int config_service_start(struct broker *b, struct flux_error *err)
{
    return flux_config_serve(b->h, &ops, b, err);
}
