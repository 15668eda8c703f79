// SPDX-License-Identifier: LGPL-3.0-only
/* The reader of TOML: one pass over bytes that were found to be UTF-8 without NUL. A cursor never
 * passes `end`; what it cannot read is an error with file and line. */
#include "node.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "timestamp.h"

struct reader {
    struct conf_root *root;
    const struct conf_source *source;
    const char *p, *end;
    int line;
    struct imp_error *err;
};

/* The next byte, or -1 at the end. */
static int peek(const struct reader *rd)
{
    return rd->p < rd->end ? (unsigned char)*rd->p : -1;
}

static bool accept(struct reader *rd, char c)
{
    bool is = peek(rd) == c;

    rd->p += is;
    return is;
}

static int bad(struct reader *rd, const char *what)
{
    return imp_error_set(rd->err, -EINVAL, "%s:%d: %s", rd->source->name, rd->line, what);
}

static int no_memory(struct reader *rd)
{
    return rd->root->nodes >= CONF_NODES_MAX ? bad(rd, "too many values")
                                             : imp_error_set(rd->err, -ENOMEM, "out of memory");
}

static void skip_blanks(struct reader *rd)
{
    while (peek(rd) == ' ' || peek(rd) == '\t')
        rd->p++;
}

/* A comment up to, not with, the end of the line. */
static int skip_comment(struct reader *rd)
{
    skip_blanks(rd);
    if (!accept(rd, '#'))
        return 0;
    for (; peek(rd) >= 0 && peek(rd) != '\n'; rd->p++)
        if ((peek(rd) < ' ' && peek(rd) != '\t' && peek(rd) != '\r') || peek(rd) == 0x7f)
            return bad(rd, "control character in a comment");
    return 0;
}

/* 1 if there was an end of line or of the file, 0 if not. */
static int skip_newline(struct reader *rd)
{
    if (rd->end - rd->p >= 2 && rd->p[0] == '\r' && rd->p[1] == '\n')
        rd->p++;
    if (accept(rd, '\n')) {
        rd->line++;
        return 1;
    }
    return peek(rd) < 0;
}

/* Blanks, comments and lines without anything. */
static int skip_space(struct reader *rd)
{
    int r;

    do {
        r = skip_comment(rd);
    } while (r == 0 && peek(rd) >= 0 && skip_newline(rd));
    return r;
}

static int quoted(struct reader *rd, char **ret)
{
    const char *why = "out of memory";
    char quote = *rd->p;

    if (rd->end - rd->p >= 3 && rd->p[1] == quote && rd->p[2] == quote)
        return bad(rd, "strings of several lines are not known here");
    int r = text_unquote(&rd->p, rd->end, ret, &why);
    return r < 0 ? imp_error_set(rd->err, r, "%s:%d: %s", rd->source->name, rd->line, why) : 0;
}

