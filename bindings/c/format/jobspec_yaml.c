// SPDX-License-Identifier: LGPL-3.0-only
/* Jobspec text to JSON. Depth and size are bounded before anything is built, and a text means the
 * same to every reader: no aliases, no repeated keys, no second document. */
#include <flux/jobspec.h>

#include <yaml.h>

#define DEPTH_MAX 64

struct reader {
    yaml_parser_t parser;
    struct flux_error *err;
    int depth;
};

static int fail(struct reader *rd, const yaml_event_t *ev, const char *what)
{
    return flux_error_set(rd->err, -EPROTO, "jobspec: line %zu: %s", ev->start_mark.line + 1, what);
}

static int next_event(struct reader *rd, yaml_event_t *ev)
{
    if (yaml_parser_parse(&rd->parser, ev))
        return 0;
    return flux_error_set(rd->err, -EPROTO, "jobspec: line %zu: not YAML: %s",
                          rd->parser.problem_mark.line + 1,
                          rd->parser.problem ? rd->parser.problem : "unreadable");
}

static bool one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(s, *words) == 0)
            return true;
    return false;
}

static json_t *number_or_string(const char *s, size_t len)
{
    char *end;

    if (!strchr("+-.0123456789", *s))
        return json_stringn(s, len);
    if (strspn(s, "0123456789+-") == len || strncmp(s, "0x", 2) == 0) {
        errno = 0;
        long long n = strtoll(s, &end, strncmp(s, "0x", 2) == 0 ? 16 : 10);
        if (*end == '\0' && errno == 0)
            return json_integer(n);
    }
    if (strspn(s, "+-0123456789.eE") == len && strpbrk(s, "0123456789")) {
        double d = strtod(s, &end);
        json_t *o = *end == '\0' ? json_real(d) : NULL;
        if (o)
            return o;
    }
    return json_stringn(s, len);
}

/* YAML 1.2 core schema: only true/false are booleans; yes, no, on, off stay strings. */
static json_t *scalar(const yaml_event_t *ev)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    const char *s = (const char *)ev->data.scalar.value;
    size_t len = ev->data.scalar.length;

    if (ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return json_stringn(s, len);
    if (one_of(s, nulls))
        return json_null();
    if (one_of(s, trues))
        return json_true();
    if (one_of(s, falses))
        return json_false();
    return number_or_string(s, len);
}

static int read_node(struct reader *rd, const yaml_event_t *ev, json_t **ret);

static int read_sequence(struct reader *rd, json_t **ret)
{
    json_t *array = json_array(), *item;
    yaml_event_t ev;
    bool last;
    int r;

    for (;;) {
        r = next_event(rd, &ev);
        if (r < 0)
            break;
        last = ev.type == YAML_SEQUENCE_END_EVENT;
        if (!last)
            r = read_node(rd, &ev, &item);
        yaml_event_delete(&ev);
        if (last || r < 0)
            break;
        json_array_append_new(array, item);
    }
    if (r < 0)
        json_decref(array);
    else
        *ret = array;
    return r;
}

/* The value of the key in `kev`, set in `object`. */
static int read_member(struct reader *rd, const yaml_event_t *kev, json_t *object)
{
    const char *key = (const char *)kev->data.scalar.value;
    yaml_event_t ev;
    json_t *value;
    int r;

    if (kev->type != YAML_SCALAR_EVENT)
        return fail(rd, kev, "a key must be a plain word");
    if (json_object_get(object, key))
        return fail(rd, kev, "repeated key");
    r = next_event(rd, &ev);
    if (r < 0)
        return r;
    r = read_node(rd, &ev, &value);
    yaml_event_delete(&ev);
    if (r == 0 && json_object_set_new(object, key, value) < 0)
        r = fail(rd, kev, "a key must be UTF-8");
    return r;
}

