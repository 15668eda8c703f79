// SPDX-License-Identifier: LGPL-3.0-only
/* Time limits, dates, dependencies. */
#include "submit.h"

#include <math.h>
#include <time.h>

#include <flux/fsd.h>

int submit_time_limit(const char *text, double *seconds, struct flux_error *err)
{
    char *end;
    double minutes = strtod(text, &end);

    if (end != text && !*end && isfinite(minutes)) {
        if (minutes < 0)
            return flux_error_set(err, -EINVAL, "-t: time limit is negative: %s", text);
        *seconds = minutes * 60;
        return 0;
    }
    if (flux_fsd_parse(text, seconds, NULL) < 0)
        return flux_error_set(err, -EINVAL, "-t: invalid time limit '%s'", text);
    if (isinf(*seconds))
        *seconds = 0;
    return 0;
}

/* The forms of a date; the fields that one lacks come from now (a time alone is today's). */
static bool parse_forms(const char *text, struct tm *tm)
{
    static const char *const forms[] = {
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%d",
        "%m/%d/%Y %H:%M",
        "%m/%d/%Y",
        "%I:%M%p",
        "%I:%M %p",
        "%I%p",
        "%I %p",
        "%H:%M:%S",
        "%H:%M",
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(forms); i++) {
        struct tm trial = *tm;
        const char *end;

        trial.tm_sec = trial.tm_min = trial.tm_hour = 0;
        end = strptime(text, forms[i], &trial);
        if (end && !*end) {
            *tm = trial;
            return true;
        }
    }
    return false;
}

static const char *skip_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    if (strncasecmp(text, word, n) != 0 || (text[n] && text[n] != ' '))
        return NULL;
    return text + n + strspn(text + n, " ");
}

int submit_date_parse(const char *text, double now, double *ret, struct flux_error *err)
{
    time_t t = (time_t)now;
    const char *rest = text;
    double seconds;
    struct tm tm;
    char *end;

    if (text[0] == '+') {
        if (flux_fsd_parse(text + 1, &seconds, NULL) < 0 || isinf(seconds))
            return flux_error_set(err, -EINVAL, "invalid duration '%s'", text + 1);
        *ret = now + seconds;
        return 0;
    }
    seconds = strtod(text, &end);
    if (end != text && !*end && seconds > 1e9) {
        *ret = seconds;
        return 0;
    }
    if (strcasecmp(text, "now") == 0) {
        *ret = now;
        return 0;
    }
    localtime_r(&t, &tm);
    tm.tm_isdst = -1;
    if ((rest = skip_word(text, "tomorrow")))
        tm.tm_mday++;
    else if (!(rest = skip_word(text, "today")))
        rest = text;
    if (rest != text && !*rest)
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    else if (!parse_forms(rest, &tm))
        return flux_error_set(err, -EINVAL, "invalid date/time '%s'", text);
    *ret = (double)mktime(&tm);
    return 0;
}

/* SCHEME[:VALUE][?key=value[&key=value..]] */
static int parse_uri(const char *uri, json_t **ret, struct flux_error *err)
{
    size_t n = strcspn(uri, ":?");
    const char *p = uri + n;
    const char *value = *p == ':' ? p + 1 : "";
    size_t value_len = strcspn(value, "?");
    json_t *dep;

    if (n == 0)
        return flux_error_set(err, -EINVAL, "dependency '%s': no scheme", uri);
    if (strncmp(value, "//", 2) == 0) {
        value += 2;
        value_len -= 2;
    }
    dep = json_pack("{s:s% s:s%}", "scheme", uri, n, "value", value, value_len);
    if (!dep)
        return flux_error_set(err, -EINVAL, "dependency: not UTF-8");
    p = *p == '?' ? p : value + value_len;
    while (*p == '?' || *p == '&') {
        size_t klen = strcspn(++p, "=&");
        size_t vlen = p[klen] == '=' ? strcspn(p + klen + 1, "&") : 0;
        FLUX_AUTO_STR key = flux_strndup(p, klen);

        if (klen > 0)
            json_object_set_new(dep, key, json_stringn(p + klen + (vlen > 0), vlen));
        p += klen + (p[klen] == '=') + vlen;
    }
    *ret = dep;
    return 0;
}

static int begin_time(const char *text, json_t **ret, struct flux_error *err)
{
    char value[64];
    double when;
    int r = submit_date_parse(text, flux_walltime(), &when, err);

    if (r < 0)
        return flux_error_prefix(err, r, "--begin-time");
    snprintf(value, sizeof(value), "%.6f", when);
    *ret = json_pack("{s:s s:s}", "scheme", "begin-time", "value", value);
    return 0;
}

int submit_dependencies(const struct cli *cli, json_t **ret, struct flux_error *err)
{
    json_t *all = json_array(), *dep = NULL;
    const char *begin = cli_str(cli, "begin-time", NULL);
    const char *uri;
    size_t i = 0;
    int r = 0;

    while (r == 0 && (uri = cli_next(cli, "dependency", &i)))
        if ((r = parse_uri(uri, &dep, err)) == 0)
            json_array_append_new(all, dep);
    if (r == 0 && begin && (r = begin_time(begin, &dep, err)) == 0)
        json_array_append_new(all, dep);
    if (r < 0 || json_array_size(all) == 0) {
        json_decref(all);
        return r;
    }
    *ret = all;
    return 0;
}
