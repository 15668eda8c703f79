// SPDX-License-Identifier: LGPL-3.0-only
/* Events for a person: "TIMESTAMP NAME key=value...", or with dates as dmesg -H has them. A line
 * that is no event is printed as it is. */
#include "eventlog.h"

#include <math.h>
#include <time.h>
#include <unistd.h>

const struct flux_option eventlog_options[] = {
    {"unformatted", 'u', OPT_FLAG, NULL, "Show events as they are stored (JSON)"},
    {"human", 'H', OPT_FLAG, NULL, "Show dates and the time between events"},
    {"color", 'L', OPT_OPTSTR, "WHEN", "Colorize: 'always', 'never' or 'auto' (default)"},
    {NULL},
};

int eventlog_style_init(const struct cli *cli, struct eventlog_style *style)
{
    const char *when = cli_str(cli, "color", cli_has(cli, "color") ? "always" : "auto");

    if (!when)
        when = "always";
    *style = (struct eventlog_style){
        .raw = cli_has(cli, "unformatted"),
        .human = cli_has(cli, "human"),
    };
    if (strcmp(when, "always") == 0)
        style->color = true;
    else if (strcmp(when, "auto") == 0)
        style->color = isatty(STDOUT_FILENO);
    else if (strcmp(when, "never") != 0) {
        cli_misused(cli, "--color: '%s' is not always, never or auto", when);
        return -EINVAL;
    }
    return 0;
}

static void print_time(FILE *out, struct eventlog_style *style, double t)
{
    const char *green = style->color ? "\033[32m" : "", *off = style->color ? "\033[0m" : "";
    time_t now = t;
    struct tm tm;
    char text[32];

    if (!style->human) {
        fprintf(out, "%s%.6f%s", green, t, off);
        return;
    }
    if (style->last == 0 || floor(t / 60) != floor(style->last / 60)) {
        localtime_r(&now, &tm);
        strftime(text, sizeof(text), "%b%d %H:%M", &tm);
        fprintf(out, "%s[%s]%s", green, text, off);
    } else
        fprintf(out, "%s[%+11.6f]%s", green, t - style->last, off);
    style->last = t;
}

static void print_context(FILE *out, const struct eventlog_style *style, json_t *context)
{
    const char *blue = style->color ? "\033[34m" : "", *off = style->color ? "\033[0m" : "";
    const char *key;
    json_t *value;

    json_object_foreach (context, key, value) {
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

        fprintf(out, " %s%s%s=%s", blue, key, off, text);
        free(text);
    }
}

void eventlog_print(FILE *out, struct eventlog_style *style, const char *line, size_t len)
{
    const char *yellow = style->color ? "\033[33m" : "", *off = style->color ? "\033[0m" : "";
    struct flux_eventlog_entry e;

    if (style->raw || flux_eventlog_entry_decode(&e, line, len, NULL) < 0) {
        fwrite(line, len, 1, out);
        if (len == 0 || line[len - 1] != '\n')
            putc('\n', out);
        return;
    }
    print_time(out, style, e.timestamp);
    fprintf(out, " %s%s%s", yellow, e.name, off);
    print_context(out, style, e.context);
    putc('\n', out);
    flux_eventlog_entry_done(&e);
}
