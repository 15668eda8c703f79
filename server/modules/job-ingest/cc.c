// SPDX-License-Identifier: LGPL-3.0-only
/* Carbon copies. The jobspec is written once with marks where the number goes; a copy is then a
 * matter of joining texts. {cc} is replaced in every string but those of the environment, and
 * FLUX_JOB_CC is set. */
#include "ingest.h"

#include <stdio.h>

/* A character that JSON text cannot hold unescaped, so no string of the user's can look like it. */
#define MARK "\x01"
#define MARK_ESCAPED "\\u0001"

struct cc_template {
    char *text;
    size_t len, marks;
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

struct cc_template *cc_template_new(json_t *o)
{
    struct cc_template *t = flux_alloc(sizeof(*t));
    json_t *env = flux_jobspec_get(o, "attributes.system.environment");
    struct flux_error err;

    mark(o, env);
    flux_jobspec_set(o, "attributes.system.environment.FLUX_JOB_CC", json_string(MARK), &err);
    t->text = json_dumps(o, JSON_COMPACT);
    t->len = strlen(t->text);
    for (const char *p = t->text; (p = strstr(p, MARK_ESCAPED)); p++)
        t->marks++;
    return t;
}

char *cc_template_make(const struct cc_template *t, unsigned cc)
{
    char number[16], *out, *q;
    int n = snprintf(number, sizeof(number), "%u", cc);
    const char *p = t->text, *at;

    q = out = flux_alloc(t->len + t->marks * n + 1);
    while ((at = strstr(p, MARK_ESCAPED))) {
        memcpy(q, p, at - p);
        q += at - p;
        memcpy(q, number, n);
        q += n;
        p = at + strlen(MARK_ESCAPED);
    }
    strcpy(q, p);
    return out;
}

void cc_template_free(struct cc_template *t)
{
    free(t->text);
    free(t);
}
