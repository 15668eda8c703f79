// SPDX-License-Identifier: LGPL-3.0-only
/* The tree of values: building, freeing, looking up. A node belongs to its parent. */
#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct conf_root *conf_root_new(void)
{
    return calloc(1, sizeof(struct conf_root)); /* an empty table */
}

const struct conf_source *conf_source_new(struct conf_root *root, const char *name)
{
    size_t n = strlen(name) + 1;
    struct conf_source *source = malloc(sizeof(*source) + n);

    if (!source)
        return NULL;
    memcpy(source->name, name, n);
    source->next = root->sources;
    root->sources = source;
    return source;
}

struct conf *conf_node_new(struct conf_root *root, enum conf_type type)
{
    struct conf *node;

    if (root->nodes >= CONF_NODES_MAX)
        return NULL;
    node = calloc(1, sizeof(*node));
    if (!node)
        return NULL;
    node->type = type;
    root->nodes++;
    return node;
}

static bool has_members(const struct conf *node)
{
    return node->type == CONF_TABLE || node->type == CONF_ARRAY;
}

/* What a node holds; its depth is bounded by CONF_DEPTH_MAX. */
static void node_done(struct conf *node)
{
    if (node->type == CONF_STRING)
        free(node->string);
    if (has_members(node)) {
        for (size_t i = 0; i < node->len; i++)
            conf_node_free(node->members[i]);
        free(node->members);
    }
    free(node->key);
}

void conf_node_free(struct conf *node)
{
    if (node)
        node_done(node);
    free(node);
}

void conf_free(struct conf *table)
{
    struct conf_root *root = (struct conf_root *)table;

    if (!root)
        return;
    node_done(&root->table);
    while (root->sources) {
        struct conf_source *next = root->sources->next;
        free(root->sources);
        root->sources = next;
    }
    free(root);
}

static struct conf **find(const struct conf *table, const char *key, size_t len)
{
    for (size_t i = 0; i < table->len; i++)
        if (strlen(table->members[i]->key) == len && memcmp(table->members[i]->key, key, len) == 0)
            return &table->members[i];
    return NULL;
}

struct conf *conf_node_find(const struct conf *table, const char *key, size_t len)
{
    struct conf **place = find(table, key, len);

    return place ? *place : NULL;
}

int conf_node_add(struct conf *parent, struct conf *node)
{
    struct conf **old = node->key ? find(parent, node->key, strlen(node->key)) : NULL;

    if (old) {
        conf_node_free(*old);
        *old = node;
        return 0;
    }
    /* grows when the length is a power of two */
    if ((parent->len & (parent->len - 1)) == 0) {
        size_t size = parent->len ? parent->len * 2 : 1;
        struct conf **members = reallocarray(parent->members, size, sizeof(struct conf *));
        if (!members) {
            conf_node_free(node);
            return -ENOMEM;
        }
        parent->members = members;
    }
    parent->members[parent->len++] = node;
    return 0;
}

const struct conf *conf_get(const struct conf *table, const char *path)
{
    while (table && *path) {
        size_t n = strcspn(path, ".");
        table = table->type == CONF_TABLE ? conf_node_find(table, path, n) : NULL;
        path += n;
        path += *path == '.';
    }
    return table;
}

const char *conf_where(const struct conf *value, char *buf, size_t size)
{
    if (value->source)
        snprintf(buf, size, "%s:%d", value->source->name, value->line);
    else
        snprintf(buf, size, "configuration");
    return buf;
}

/* 1 if the path is set and of that type, 0 if it is not set. */
static int typed(const struct conf *table, const char *path, enum conf_type type,
                 const struct conf **ret, struct imp_error *err)
{
    static const char *const names[] = {"a table",    "an array",      "a string",
                                        "an integer", "true or false", "a time"};
    char where[300];
    const struct conf *value = conf_get(table, path);

    if (!value)
        return 0;
    if (value->type != type)
        return imp_error_set(err, -EINVAL, "%s: %s must be %s",
                             conf_where(value, where, sizeof(where)), path, names[type]);
    *ret = value;
    return 1;
}

int conf_get_string(const struct conf *table, const char *path, const char **ret,
                    struct imp_error *err)
{
    const struct conf *value;
    int r = typed(table, path, CONF_STRING, &value, err);

    if (r > 0)
        *ret = value->string;
    return r;
}

int conf_get_int(const struct conf *table, const char *path, int64_t *ret, struct imp_error *err)
{
    const struct conf *value;
    int r = typed(table, path, CONF_INT, &value, err);

    if (r > 0)
        *ret = value->integer;
    return r;
}

int conf_get_bool(const struct conf *table, const char *path, bool *ret, struct imp_error *err)
{
    const struct conf *value;
    int r = typed(table, path, CONF_BOOL, &value, err);

    if (r > 0)
        *ret = value->boolean;
    return r;
}

int conf_get_time(const struct conf *table, const char *path, time_t *ret, struct imp_error *err)
{
    const struct conf *value;
    int r = typed(table, path, CONF_TIME, &value, err);

    if (r > 0)
        *ret = value->time;
    return r;
}

int conf_get_strings(const struct conf *table, const char *path, const struct conf **ret,
                     struct imp_error *err)
{
    char where[300];
    const struct conf *value = NULL;
    int r = typed(table, path, CONF_ARRAY, &value, err);

    if (r <= 0)
        return r;
    for (size_t i = 0; i < value->len; i++)
        if (value->members[i]->type != CONF_STRING)
            return imp_error_set(err, -EINVAL, "%s: %s must be an array of strings",
                                 conf_where(value, where, sizeof(where)), path);
    *ret = value;
    return 1;
}

enum conf_type conf_type(const struct conf *value)
{
    return value->type;
}

size_t conf_len(const struct conf *value)
{
    return has_members(value) ? value->len : 0;
}

const struct conf *conf_at(const struct conf *value, size_t i)
{
    return i < conf_len(value) ? value->members[i] : NULL;
}

const char *conf_key(const struct conf *value)
{
    return value->key ? value->key : "";
}

const char *conf_string(const struct conf *value)
{
    return value->type == CONF_STRING ? value->string : "";
}

bool conf_has(const struct conf *array, const char *text)
{
    if (!array || array->type != CONF_ARRAY)
        return false;
    for (size_t i = 0; i < array->len; i++)
        if (array->members[i]->type == CONF_STRING && strcmp(array->members[i]->string, text) == 0)
            return true;
    return false;
}