static int read_mapping(struct reader *rd, json_t **ret)
{
    json_t *object = json_object();
    yaml_event_t ev;
    bool last;
    int r;

    for (;;) {
        r = next_event(rd, &ev);
        if (r < 0)
            break;
        last = ev.type == YAML_MAPPING_END_EVENT;
        if (!last)
            r = read_member(rd, &ev, object);
        yaml_event_delete(&ev);
        if (last || r < 0)
            break;
    }
    if (r < 0)
        json_decref(object);
    else
        *ret = object;
    return r;
}

static int read_node(struct reader *rd, const yaml_event_t *ev, json_t **ret)
{
    int r = -EPROTO;

    if (ev->type == YAML_SCALAR_EVENT) {
        *ret = scalar(ev);
        return *ret ? 0 : fail(rd, ev, "a value must be UTF-8");
    }
    if (ev->type == YAML_ALIAS_EVENT)
        return fail(rd, ev, "aliases are not allowed");
    if (++rd->depth > DEPTH_MAX)
        return fail(rd, ev, "nested too deeply");
    if (ev->type == YAML_SEQUENCE_START_EVENT)
        r = read_sequence(rd, ret);
    else if (ev->type == YAML_MAPPING_START_EVENT)
        r = read_mapping(rd, ret);
    rd->depth--;
    return r;
}

/* Read up to an event of this type; -EPROTO if something else comes. */
static int expect(struct reader *rd, yaml_event_type_t type, const char *otherwise)
{
    yaml_event_t ev;
    int r = next_event(rd, &ev);

    if (r < 0)
        return r;
    if (ev.type != type)
        r = fail(rd, &ev, otherwise);
    yaml_event_delete(&ev);
    return r;
}

static int read_document(struct reader *rd, json_t **ret)
{
    yaml_event_t ev;
    json_t *o;
    int r;

    r = expect(rd, YAML_STREAM_START_EVENT, "not YAML");
    if (r == 0)
        r = expect(rd, YAML_DOCUMENT_START_EVENT, "empty");
    if (r == 0)
        r = next_event(rd, &ev);
    if (r < 0)
        return r;
    r = read_node(rd, &ev, &o);
    yaml_event_delete(&ev);
    if (r < 0)
        return r;
    r = expect(rd, YAML_DOCUMENT_END_EVENT, "not YAML");
    if (r == 0)
        r = expect(rd, YAML_STREAM_END_EVENT, "more than one document");
    if (r < 0)
        json_decref(o);
    else
        *ret = o;
    return r;
}

static int parse_yaml(const char *text, size_t len, json_t **ret, struct flux_error *err)
{
    struct reader rd = {.err = err};
    int r;

    if (!yaml_parser_initialize(&rd.parser))
        return flux_error_set(err, -ENOMEM, "jobspec: cannot start the YAML parser");
    yaml_parser_set_encoding(&rd.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&rd.parser, (const unsigned char *)text, len);
    r = read_document(&rd, ret);
    yaml_parser_delete(&rd.parser);
    return r;
}

static int parse_json(const char *text, size_t len, json_t **ret, struct flux_error *err)
{
    json_error_t e;

    *ret = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
    if (!*ret)
        return flux_error_set(err, -EPROTO, "jobspec: line %d: not JSON: %s", e.line, e.text);
    return 0;
}

int flux_jobspec_parse(const char *text, size_t len, json_t **ret, struct flux_error *err)
{
    size_t blank = 0;
    json_t *o = NULL;
    int r;

    if (len > FLUX_JOBSPEC_MAX)
        return flux_error_set(err, -EMSGSIZE, "jobspec: %zu bytes are more than the limit of %zu",
                              len, FLUX_JOBSPEC_MAX);
    while (blank < len && strchr(" \t\r\n", text[blank]) && text[blank])
        blank++;
    if (blank < len && text[blank] == '{')
        r = parse_json(text, len, &o, err);
    else
        r = parse_yaml(text, len, &o, err);
    if (r < 0)
        return r;
    if (!json_is_object(o)) {
        json_decref(o);
        return flux_error_set(err, -EPROTO, "jobspec: must be an object");
    }
    *ret = o;
    return 0;
}
