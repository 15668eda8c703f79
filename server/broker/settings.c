// SPDX-License-Identifier: LGPL-3.0-only
/* Configuration files and --conf become b->conf, checked first. Keys of [tbon] are attributes of
 * the same name, unless the command line has set those. */
#include "settings.h"

#include <syslog.h>
#include <unistd.h>

struct settings *settings_new(void)
{
    struct settings *s = flux_alloc(sizeof(*s));

    s->overrides = flux_configfile_new();
    return s;
}

void settings_free(struct settings *s)
{
    flux_configfile_free(s->overrides);
    flux_configfile_free(s->at_start);
    free(s->path);
    free(s);
}

void settings_set_path(struct settings *s, const char *path)
{
    free(s->path);
    s->path = flux_strdup(path);
}

int settings_override(struct settings *s, const char *text, struct flux_error *err)
{
    FLUX_AUTO(configfile) cfg = NULL;
    int r;

    if (text[0] == '{')
        r = flux_configfile_parse_json(text, "--conf", &cfg, err);
    else if (access(text, R_OK) == 0)
        r = flux_configfile_load(text, FLUX_CONFIG_TRUST_OWNER, &cfg, err);
    else
        r = flux_configfile_parse(text, "--conf", &cfg, err);
    if (r == 0)
        flux_configfile_merge(s->overrides, cfg);
    return r;
}

static void on_problem(const char *text, enum flux_configfile_severity severity, void *arg)
{
    if (severity != FLUX_CONFIG_ERROR)
        broker_log(arg, severity == FLUX_CONFIG_UNUSED ? LOG_DEBUG : LOG_WARNING, "config: %s",
                   text);
}

int settings_check(struct broker *b, const struct flux_configfile *cfg, struct flux_error *err)
{
    return flux_configfile_check(cfg, FLUX_CONFIG_SYSTEM, on_problem, b, err) > 0 ? -EINVAL : 0;
}

int settings_read(struct broker *b, struct flux_configfile **ret, struct flux_error *err)
{
    FLUX_AUTO(configfile) cfg = NULL;
    int r;

    if (!b->settings->path)
        cfg = flux_configfile_new();
    else if ((r = flux_configfile_load(b->settings->path, FLUX_CONFIG_TRUST_OWNER, &cfg, err)) < 0)
        return r;
    flux_configfile_merge(cfg, b->settings->overrides);
    if ((r = settings_check(b, cfg, err)) < 0)
        return r;
    *ret = FLUX_GIVE(cfg);
    return 0;
}

static char *attribute_text(const json_t *value)
{
    if (json_is_string(value))
        return flux_strdup(json_string_value(value));
    if (json_is_boolean(value))
        return flux_strdup(json_is_true(value) ? "1" : "0");
    return json_is_integer(value) ? flux_printf("%lld", (long long)json_integer_value(value))
                                  : flux_printf("%g", json_number_value(value));
}

/* What only a restart can change keeps the value it has: an attribute tells what is in force. */
static void take_tbon(struct broker *b, bool starting)
{
    static const char *const live[] = {"torpid_min", "torpid_max"};
    static const char *const otherwise[] = {"5s", "30s"};
    const json_t *tbon = json_object_get(b->conf, "tbon");
    const char *key;
    json_t *value;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(live); i++) {
        FLUX_AUTO_STR name = flux_printf("tbon.%s", live[i]);
        if (!(attrs_flags(b->attrs, name) & ATTR_COMMAND) && !json_object_get(tbon, live[i]))
            attrs_set(b->attrs, name, otherwise[i], ATTR_RUNTIME);
    }
    json_object_foreach ((json_t *)tbon, key, value) {
        FLUX_AUTO_STR name = flux_printf("tbon.%s", key);
        FLUX_AUTO_STR text = attribute_text(value);
        int flags = attrs_flags(b->attrs, name);
        bool alive = !strcmp(key, live[0]) || !strcmp(key, live[1]);
        if (!(flags & ATTR_COMMAND) && (starting || alive))
            attrs_set(b->attrs, name, text, flags | ATTR_CONFIG);
    }
}

void settings_apply(struct broker *b, const struct flux_configfile *cfg)
{
    json_decref(b->conf);
    b->conf = json_deep_copy(flux_configfile_json(cfg));
    take_tbon(b, !b->settings->at_start);
    broker_overlay_configure(b);
}

int settings_start(struct broker *b, struct flux_error *err)
{
    FLUX_AUTO(configfile) cfg = NULL;
    int r;

    if ((r = settings_read(b, &cfg, err)) < 0)
        return r;
    settings_apply(b, cfg);
    b->settings->at_start = FLUX_GIVE(cfg);
    if (b->settings->path)
        attrs_set(b->attrs, "config.path", b->settings->path, ATTR_READONLY);
    return 0;
}

json_t *settings_needs_restart(const struct broker *b, const struct flux_configfile *cfg)
{
    return flux_configfile_needs_restart(b->settings->at_start, cfg);
}
