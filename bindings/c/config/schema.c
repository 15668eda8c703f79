// SPDX-License-Identifier: LGPL-3.0-only
/* Lookups in the table of known keys, and the spelling help for unknown ones. */
#include "schema.h"

#include "config.h"

#define KEY_MAX 64

const struct config_field *config_table_find(const struct config_table *table, const char *key)
{
    for (size_t i = 0; i < table->len; i++)
        if (!strcmp(table->fields[i].key, key))
            return &table->fields[i];
    return NULL;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein distance; '-' and '_' count as the same. */
static size_t distance(const char *a, const char *b)
{
    size_t row[KEY_MAX + 1], n = strlen(a), m = strlen(b);

    if (n > KEY_MAX || m > KEY_MAX)
        return KEY_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            char x = a[i - 1] == '_' ? '-' : a[i - 1], y = b[j - 1] == '_' ? '-' : b[j - 1];
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (x != y));
            diagonal = above;
        }
    }
    return row[m];
}

const char *config_table_nearest(const struct config_table *table, const char *key)
{
    size_t best = strlen(key) / 3 + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < table->len; i++) {
        size_t d = distance(key, table->fields[i].key);
        if (d <= best && (!nearest || d < best)) {
            best = d;
            nearest = table->fields[i].key;
        }
    }
    return nearest;
}

/* The field a dotted path leads to, the names of maps and the numbers of arrays skipped. */
static const struct config_field *find_path(const struct config_table *table, const char *path)
{
    const struct config_field *field = NULL;
    bool skip = false;

    while (*path) {
        char key[KEY_MAX];
        size_t len = strcspn(path, ".");
        if (len >= sizeof(key))
            return NULL;
        memcpy(key, path, len);
        key[len] = '\0';
        path += len + (path[len] == '.');
        if (skip) {
            skip = false;
            continue;
        }
        if (!table)
            return field; /* inside a table whose keys are not known */
        field = config_table_find(table, key);
        if (!field)
            return NULL;
        table = field->table;
        skip = field->map || (field->repeated && table);
        if (table && table->either)
            table = table->fields[table->len - 1].table;
    }
    return field;
}

const char *flux_configfile_doc(enum flux_configfile_space space, const char *path)
{
    const struct config_field *field = find_path(config_roots[space], path);

    return field ? field->doc : NULL;
}

static void add_changed(json_t *list, const char *path)
{
    const struct config_field *field = find_path(config_roots[FLUX_CONFIG_SYSTEM], path);

    if (field && field->restart)
        json_array_append_new(list, json_string(path));
}

static void compare(json_t *list, json_t *from, json_t *to, const char *path)
{
    const char *key;
    json_t *value;

    if (from && to && json_equal(from, to))
        return;
    if (!json_is_object(from ? from : to)) {
        add_changed(list, path);
        return;
    }
    json_object_foreach (from, key, value) {
        FLUX_AUTO_STR sub = flux_printf("%s%s%s", path, *path ? "." : "", key);
        compare(list, value, json_object_get(to, key), sub);
    }
    json_object_foreach (to, key, value) {
        FLUX_AUTO_STR sub = flux_printf("%s%s%s", path, *path ? "." : "", key);
        if (!json_object_get(from, key))
            compare(list, NULL, value, sub);
    }
}

json_t *flux_configfile_needs_restart(const struct flux_configfile *from,
                                      const struct flux_configfile *to)
{
    json_t *list = json_array();

    compare(list, flux_configfile_json(from), flux_configfile_json(to), "");
    return list;
}
