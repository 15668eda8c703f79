// SPDX-License-Identifier: LGPL-3.0-only
/* Help texts, all made from the verb rows, and the messages of wrong usage. */
#include "verb.h"

#include <stdarg.h>

enum { HELP_COLUMN = 25 };

static const char *first_word_end(const char *path)
{
    const char *space = strchr(path, ' ');

    return space ? space : path + strlen(path);
}

/* Help may have several lines: each goes on in the help column. */
static void option_line(FILE *out, const struct flux_option *o)
{
    char left[128];
    int n;

    n = o->key ? snprintf(left, sizeof(left), "  -%c, --%s", o->key, o->name)
               : snprintf(left, sizeof(left), "      --%s", o->name);
    if (o->arg && n < (int)sizeof(left))
        n += snprintf(left + n, sizeof(left) - (size_t)n, flux_option_attaches(o) ? "[=%s]" : "=%s",
                      o->arg);
    if (n >= HELP_COLUMN - 1)
        fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
    else
        fprintf(out, "%-*s", HELP_COLUMN, left);
    for (const char *p = o->help;;) {
        const char *nl = strchr(p, '\n');

        fprintf(out, "%.*s\n", nl ? (int)(nl - p) : (int)strlen(p), p);
        if (!nl)
            break;
        fprintf(out, "%*s", HELP_COLUMN, "");
        p = nl + 1;
    }
}

void cli_usage_line(FILE *out, const struct flux_verb *verb)
{
    fprintf(out, "Usage: flux-%s [OPTIONS]%s%s\n", verb->path, verb->args ? " " : "",
            verb->args ? verb->args : "");
}

void cli_usage_verb(FILE *out, const struct flux_verb *verb)
{
    static const struct flux_option help = {"help", 'h', OPT_FLAG, NULL, "Display this message."};

    cli_usage_line(out, verb);
    if (verb->summary)
        fprintf(out, "%s\n", verb->summary);
    option_line(out, &help);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(verb->options) && verb->options[i]; i++)
        for (const struct flux_option *o = verb->options[i]; o->name; o++)
            if (o->help)
                option_line(out, o);
    if (verb->more)
        fprintf(out, "\n%s\n", verb->more);
}

static void verb_line(FILE *out, const char *name, int n, const char *summary)
{
    fprintf(out, "   %-15.*s %s\n", n, name, summary);
}

static void group_commands(FILE *out, const char *group)
{
    size_t n = strlen(group);

    for (const struct flux_verb *const *v = cli_verbs; *v; v++) {
        const char *path = (*v)->path;

        if ((*v)->summary && strncmp(path, group, n) == 0 && path[n] == ' ')
            verb_line(out, path + n + 1, (int)strlen(path + n + 1), (*v)->summary);
    }
}

/* Groups count as one command and stand where their first verb does. */
static void all_commands(FILE *out)
{
    const char *previous = "";
    size_t previous_len = 0;

    for (const struct flux_verb *const *v = cli_verbs; *v; v++) {
        const char *path = (*v)->path;
        size_t n = (size_t)(first_word_end(path) - path);
        char word[32];

        if (n == previous_len && strncmp(path, previous, n) == 0)
            continue;
        snprintf(word, sizeof(word), "%.*s", (int)n, path);
        if (path[n] && cli_group_summary(word))
            verb_line(out, word, (int)n, cli_group_summary(word));
        else if ((*v)->summary && !path[n])
            verb_line(out, path, (int)n, (*v)->summary);
        else
            continue;
        previous = path;
        previous_len = n;
    }
}

void cli_usage_group(FILE *out, const char *group)
{
    if (group) {
        fprintf(out,
                "Usage: flux-%s [OPTIONS] COMMAND ARGS\n"
                "  -h, --help             Display this message.\n\n"
                "Common commands from flux-%s:\n",
                group, group);
        group_commands(out, group);
        return;
    }
    fprintf(out, "Usage: flux [OPTIONS] COMMAND ARGS\n"
                 "  -h, --help             Display this message.\n"
                 "  -p, --parent           Act on the enclosing instance (may be repeated)\n"
                 "  -r, --root             Act on the outermost enclosing instance\n"
                 "  -v, --verbose          Show the command search and the environment changes\n"
                 "  -V, --version          Display command and component versions\n\n"
                 "Common commands from flux:\n");
    all_commands(out);
    fprintf(out, "\nSee 'flux help COMMAND' for the manual of a command.\n");
}

static void say(const struct cli *cli, const char *fmt, va_list ap)
{
    char text[2048];

    vsnprintf(text, sizeof(text), fmt, ap);
    fflush(stdout);
    fprintf(stderr, "%s: %s%s\n", cli->tool, cli->verb && cli->verb->tagged ? "ERROR: " : "", text);
}

int cli_fail(const struct cli *cli, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(cli, fmt, ap);
    va_end(ap);
    return 1;
}

void cli_warn(const struct cli *cli, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", cli->tool, text);
}

int cli_misused(const struct cli *cli, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(cli, fmt, ap);
    va_end(ap);
    cli_usage_line(stderr, cli->verb);
    fprintf(stderr, "Try 'flux %s --help' for more.\n", cli->verb->path);
    return cli->verb->tagged ? 2 : 1;
}

void cli_die(const struct cli *cli, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(cli, fmt, ap);
    va_end(ap);
    exit(1);
}
