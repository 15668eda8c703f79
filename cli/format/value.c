// SPDX-License-Identifier: LGPL-3.0-only
/* Values of fields and their conversions (what stands after '!'). */
#include "format.h"

#include <ctype.h>
#include <math.h>
#include <time.h>

#include <flux/fsd.h>

void format_set_string(struct format_value *v, const char *s)
{
    v->kind = s ? FORMAT_STRING : FORMAT_NULL;
    v->s = s;
}

void format_set_copy(struct format_value *v, const char *s, size_t n)
{
    char *to = v->text;

    if (n >= sizeof(v->text))
        to = v->owned = flux_alloc(n + 1);
    memmove(to, s, n);
    to[n] = '\0';
    v->kind = FORMAT_STRING;
    v->s = to;
}

void format_set_int(struct format_value *v, long long i)
{
    v->kind = FORMAT_INT;
    v->i = i;
}

void format_set_real(struct format_value *v, double d)
{
    v->kind = FORMAT_REAL;
    v->d = d;
}

void format_set_bool(struct format_value *v, bool b)
{
    v->kind = FORMAT_BOOL;
    v->i = b;
}

/* Bytes of the control character at `s`, if it is one: of ASCII, or of U+0080 to U+009F. */
static size_t control_length(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;

    if (iscntrl(u[0]))
        return 1;
    return u[0] == 0xc2 && u[1] >= 0x80 && u[1] <= 0x9f ? 2 : 0;
}

static const char *first_control(const char *s)
{
    while (*s && !control_length(s))
        s++;
    return *s ? s : NULL;
}

void format_clean(char *s)
{
    while ((s = (char *)first_control(s)))
        for (size_t n = control_length(s); n > 0; n--, s++)
            *s = isspace((unsigned char)*s) ? ' ' : '?';
}

void format_clean_value(struct format_value *v)
{
    char *before = v->owned;

    if (v->kind != FORMAT_STRING || !first_control(v->s))
        return;
    format_set_copy(v, v->s, strlen(v->s));
    if (before && v->owned != before)
        free(before);
    format_clean((char *)v->s);
}

void format_value_done(struct format_value *v)
{
    free(v->owned);
    v->owned = NULL;
}

bool format_is_empty(const struct format_value *v)
{
    switch (v->kind) {
    case FORMAT_NULL:
        return true;
    case FORMAT_STRING:
        return !v->s[0] || strcmp(v->s, "0s") == 0 || strcmp(v->s, "0:00:00") == 0;
    case FORMAT_INT:
        return v->i == 0;
    case FORMAT_REAL:
        return v->d == 0;
    case FORMAT_BOOL:
        return false;
    }
    return true;
}

static bool as_real(const struct format_value *v, double *ret)
{
    char *end;

    switch (v->kind) {
    case FORMAT_INT:
    case FORMAT_BOOL:
        *ret = (double)v->i;
        return true;
    case FORMAT_REAL:
        *ret = v->d;
        return true;
    case FORMAT_STRING:
        *ret = strtod(v->s, &end);
        return end != v->s && !*end;
    default:
        return false;
    }
}

static void to_time(struct format_value *v, double when, const char *how)
{
    time_t t = (time_t)when;
    char text[sizeof(v->text)];
    struct tm tm;
    size_t n;

    if (when <= 0 || !localtime_r(&t, &tm)) {
        format_set_string(v, "");
        return;
    }
    n = strftime(text, sizeof(text), how, &tm);
    format_set_copy(v, text, n);
}

/* 90061 -> "1 day, 1:01:01" */
static void to_hms(struct format_value *v, double seconds)
{
    long long s = (long long)(seconds + 0.5);
    char text[sizeof(v->text)];
    int n = 0;

    if (s >= 86400)
        n = snprintf(text, sizeof(text), "%lld day%s, ", s / 86400, s / 86400 == 1 ? "" : "s");
    s %= 86400;
    n += snprintf(text + n, sizeof(text) - (size_t)n, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60,
                  s % 60);
    format_set_copy(v, text, (size_t)n);
}

/* At most five characters: 5.12% 99.9% 100% */
static void to_percent(struct format_value *v, double fraction)
{
    double p = fraction * 100;
    char text[32];
    int n = p >= 99.95 ? snprintf(text, sizeof(text), "%.0f%%", p)
            : p >= 1   ? snprintf(text, sizeof(text), "%.3g%%", p)
            : p > 0    ? snprintf(text, sizeof(text), "%.2f%%", p)
                       : snprintf(text, sizeof(text), "0%%");

    format_set_copy(v, text, (size_t)n);
}

/* A duration of about four digits: 0.125s 12.5s 1.5m 3.25h 2d. */
static void to_fsd(struct format_value *v, double seconds)
{
    char text[FLUX_FSD_MAX];

    if (!isfinite(seconds))
        strcpy(text, "inf");
    else if (seconds < 1e-3)
        strcpy(text, "0s");
    else if (seconds < 10)
        snprintf(text, sizeof(text), "%.03fs", seconds);
    else if (seconds < 60)
        snprintf(text, sizeof(text), "%.4gs", seconds);
    else if (seconds < 3600)
        snprintf(text, sizeof(text), "%.4gm", seconds / 60);
    else if (seconds < 86400)
        snprintf(text, sizeof(text), "%.4gh", seconds / 3600);
    else
        snprintf(text, sizeof(text), "%.4gd", seconds / 86400);
    format_set_copy(v, text, strlen(text));
}

void format_convert(struct format_value *v, char conversion, const char *strftime_text)
{
    double d;

    if (!conversion || conversion == 's' || conversion == 'r' || !as_real(v, &d))
        return;
    switch (conversion) {
    case 'D':
        to_time(v, d, "%Y-%m-%dT%H:%M:%S");
        break;
    case 'd':
        to_time(v, d, strftime_text ? strftime_text : "%Y-%m-%dT%H:%M:%S");
        break;
    case 'F':
        to_fsd(v, d);
        break;
    case 'H':
        if (isfinite(d))
            to_hms(v, d);
        break;
    case 'P':
        to_percent(v, d);
        break;
    }
}
