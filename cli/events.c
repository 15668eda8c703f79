// SPDX-License-Identifier: LGPL-3.0-only
/* Eventlog entries as text: "TIME name key=value ...". */
#include "events.h"

#include <time.h>

static int time_form(const char *name, struct event_style *s)
{
    static const char *const names[] = {[EVENT_RAW] = "raw",
                                        [EVENT_ISO] = "iso",
                                        [EVENT_OFFSET] = "offset",
                                        [EVENT_HUMAN] = "human"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(names); i++)
        if (strcmp(name, names[i]) == 0) {
            s->time = i;
            return 0;
        }
    return -EINVAL;
}

int event_style_init(struct event_style *s, const struct cli *cli, struct flux_error *err)
{
    const char *form = cli_str(cli, "time-format", cli_has(cli, "human") ? "human" : "raw");
    const char *format = cli_str(cli, "format", "text");

    *s = (struct event_style){.json = strcmp(format, "json") == 0};
    if (!s->json && strcmp(format, "text") != 0)
        return flux_error_set(err, -EINVAL, "invalid format type %s", format);
    if (time_form(form, s) < 0)
        return flux_error_set(err, -EINVAL, "invalid time-format type %s", form);
    return cli_color(cli, &s->color, err);
}

static void print_iso(FILE *out, double t)
{
    time_t whole = (time_t)t;
    char text[40];
    struct tm tm;

    localtime_r(&whole, &tm);
    strftime(text, sizeof(text), "%FT%T", &tm);
    fprintf(out, "%s.%06d", text, (int)((t - (double)whole) * 1e6));
    strftime(text, sizeof(text), "%z", &tm);
    if (tm.tm_gmtoff == 0)
        fputc('Z', out);
    else
        fprintf(out, "%.3s:%s", text, text + 3);
}

/* "[Nov11 17:18]" at a new minute, else the offset from that line. */
static void print_human(FILE *out, struct event_style *s, double t)
{
    time_t whole = (time_t)t;
    char text[40];
    struct tm tm;

    if (s->minute_base > 0 && t - s->minute_base < 60 && t >= s->minute_base) {
        fprintf(out, "%s[%+11.6f]%s", s->color ? "\033[32m" : "", t - s->minute_base,
                s->color ? "\033[0m" : "");
        return;
    }
    s->minute_base = t;
    localtime_r(&whole, &tm);
    strftime(text, sizeof(text), "%b%d %R", &tm);
    fprintf(out, "%s[%s]%s", s->color ? "\033[1m\033[32m" : "", text, s->color ? "\033[0m" : "");
}

static void print_time(FILE *out, struct event_style *s, double t)
{
    switch (s->time) {
    case EVENT_RAW:
        fprintf(out, "%.6f", t);
        break;
    case EVENT_ISO:
        print_iso(out, t);
        break;
    case EVENT_OFFSET:
        fprintf(out, "%.6f", t - s->first);
        break;
    case EVENT_HUMAN:
        print_human(out, s, t);
        break;
    }
}

static void print_context(FILE *out, const struct event_style *s, json_t *context)
{
    const char *key;
    json_t *value;

    json_object_foreach (context, key, value) {
        FLUX_AUTO_STR text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

        fprintf(out, " %s%s%s=%s", s->color ? "\033[34m" : "", key, s->color ? "\033[0m" : "",
                text);
    }
}

void event_print(FILE *out, struct event_style *s, const struct flux_eventlog_entry *e)
{
    bool exception = strcmp(e->name, "exception") == 0;

    if (s->first == 0)
        s->first = e->timestamp;
    if (s->json) {
        FLUX_AUTO_STR text = json_dumps(e->json, JSON_COMPACT);

        fprintf(out, "%s\n", text);
        return;
    }
    print_time(out, s, e->timestamp);
    fprintf(out, " %s%s%s",
            !s->color   ? ""
            : exception ? "\033[31m"
                        : "\033[33m",
            e->name, s->color ? "\033[0m" : "");
    print_context(out, s, e->context);
    fputc('\n', out);
}

static bool value_is(json_t *value, const char *want)
{
    FLUX_AUTO_STR text = NULL;

    if (json_is_string(value) && strcmp(json_string_value(value), want) == 0)
        return true;
    text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    return text && strcmp(text, want) == 0;
}

bool event_matches(const struct cli *cli, const struct flux_eventlog_entry *e)
{
    const char *arg;
    size_t i = 0;

    while ((arg = cli_next(cli, "match-context", &i))) {
        size_t n = strcspn(arg, "=");
        FLUX_AUTO_STR key = flux_strndup(arg, n);

        if (!arg[n] || !value_is(json_object_get(e->context, key), arg + n + 1))
            return false;
    }
    return true;
}