static bool bare(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* One part of a dotted key: a new string. */
static int key_part(struct reader *rd, char **ret)
{
    const char *start = rd->p;

    if (peek(rd) == '"' || peek(rd) == '\'')
        return quoted(rd, ret);
    while (bare(peek(rd)))
        rd->p++;
    if (rd->p == start)
        return bad(rd, "expected a key");
    *ret = strndup(start, (size_t)(rd->p - start));
    return *ret ? 0 : no_memory(rd);
}

/* A new node under a key, which it takes over, even where it fails. */
static int add(struct reader *rd, struct conf *table, char *key, struct conf *node)
{
    if (!node) {
        free(key);
        return no_memory(rd);
    }
    node->key = key;
    node->line = rd->line;
    node->source = rd->source;
    return conf_node_add(table, node) < 0 ? no_memory(rd) : 0;
}

static int twice(struct reader *rd, const char *key, const struct conf *old)
{
    char where[300];

    return imp_error_set(rd->err, -EINVAL, "%s:%d: '%s' was set at %s already", rd->source->name,
                         rd->line, key, conf_where(old, where, sizeof(where)));
}

/* Go into the table `key` of *table, made if there is none. Takes key over. */
static int descend(struct reader *rd, struct conf **table, char *key)
{
    struct conf *next = conf_node_find(*table, key, strlen(key));

    if (!next) {
        next = conf_node_new(rd->root, CONF_TABLE);
        int r = add(rd, *table, key, next);
        if (r == 0)
            *table = next;
        return r;
    }
    if (next->type == CONF_ARRAY && !next->closed && next->len > 0)
        next = next->members[next->len - 1];
    int r = next->type != CONF_TABLE || next->closed ? twice(rd, key, next) : 0;
    if (r == 0)
        *table = next;
    free(key);
    return r;
}

/* A dotted key: *table becomes the table of its last part, *ret that part as a new string. */
static int dotted(struct reader *rd, struct conf **table, char **ret)
{
    char *key = NULL;
    int r;

    for (int depth = 1;; depth++) {
        skip_blanks(rd);
        r = key_part(rd, &key);
        if (r < 0)
            return r;
        skip_blanks(rd);
        if (!accept(rd, '.'))
            break;
        if (depth >= CONF_DEPTH_MAX) {
            free(key);
            return bad(rd, "too many parts in a key");
        }
        r = descend(rd, table, key);
        if (r < 0)
            return r;
    }
    *ret = key;
    return 0;
}

static int value(struct reader *rd, int depth, struct conf **ret);

/* KEY = VALUE in a table. */
static int assignment(struct reader *rd, struct conf *table, int depth)
{
    struct conf *node = NULL;
    char *key = NULL;
    int r = dotted(rd, &table, &key);

    if (r < 0)
        return r;
    struct conf *old = conf_node_find(table, key, strlen(key));
    if (old && (old->source == rd->source || old->type == CONF_TABLE))
        r = twice(rd, key, old);
    else if (!accept(rd, '='))
        r = bad(rd, "expected '=' after a key");
    else
        r = value(rd, depth, &node);
    if (r < 0) {
        free(key);
        return r;
    }
    return add(rd, table, key, node);
}

/* The elements of [...] or {...} after the bracket. */
static int members(struct reader *rd, struct conf *parent, int depth)
{
    bool array = parent->type == CONF_ARRAY;
    char close = array ? ']' : '}';
    int r = 0;

    for (;;) {
        r = array ? skip_space(rd) : (skip_blanks(rd), 0);
        if (r < 0)
            return r;
        if (accept(rd, close))
            return 0;
        if (array) {
            struct conf *node = NULL;
            r = value(rd, depth, &node);
            r = r < 0 ? r : add(rd, parent, NULL, node);
        } else {
            r = assignment(rd, parent, depth);
        }
        if (r == 0)
            r = array ? skip_space(rd) : (skip_blanks(rd), 0);
        if (r < 0)
            return r;
        if (!accept(rd, ',') && peek(rd) != close)
            return bad(rd, array ? "expected ',' or ']' in an array"
                                 : "expected ',' or '}' in a table");
    }
}

static int container(struct reader *rd, int depth, struct conf **ret)
{
    struct conf *node = conf_node_new(rd->root, *rd->p == '[' ? CONF_ARRAY : CONF_TABLE);

    if (!node)
        return no_memory(rd);
    rd->p++;
    int r = depth >= CONF_DEPTH_MAX ? bad(rd, "too deep") : members(rd, node, depth + 1);
    if (r < 0) {
        conf_node_free(node);
        return r;
    }
    node->closed = true;
    *ret = node;
    return 0;
}

/* Numbers, booleans, times: whatever goes on to a blank or a delimiter. */
static int word(struct reader *rd, struct conf **ret)
{
    char text[64];
    size_t n = 0;
    struct conf v = {0};

    while (n < sizeof(text) - 1 && rd->p < rd->end && (bare(*rd->p) || strchr("+:.", *rd->p)))
        text[n++] = *rd->p++;
    text[n] = '\0';
    if (n == 0)
        return bad(rd, "expected a value");
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        v.type = CONF_BOOL;
        v.boolean = text[0] == 't';
    } else if (text_to_int(text, &v.integer) == 0) {
        v.type = CONF_INT;
    } else if (timestamp_decode(text, &v.time) == 0) {
        v.type = CONF_TIME;
    } else {
        return imp_error_set(
            rd->err, -EINVAL,
            "%s:%d: '%s' is no value: strings are quoted, and only decimal integers, "
            "true, false and times such as 2026-01-31T00:00:00Z are known",
            rd->source->name, rd->line, text);
    }
    struct conf *node = conf_node_new(rd->root, v.type);
    if (!node)
        return no_memory(rd);
    *node = v;
    *ret = node;
    return 0;
}

