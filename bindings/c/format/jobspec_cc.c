// SPDX-License-Identifier: LGPL-3.0-only
/* Carbon copies. The jobspec is written once with marks where the number goes; a copy is then a
 * matter of joining texts. {cc} is replaced in every string but those of the environment, and
 * FLUX_JOB_CC is set. */
#include <flux/jobspec.h>

#include <stdio.h>

#include <flux/buf.h>

/* A character that JSON text cannot hold unescaped, so no string of the user's can look like it. */
#define MARK "\x01"
#define MARK_ESCAPED "\\u0001"

struct flux_jobspec_cc {
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

void flux_jobspec_cc_mark(json_t *o)
{
    json_t *env = flux_jobspec_get(o, "attributes.system.environment"), *cc = json_string(MARK);
    struct flux_error err;

    mark(o, env);
    flux_jobspec_set(o, "attributes.system.environment.FLUX_JOB_CC", cc, &err);
    json_decref(cc);
}

struct flux_jobspec_cc *flux_jobspec_cc_new(char *text)
{
    struct flux_jobspec_cc *t = flux_alloc(sizeof(*t));

    t->text = text;
    t->len = strlen(text);
    t->marks = 0;
    for (const char *p = text; (p = strstr(p, MARK_ESCAPED)); p++)
        t->marks++;
    return t;
}

char *flux_jobspec_cc_make(const struct flux_jobspec_cc *t, unsigned cc)
{
    char number[16];
    size_t n = (size_t)snprintf(number, sizeof(number), "%u", cc);
    char *out = flux_alloc(t->len + t->marks * n + 1), *q = out;
    const char *p = t->text, *at;

    while ((at = strstr(p, MARK_ESCAPED))) {
        q = mempcpy(q, p, at - p);
        q = mempcpy(q, number, n);
        p = at + strlen(MARK_ESCAPED);
    }
    strcpy(q, p);
    return out;
}

void flux_jobspec_cc_free(struct flux_jobspec_cc *t)
{
    if (t)
        free(t->text);
    free(t);
}
