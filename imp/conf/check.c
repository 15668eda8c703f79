// SPDX-License-Identifier: LGPL-3.0-only
/* Keys and types against the generated table. A key that is not known is an error, always: a
 * misspelt restriction must not be taken for none. */
#include "conf.h"
#include "keys.h"

#include <string.h>

enum { NAME_MAX_LEN = 48 };

static const struct conf_key *find(const struct conf_keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->len; i++)
        if (strcmp(keys->rows[i].name, name) == 0)
            return &keys->rows[i];
    return NULL;
}

/* Levenshtein. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_LEN + 1], n = strlen(a), m = strlen(b);

    if (n > NAME_MAX_LEN || m > NAME_MAX_LEN)
        return NAME_MAX_LEN;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j], least = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < least)
                least = above + 1;
            if (row[j - 1] + 1 < least)
                least = row[j - 1] + 1;
            row[j] = least;
            diagonal = above;
        }
    }
    return row[m];
}

static int unknown(const struct conf_keys *keys, const struct conf *value, struct imp_error *err)
{
    const char *name = conf_key(value), *near = NULL;
    size_t best = strlen(name) / 3 + 2;
    char where[300];

    for (size_t i = 0; i < keys->len; i++) {
        size_t d = distance(name, keys->rows[i].name);
        if (d < best) {
            best = d;
            near = keys->rows[i].name;
        }
    }
    conf_where(value, where, sizeof(where));
    if (near)
        return imp_error_set(err, -EINVAL, "%s: unknown key '%s'; do you mean '%s'?", where, name,
                             near);
    return imp_error_set(err, -EINVAL, "%s: unknown key '%s'", where, name);
}

static int must_be(const struct conf *value, const char *name, const char *what,
                   struct imp_error *err)
{
    char where[300];

    return imp_error_set(err, -EINVAL, "%s: %s must be %s", conf_where(value, where, sizeof(where)),
                         name, what);
}

static int check_one(const struct conf *value, const struct conf_key *key, struct imp_error *err)
{
    static const struct {
        enum conf_type type;
        const char *what;
    } kinds[] = {
        [CONF_KIND_BOOL] = {CONF_BOOL, "true or false"},
        [CONF_KIND_INT] = {CONF_INT, "an integer"},
        [CONF_KIND_STRING] = {CONF_STRING, "a string"},
        [CONF_KIND_PATH] = {CONF_STRING, "an absolute path"},
        [CONF_KIND_KEYS] = {CONF_TABLE, "a table"},
    };

    if (conf_type(value) != kinds[key->kind].type ||
        (key->kind == CONF_KIND_PATH && conf_string(value)[0] != '/'))
        return must_be(value, key->name, kinds[key->kind].what, err);
    return key->kind == CONF_KIND_KEYS ? conf_check(value, key->keys, err) : 0;
}

static int check_key(const struct conf *value, const struct conf_key *key, struct imp_error *err)
{
    int r = 0;

    if (!key->repeated && !key->map)
        return check_one(value, key, err);
    if (conf_type(value) != (key->map ? CONF_TABLE : CONF_ARRAY))
        return must_be(value, key->name, key->map ? "a table of tables" : "an array", err);
    for (size_t i = 0; r == 0 && i < conf_len(value); i++)
        r = check_one(conf_at(value, i), key, err);
    return r;
}

int conf_check(const struct conf *table, const struct conf_keys *keys, struct imp_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < conf_len(table); i++) {
        const struct conf *value = conf_at(table, i);
        const struct conf_key *key = find(keys, conf_key(value));
        r = key ? check_key(value, key, err) : unknown(keys, value, err);
    }
    return r;
}
