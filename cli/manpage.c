// SPDX-License-Identifier: LGPL-3.0-only
/* flux manpage: the manual page of a command or group, in scdoc, for the build. Synopsis and
 * options come from the verb rows; a file adds what they cannot say: the section DESCRIPTION, which
 * stands before the options, and further sections, which stand after them. */
#include <ctype.h>

#include "readfile.h"
#include "verb.h"

/* Text in which nothing is markup. */
static void put_text(const char *s)
{
    for (; *s; s++) {
        if (strchr("_*\\~<>[]#|", *s))
            putchar('\\');
        putchar(*s == '\n' ? ' ' : *s);
    }
}

static bool on_page(const struct flux_verb *verb, const char *page)
{
    size_t n = strlen(page);

    return strncmp(verb->path, page, n) == 0 && (!verb->path[n] || verb->path[n] == ' ');
}

static void put_synopsis_line(const struct flux_verb *verb)
{
    fputs("*flux ", stdout);
    put_text(verb->path);
    fputs("* \\[OPTIONS\\]", stdout);
    if (verb->args) {
        putchar(' ');
        put_text(verb->args);
    }
    putchar('\n');
}

static void put_option(const struct flux_option *o)
{
    if (!o->help)
        return;
    if (o->key)
        printf("*-%c*, ", o->key);
    fputs("*--", stdout);
    put_text(o->name);
    putchar('*');
    if (o->arg) {
        fputs(flux_option_attaches(o) ? "\\[=" : "=", stdout);
        put_text(o->arg);
        fputs(flux_option_attaches(o) ? "\\]" : "", stdout);
    }
    fputs("\n\t", stdout);
    put_text(o->help);
    fputs("\n\n", stdout);
}

static void put_options(const struct flux_verb *verb)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(verb->options) && verb->options[i]; i++)
        for (const struct flux_option *o = verb->options[i]; o->name; o++)
            put_option(o);
    if (verb->more) {
        put_text(verb->more);
        fputs("\n\n", stdout);
    }
}

static const char *summary(const char *page)
{
    const char *group = cli_group_summary(page);

    for (const struct flux_verb *const *v = cli_verbs; *v && !group; v++)
        if (strcmp((*v)->path, page) == 0)
            return (*v)->summary;
    return group;
}

static void put_head(const char *page)
{
    printf("flux-%s(1)\n\n# NAME\n\nflux-%s - ", page, page);
    put_text(summary(page) ? summary(page) : "a command of Flux");
    fputs("\n\n# SYNOPSIS\n\n", stdout);
    for (const struct flux_verb *const *v = cli_verbs; *v; v++)
        if ((*v)->summary && on_page(*v, page)) {
            put_synopsis_line(*v);
            putchar('\n');
        }
}

static void put_verbs(const char *page)
{
    bool group = cli_group_summary(page) != NULL;

    printf("# %s\n\n", group ? "COMMANDS" : "OPTIONS");
    for (const struct flux_verb *const *v = cli_verbs; *v; v++) {
        if (!(*v)->summary || !on_page(*v, page))
            continue;
        if (group) {
            fputs("## flux ", stdout);
            put_text((*v)->path);
            fputs("\n\n", stdout);
            put_text((*v)->summary);
            fputs(".\n\n", stdout);
        }
        put_options(*v);
    }
    fputs("*-h*, *--help*\n\tDisplay a summary of the options.\n\n", stdout);
}

/* The file's text up to its second section, and the rest. */
static const char *second_section(const char *text)
{
    const char *p = strstr(text, "\n# ");

    if (text[0] == '#' || !p)
        return p ? p + 1 : text + strlen(text);
    p = strstr(p + 1, "\n# ");
    return p ? p + 1 : text + strlen(text);
}

static int run(struct cli *cli)
{
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(1 << 20);
    struct flux_error err = {""};
    const char *rest = "";

    if (cli->argc < 1 || cli->argc > 2)
        return cli_misused(cli, "expected a command and a file");
    if (cli->argc == 2) {
        if (cli_read_file(cli->argv[1], &text, &err) < 0)
            return cli_fail(cli, "%s", err.text);
        rest = second_section(text.data);
    }
    put_head(cli->argv[0]);
    if (text.data)
        printf("%.*s\n", (int)(rest - text.data), text.data);
    put_verbs(cli->argv[0]);
    printf("%s\n# SEE ALSO\n\n*flux*(1)\n", rest);
    return 0;
}

const struct flux_verb verb_manpage = {
    .path = "manpage",
    .args = "COMMAND [FILE]",
    .run = run,
};
