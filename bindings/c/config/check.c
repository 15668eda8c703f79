// SPDX-License-Identifier: LGPL-3.0-only
/* Holds a configuration against the table of known keys: unknown keys, missing ones, wrong types,
 * bad values, each with its file, its line and, for a key, the nearest known one. What keys mean
 * together is in rules.c. */
#include <stdio.h>

#include <flux/buf.h>

#include "config.h"
#include "rules.h"
#include "schema.h"

struct check {
    const struct flux_configfile *cfg;
    flux_configfile_problem_f problem;
    void *arg;
    struct flux_error *err;
    int errors;
    bool quiet; /* only count: trying one alternative of several */
};

static void check_value(struct check *c, const struct config_field *field, json_t *o,
                        const char *path);

__attribute__((format(printf, 4, 5))) static void report(struct check *c,
                                                         enum flux_configfile_severity severity,
                                                         const char *path, const char *fmt, ...)
{
    const char *where = flux_configfile_where(c->cfg, path);
    struct flux_error e;
    char *what;
    va_list ap;

    c->errors += severity == FLUX_CONFIG_ERROR;
    if (c->quiet)
        return;
    va_start(ap, fmt);
    what = flux_vprintf(fmt, ap);
    va_end(ap);
    flux_error_set(&e, 0, "%s%s%s: %s", where, *where ? ": " : "", path, what);
    free(what);
    if (severity == FLUX_CONFIG_ERROR && c->errors == 1 && c->err)
        *c->err = e;
    if (c->problem)
        c->problem(e.text, severity, c->arg);
}

static void unknown_key(struct check *c, const struct config_table *table, const char *key,
                        const char *path)
{
    const char *nearest = config_table_nearest(table, key);
    bool top = !strchr(path, '.');

    if (nearest)
        report(c, FLUX_CONFIG_ERROR, path, "unknown key; did you mean '%s'?", nearest);
    else
        report(c, top ? FLUX_CONFIG_UNKNOWN : FLUX_CONFIG_ERROR, path,
               top ? "a table that is not known here" : "unknown key");
}

static void check_required(struct check *c, const struct config_table *table, const json_t *o,
                           const char *path)
{
    for (size_t i = 0; i < table->len; i++)
        if (table->fields[i].required && !json_object_get(o, table->fields[i].key))
            report(c, FLUX_CONFIG_ERROR, path, "%s is missing", table->fields[i].key);
}

static void check_table(struct check *c, const struct config_table *table, json_t *o,
                        const char *path)
{
    const char *key;
    json_t *value;

    if (!json_is_object(o)) {
        report(c, FLUX_CONFIG_ERROR, path, "must be a table");
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
    check_required(c, table, o, path);
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
        if (!try.errors)
            return;
        snprintf(forms.text + n, sizeof(forms.text) - n, "%s%s", i ? " or " : "",
                 config_kind_text(table->fields[i].kind));
    }
    if (json_is_object(o) && last->kind == CONFIG_MESSAGE)
        check_value(c, last, o, path);
    else
        report(c, FLUX_CONFIG_ERROR, path, "must be %s", forms.text);
}

static void check_choice(struct check *c, const struct config_field *field, const char *value,
                         const char *path)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(1024);

    for (const char *const *v = field->values; *v; v++) {
        if (!strcmp(*v, value))
            return;
        flux_buf_printf(&b, "%s\"%s\"", v == field->values ? "" : ", ", *v);
    }
    report(c, FLUX_CONFIG_ERROR, path, "'%.32s' is none of %s", value, b.data);
}

static void check_range(struct check *c, const struct config_field *field, const json_t *o,
                        const char *path)
{
    double x = json_number_value(o);

    if (x >= (double)field->min && x <= (double)field->max)
        return;
    if (field->max == INT64_MAX)
        report(c, FLUX_CONFIG_ERROR, path, "must be at least %lld", (long long)field->min);
    else
        report(c, FLUX_CONFIG_ERROR, path, "must be from %lld to %lld", (long long)field->min,
               (long long)field->max);
}

static void check_one(struct check *c, const struct config_field *field, json_t *o,
                      const char *path)
{
    if (field->kind == CONFIG_MESSAGE && field->table->either)
        check_either(c, field->table, o, path);
    else if (field->kind == CONFIG_MESSAGE)
        check_table(c, field->table, o, path);
    else if (!config_kind_fits(field->kind, o))
        report(c, FLUX_CONFIG_ERROR, path, "must be %s", config_kind_text(field->kind));
    else if (field->values)
        check_choice(c, field, json_string_value(o), path);
    else if (field->has_range)
        check_range(c, field, o, path);
}

static void check_value(struct check *c, const struct config_field *field, json_t *o,
                        const char *path)
{
    const char *key;
    json_t *value;
    size_t i;

    if (field->unused)
        report(c, FLUX_CONFIG_UNUSED, path, "nothing in this version acts on it");
    if (field->map && !json_is_object(o))
        report(c, FLUX_CONFIG_ERROR, path, "must be a table of tables");
    else if (field->repeated && !json_is_array(o))
        report(c, FLUX_CONFIG_ERROR, path, "must be an array");
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

static void on_rule(void *arg, const char *path, const char *text)
{
    report(arg, FLUX_CONFIG_ERROR, path, "%s", text);
}

int flux_configfile_check(const struct flux_configfile *cfg, enum flux_configfile_space space,
                          flux_configfile_problem_f problem, void *arg, struct flux_error *err)
{
    struct check c = {.cfg = cfg, .problem = problem, .arg = arg, .err = err};
    const char *path;
    json_t *where;

    json_object_foreach (config_replaced(cfg), path, where)
        report(&c, FLUX_CONFIG_REPLACED, path,
               "takes the place of the list at %s: they do not add up", json_string_value(where));
    check_table(&c, config_roots[space], flux_configfile_json(cfg), "");
    if (!c.errors) /* rules may take every type for granted */
        config_rules_check(flux_configfile_json(cfg), space, on_rule, &c);
    return c.errors;
}
