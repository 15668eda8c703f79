// SPDX-License-Identifier: LGPL-3.0-only
/* Carbon copies. The jobspec is written once with marks where the number goes; a copy is then a
 * matter of joining texts. {cc} is replaced in every string but those of the environment, and
 * FLUX_JOB_CC is set. */
#include "ingest.h"

#include <stdio.h>

/* A character that JSON text cannot hold unescaped, so no string of the user's can look like it. */
#define MARK "\x01"
#define MARK_ESCAPED "\\u0001"

struct marked {
    char *text;
    size_t len, marks;
};

struct cc_template {
    struct marked jobspec, brief;
};

static char *replace_tag(const char *s)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);
    const char *at;

    while ((at = strstr(s, "{cc}"))) {
        flux_buf_add(&b, s, at - s);
        flux_buf_puts(&b, MARK);
        s = at + 4;
    }
    flux_buf_puts(&b, s);
    return flux_buf_take(&b);
}

static json_t *mark_string(const json_t *o)
{
    const char *s = json_string_value(o);
    FLUX_AUTO_STR marked = strstr(s, "{cc}") ? replace_tag(s) : NULL;

    return marked ? json_string(marked) : NULL;
}

static void mark(json_t *o, const json_t *leave_alone)
{
    json_t *value, *marked;
    const char *key;
    size_t i;

    if (o == leave_alone)
        return;
    json_array_foreach (o, i, value) {
        marked = json_is_string(value) ? mark_string(value) : NULL;
        if (marked)
            json_array_set_new(o, i, marked);
        else
            mark(value, leave_alone);
    }
    json_object_foreach (o, key, value) {
        marked = json_is_string(value) ? mark_string(value) : NULL;
        if (marked)
            json_object_set_new(o, key, marked);
        else
            mark(value, leave_alone);
    }
}

static void take_text(struct marked *m, char *text)
{
    m->text = text;
    m->len = strlen(text);
    for (const char *p = text; (p = strstr(p, MARK_ESCAPED)); p++)
        m->marks++;
}

char *ingest_brief(json_t *o)
{
    json_t *system = flux_jobspec_get(o, "attributes.system");

    json_object_del(system, "environment");
    json_object_del(system, "files");
    json_object_del(system, "shell");
    return json_dumps(o, JSON_COMPACT);
}

struct cc_template *cc_template_new(json_t *o)
{
    struct cc_template *t = flux_alloc(sizeof(*t));
    json_t *env = flux_jobspec_get(o, "attributes.system.environment"), *cc = json_string(MARK);
    struct flux_error err;

    mark(o, env);
    flux_jobspec_set(o, "attributes.system.environment.FLUX_JOB_CC", cc, &err);
    json_decref(cc);
    take_text(&t->jobspec, json_dumps(o, JSON_COMPACT));
    take_text(&t->brief, ingest_brief(o));
    return t;
}

static char *make(const struct marked *m, const char *number)
{
    size_t n = strlen(number);
    char *out = flux_alloc(m->len + m->marks * n + 1), *q = out;
    const char *p = m->text, *at;

    while ((at = strstr(p, MARK_ESCAPED))) {
        q = mempcpy(q, p, at - p);
        q = mempcpy(q, number, n);
        p = at + strlen(MARK_ESCAPED);
    }
    strcpy(q, p);
    return out;
}

void cc_template_make(const struct cc_template *t, unsigned cc, char **jobspec, char **brief)
{
    char number[16];

    snprintf(number, sizeof(number), "%u", cc);
    *jobspec = make(&t->jobspec, number);
    *brief = make(&t->brief, number);
}

void cc_template_free(struct cc_template *t)
{
    free(t->jobspec.text);
    free(t->brief.text);
    free(t);
}
