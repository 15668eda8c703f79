// SPDX-License-Identifier: LGPL-3.0-only
/* Holds a configuration against the table of known keys: unknown keys, wrong types, bad spellings
 * of durations, ids and hosts, each with its file, its line and, for a key, the nearest known one.
 */
#include <stdio.h>

#include <flux/fsd.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "config.h"
#include "schema.h"

struct check {
    const struct flux_configfile *cfg;
    flux_configfile_problem_f problem;
    void *arg;
    struct flux_error *err;
    int fatal;
    bool quiet; /* only count: trying one alternative of several */
};

static void check_value(struct check *c, const struct config_field *field, json_t *o,
                        const char *path);

__attribute__((format(printf, 4, 5))) static void report(struct check *c, bool fatal,
                                                         const char *path, const char *fmt, ...)
{
    const char *where = flux_configfile_where(c->cfg, path);
    struct flux_error e;
    char *what;
    va_list ap;

    c->fatal += fatal;
    if (c->quiet)
        return;
    va_start(ap, fmt);
    what = flux_vprintf(fmt, ap);
    va_end(ap);
    flux_error_set(&e, 0, "%s%s%s: %s", where, *where ? ": " : "", path, what);
    free(what);
    if (fatal && c->fatal == 1 && c->err)
        *c->err = e;
    if (c->problem)
        c->problem(e.text, fatal, c->arg);
}

static void unknown_key(struct check *c, const struct config_table *table, const char *key,
                        const char *path)
{
    const char *nearest = config_table_nearest(table, key);
    bool top = !strchr(path, '.');

    if (nearest)
        report(c, true, path, "unknown key; did you mean '%s'?", nearest);
    else
        report(c, !top, path, top ? "a table that is not known here" : "unknown key");
}

static void check_table(struct check *c, const struct config_table *table, json_t *o,
                        const char *path)
{
    const char *key;
    json_t *value;

    if (!json_is_object(o)) {
        report(c, true, path, "must be a table");
        return;
    }
    json_object_foreach (o, key, value) {
        FLUX_AUTO_STR sub = flux_printf("%s%s%s", path, *path ? "." : "", key);
        const struct config_field *field = config_table_find(table, key);
        if (field)
            check_value(c, field, value, sub);
        else
            unknown_key(c, table, key, sub);
    }
}

static const char *kind_text(enum config_kind kind)
{
    static const char *const text[] = {
        [CONFIG_BOOL] = "true or false",
        [CONFIG_INT] = "an integer",
        [CONFIG_FLOAT] = "a number",
        [CONFIG_STRING] = "a string",
        [CONFIG_FSD] = "a duration such as \"30s\" or \"5m\"",
        [CONFIG_IDSET] = "ids such as \"0-3,7\"",
        [CONFIG_HOSTLIST] = "hosts such as \"test[1-16]\"",
        [CONFIG_PATH] = "an absolute path",
        [CONFIG_COMMAND] = "an array of strings, not empty",
        [CONFIG_TABLE] = "a table",
        [CONFIG_ANY] = "any value",
        [CONFIG_MESSAGE] = "a table",
    };

    return text[kind];
}

static bool is_fsd(json_t *o)
{
    const char *s = json_string_value(o);
    double t;

    if (json_is_number(o))
        return json_number_value(o) >= 0;
    return s && (flux_fsd_parse(s, &t, NULL) == 0 || !strcmp(s, "none"));
}

static bool is_idset(json_t *o)
{
    FLUX_AUTO(idset) set = NULL;

    return json_is_string(o) && flux_idset_decode(json_string_value(o), &set, NULL) == 0;
}

static bool is_hostlist(json_t *o)
{
    FLUX_AUTO(hostlist) hl = NULL;

    return json_is_string(o) && flux_hostlist_decode(json_string_value(o), &hl, NULL) == 0;
}

static bool is_command(json_t *o)
{
    json_t *arg;
    size_t i;

    json_array_foreach (o, i, arg)
        if (!json_is_string(arg))
            return false;
    return json_array_size(o) > 0;
}

static bool fits(enum config_kind kind, json_t *o)
{
    switch (kind) {
    case CONFIG_BOOL:
        return json_is_boolean(o);
    case CONFIG_INT:
        return json_is_integer(o);
    case CONFIG_FLOAT:
        return json_is_number(o);
    case CONFIG_STRING:
        return json_is_string(o);
    case CONFIG_FSD:
        return is_fsd(o);
    case CONFIG_IDSET:
        return is_idset(o);
    case CONFIG_HOSTLIST:
        return is_hostlist(o);
    case CONFIG_PATH:
        return json_is_string(o) && json_string_value(o)[0] == '/';
    case CONFIG_COMMAND:
        return is_command(o);
    case CONFIG_TABLE:
    case CONFIG_MESSAGE:
        return json_is_object(o);
    case CONFIG_ANY:
        return true;
    }
    return false;
}

/* The value must have the form of one of the table's fields. If it has none, the last one's
 * complaint is reported when the value is at least a table, otherwise all forms are listed. */
static void check_either(struct check *c, const struct config_table *table, json_t *o,
                         const char *path)
{
    const struct config_field *last = &table->fields[table->len - 1];
    struct flux_error forms = {""};

    for (size_t i = 0; i < table->len; i++) {
        struct check try = {.cfg = c->cfg, .quiet = true};
        size_t n = strlen(forms.text);
        check_value(&try, &table->fields[i], o, path);
        if (!try.fatal)
            return;
        snprintf(forms.text + n, sizeof(forms.text) - n, "%s%s", i ? " or " : "",
                 kind_text(table->fields[i].kind));
    }
    if (json_is_object(o) && last->kind == CONFIG_MESSAGE)
        check_value(c, last, o, path);
    else
        report(c, true, path, "must be %s", forms.text);
}

static void check_one(struct check *c, const struct config_field *field, json_t *o,
                      const char *path)
{
    if (field->kind != CONFIG_MESSAGE) {
        if (!fits(field->kind, o))
            report(c, true, path, "must be %s", kind_text(field->kind));
    } else if (field->table->either) {
        check_either(c, field->table, o, path);
    } else {
        check_table(c, field->table, o, path);
    }
}

static void check_value(struct check *c, const struct config_field *field, json_t *o,
                        const char *path)
{
    const char *key;
    json_t *value;
    size_t i;

    if (field->map && !json_is_object(o))
        report(c, true, path, "must be a table of tables");
    else if (field->repeated && !json_is_array(o))
        report(c, true, path, "must be an array");
    else if (!field->map && !field->repeated)
        check_one(c, field, o, path);
    else {
        json_object_foreach (o, key, value) {
            FLUX_AUTO_STR sub = flux_printf("%s.%s", path, key);
            check_one(c, field, value, sub);
        }
        json_array_foreach (o, i, value) {
            FLUX_AUTO_STR sub = flux_printf("%s.%zu", path, i);
            check_one(c, field, value, sub);
        }
    }
}

int flux_configfile_check(const struct flux_configfile *cfg, enum flux_configfile_space space,
                          flux_configfile_problem_f problem, void *arg, struct flux_error *err)
{
    struct check c = {.cfg = cfg, .problem = problem, .arg = arg, .err = err};

    check_table(&c, config_roots[space], flux_configfile_json(cfg), "");
    return c.fatal;
}