static int string(struct reader *rd, struct conf **ret)
{
    struct conf *node = conf_node_new(rd->root, CONF_STRING);

    if (!node)
        return no_memory(rd);
    int r = quoted(rd, &node->string);
    if (r < 0) {
        conf_node_free(node);
        return r;
    }
    *ret = node;
    return 0;
}

static int value(struct reader *rd, int depth, struct conf **ret)
{
    skip_blanks(rd);
    switch (peek(rd)) {
    case '"':
    case '\'':
        return string(rd, ret);
    case '[':
    case '{':
        return container(rd, depth, ret);
    default:
        return word(rd, ret);
    }
}

/* Append a table to the array `key`, which a [[header]] of this file began. Takes key over. */
static int append_table(struct reader *rd, struct conf **table, char *key)
{
    struct conf *array = conf_node_find(*table, key, strlen(key)), *element;
    int r = 0;

    if (array && (array->closed || array->type != CONF_ARRAY)) {
        r = twice(rd, key, array);
        free(key);
        return r;
    }
    if (!array || array->source != rd->source) {
        array = conf_node_new(rd->root, CONF_ARRAY);
        r = add(rd, *table, key, array);
    } else {
        free(key);
    }
    if (r < 0)
        return r;
    element = conf_node_new(rd->root, CONF_TABLE);
    r = add(rd, array, NULL, element);
    if (r == 0)
        *table = element;
    return r;
}

/* [a.b] or [[a.b]]: *table becomes the table that it names. */
static int header(struct reader *rd, struct conf **table)
{
    bool array = accept(rd, '[');
    char *key = NULL;

    *table = &rd->root->table;
    int r = dotted(rd, table, &key);
    if (r < 0)
        return r;
    if (!accept(rd, ']') || (array && !accept(rd, ']'))) {
        free(key);
        return bad(rd, "expected ']' at the end of a table's name");
    }
    if (array)
        return append_table(rd, table, key);
    struct conf *old = conf_node_find(*table, key, strlen(key));
    if (old && old->type == CONF_TABLE && old->header == rd->source) {
        r = twice(rd, key, old);
        free(key);
        return r;
    }
    r = descend(rd, table, key);
    if (r == 0) {
        (*table)->header = rd->source;
        (*table)->line = rd->line;
        (*table)->source = rd->source;
    }
    return r;
}

static int lines(struct reader *rd)
{
    struct conf *table = &rd->root->table;
    int r;

    for (;;) {
        r = skip_space(rd);
        if (r < 0 || peek(rd) < 0)
            return r;
        r = accept(rd, '[') ? header(rd, &table) : assignment(rd, table, 1);
        if (r == 0)
            r = skip_comment(rd);
        if (r < 0)
            return r;
        if (!skip_newline(rd))
            return bad(rd, "expected the end of the line");
    }
}

int conf_read(struct conf_root *root, const char *text, size_t len, const char *name,
              struct imp_error *err)
{
    struct reader rd = {root, conf_source_new(root, name), text, text + len, 1, err};

    if (!rd.source)
        return imp_error_set(err, -ENOMEM, "out of memory");
    if (len > CONF_FILE_MAX)
        return imp_error_set(err, -EFBIG, "%s: larger than %d bytes", name, CONF_FILE_MAX);
    size_t wrong = text_utf8(text, len);
    if (wrong < len) {
        for (size_t i = 0; i < wrong; i++)
            rd.line += text[i] == '\n';
        return bad(&rd, "not UTF-8 text");
    }
    return lines(&rd);
}

int conf_parse(const char *text, size_t len, const char *name, struct conf **ret,
               struct imp_error *err)
{
    struct conf_root *root = conf_root_new();

    if (!root)
        return imp_error_set(err, -ENOMEM, "out of memory");
    int r = conf_read(root, text, len, name, err);
    if (r < 0)
        conf_free(&root->table);
    else
        *ret = &root->table;
    return r;
}
