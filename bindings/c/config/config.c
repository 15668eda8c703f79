// SPDX-License-Identifier: LGPL-3.0-only
/* A configuration in memory: one JSON object, and for every dotted path the place it was read from.
 * Invariant: a place is replaced whenever its value is, so messages name the file that counts. */
#include <stdio.h>
#include <uthash.h>

#include <flux/buf.h>
#include <flux/fsd.h>

#include "config.h"

struct place {
    UT_hash_handle hh;
    char *where; /* "file:line" */
    char path[];
};

struct flux_configfile {
    json_t *root;
    json_t *replaced; /* dotted path of a list -> where the one was that it took the place of */
    struct place *places;
};

struct flux_configfile *flux_configfile_new(void)
{
    struct flux_configfile *cfg = flux_alloc(sizeof(*cfg));

    cfg->root = json_object();
    cfg->replaced = json_object();
    return cfg;
}

void flux_configfile_free(struct flux_configfile *cfg)
{
    struct place *place, *next;

    if (!cfg)
        return;
    HASH_ITER (hh, cfg->places, place, next) {
        HASH_DELETE(hh, cfg->places, place);
        free(place->where);
        free(place);
    }
    json_decref(cfg->root);
    json_decref(cfg->replaced);
    free(cfg);
}

json_t *config_replaced(const struct flux_configfile *cfg)
{
    return cfg->replaced;
}

void config_mark(struct flux_configfile *cfg, const char *path, const char *name, int line)
{
    const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    size_t len = strlen(path);
    struct place *place;

    HASH_FIND(hh, cfg->places, path, len, place);
    if (!place) {
        place = flux_alloc(sizeof(*place) + len + 1);
        memcpy(place->path, path, len);
        HASH_ADD(hh, cfg->places, path, len, place);
    }
    free(place->where);
    place->where = line ? flux_printf("%s:%d", base, line) : flux_strdup(base);
}

json_t *flux_configfile_json(const struct flux_configfile *cfg)
{
    return cfg->root;
}

static json_t *step(json_t *o, const char *key, size_t len)
{
    char name[CONFIG_PATH_MAX];

    if (len >= sizeof(name))
        return NULL;
    memcpy(name, key, len);
    name[len] = '\0';
    if (json_is_array(o)) {
        char *end;
        unsigned long i = strtoul(name, &end, 10);
        return len && !*end ? json_array_get(o, i) : NULL;
    }
    return json_object_get(o, name);
}

json_t *flux_configfile_get(const struct flux_configfile *cfg, const char *path)
{
    json_t *o = cfg->root;

    while (*path && o) {
        size_t len = strcspn(path, ".");
        o = step(o, path, len);
        path += len + (path[len] == '.');
    }
    return o;
}

const char *flux_configfile_where(const struct flux_configfile *cfg, const char *path)
{
    size_t len = strlen(path);
    struct place *place = NULL;

    while (len) {
        HASH_FIND(hh, cfg->places, path, len, place);
        if (place)
            return place->where;
        while (len && path[len - 1] != '.')
            len--;
        if (len)
            len--;
    }
    return "";
}

static int mistyped(const struct flux_configfile *cfg, const char *path, const char *want,
                    struct flux_error *err)
{
    return flux_error_set(err, -EINVAL, "%s: %s: must be %s", flux_configfile_where(cfg, path),
                          path, want);
}

int flux_configfile_get_string(const struct flux_configfile *cfg, const char *path,
                               const char **ret, struct flux_error *err)
{
    json_t *o = flux_configfile_get(cfg, path);

    if (!o)
        return 0;
    if (!json_is_string(o))
        return mistyped(cfg, path, "a string", err);
    *ret = json_string_value(o);
    return 1;
}

int flux_configfile_get_bool(const struct flux_configfile *cfg, const char *path, bool *ret,
                             struct flux_error *err)
{
    json_t *o = flux_configfile_get(cfg, path);

    if (!o)
        return 0;
    if (!json_is_boolean(o))
        return mistyped(cfg, path, "true or false", err);
    *ret = json_is_true(o);
    return 1;
}

int flux_configfile_get_int(const struct flux_configfile *cfg, const char *path, int64_t *ret,
                            struct flux_error *err)
{
    json_t *o = flux_configfile_get(cfg, path);

    if (!o)
        return 0;
    if (!json_is_integer(o))
        return mistyped(cfg, path, "an integer", err);
    *ret = json_integer_value(o);
    return 1;
}

int flux_configfile_get_real(const struct flux_configfile *cfg, const char *path, double *ret,
                             struct flux_error *err)
{
    json_t *o = flux_configfile_get(cfg, path);

    if (!o)
        return 0;
    if (!json_is_number(o))
        return mistyped(cfg, path, "a number", err);
    *ret = json_number_value(o);
    return 1;
}

int flux_configfile_get_fsd(const struct flux_configfile *cfg, const char *path, double *ret,
                            struct flux_error *err)
{
    json_t *o = flux_configfile_get(cfg, path);

    if (!o)
        return 0;
    if (json_is_number(o) && json_number_value(o) >= 0) {
        *ret = json_number_value(o);
        return 1;
    }
    if (!json_is_string(o) || flux_fsd_parse(json_string_value(o), ret, NULL) < 0)
        return mistyped(cfg, path, "a duration such as \"30s\" or \"5m\"", err);
    return 1;
}

/* Marks for the values of a JSON document, whose lines are not known. */
static void mark_json(struct flux_configfile *cfg, json_t *o, const char *path, const char *name)
{
    const char *key;
    json_t *value;
    size_t i;

    if (*path)
        config_mark(cfg, path, name, 0);
    json_object_foreach (o, key, value) {
        FLUX_AUTO_STR sub = flux_printf("%s%s%s", path, *path ? "." : "", key);
        mark_json(cfg, value, sub, name);
    }
    json_array_foreach (o, i, value) {
        FLUX_AUTO_STR sub = flux_printf("%s.%zu", path, i);
        mark_json(cfg, value, sub, name);
    }
}

int flux_configfile_parse_json(const char *json, const char *name, struct flux_configfile **ret,
                               struct flux_error *err)
{
    FLUX_AUTO(configfile) cfg = flux_configfile_new();
    json_error_t e;
    json_t *o = json_loads(json, JSON_REJECT_DUPLICATES, &e);

    if (!o)
        return flux_error_set(err, -EINVAL, "%s:%d: %s", name, e.line, e.text);
    json_decref(cfg->root);
    cfg->root = o;
    if (!json_is_object(o))
        return flux_error_set(err, -EINVAL, "%s: not a JSON object", name);
    mark_json(cfg, o, "", name);
    *ret = FLUX_GIVE(cfg);
    return 0;
}

int flux_configfile_parse(const char *toml, const char *name, struct flux_configfile **ret,
                          struct flux_error *err)
{
    FLUX_AUTO(configfile) cfg = flux_configfile_new();
    json_t *o = NULL;
    int r = config_parse_toml(cfg, toml, name, &o, err);

    if (r < 0)
        return r;
    json_object_update(cfg->root, o);
    json_decref(o);
    *ret = FLUX_GIVE(cfg);
    return 0;
}
