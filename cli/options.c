// SPDX-License-Identifier: LGPL-3.0-only
/* Options of a verb: read by its tables, checked by kind before the verb runs. Written here rather
 * than on getopt_long() because some verbs must not take abbreviations, and because the order of
 * options matters to a few (environment rules). */
#include "verb.h"

#include <assert.h>

#include <flux/fsd.h>
#include <flux/idset.h>

static const struct flux_option standard[] = {
    {"help", 'h', OPT_FLAG, NULL, "Display this message."},
    {NULL},
};

static const struct flux_option *const *tables(const struct flux_verb *verb, size_t i)
{
    static const struct flux_option *const standard_table = standard;

    if (i == 0)
        return &standard_table;
    if (i > FLUX_ARRAY_SIZE(verb->options) || !verb->options[i - 1])
        return NULL;
    return &verb->options[i - 1];
}

static const struct flux_option *find_short(const struct flux_verb *verb, char key)
{
    const struct flux_option *const *t;

    for (size_t i = 0; (t = tables(verb, i)); i++)
        for (const struct flux_option *o = *t; o->name; o++)
            if (o->key == key)
                return o;
    return NULL;
}

/* The option called `name` (`n` bytes). Exact, or, where the verb allows it, the only one that
 * begins so. */
static const struct flux_option *find_long(const struct flux_verb *verb, const char *name, size_t n,
                                           struct flux_error *err)
{
    const struct flux_option *const *t;
    const struct flux_option *guess = NULL;
    bool ambiguous = false;

    for (size_t i = 0; (t = tables(verb, i)); i++)
        for (const struct flux_option *o = *t; o->name; o++) {
            if (strncmp(o->name, name, n) != 0)
                continue;
            if (!o->name[n])
                return o;
            ambiguous = ambiguous || guess;
            guess = o;
        }
    if (!guess || verb->stop_at_free) {
        flux_error_set(err, -EINVAL, "unrecognized option '--%.*s'", (int)n, name);
        return NULL;
    }
    if (ambiguous) {
        flux_error_set(err, -EINVAL, "option '--%.*s' is ambiguous", (int)n, name);
        return NULL;
    }
    return guess;
}

static int check_value(const struct flux_option *o, const char *value, struct flux_error *err)
{
    struct flux_error detail = {""};
    FLUX_AUTO(idset) set = NULL;
    double seconds;
    char *end;

    switch (o->kind) {
    case OPT_INT:
    case OPT_LEVEL:
        errno = 0;
        (void)strtoll(value, &end, 10);
        if (errno || end == value || *end)
            return flux_error_set(err, -EINVAL, "option '--%s': '%.64s' is not an integer", o->name,
                                  value);
        return 0;
    case OPT_FSD:
        if (flux_fsd_parse(value, &seconds, &detail) < 0)
            return flux_error_set(err, -EINVAL, "option '--%s': %s", o->name, detail.text);
        return 0;
    case OPT_IDSET:
        if (flux_idset_decode(value, &set, &detail) < 0)
            return flux_error_set(err, -EINVAL, "option '--%s': %s", o->name, detail.text);
        return 0;
    default:
        return 0;
    }
}

static int give(struct cli *cli, const struct flux_option *o, const char *value,
                struct flux_error *err)
{
    int r = value ? check_value(o, value, err) : 0;

    if (r < 0)
        return r;
    if ((cli->given_count & (cli->given_count + 1)) == 0)
        cli->given = flux_realloc(cli->given, cli->given_count * 2 + 1, sizeof(cli->given[0]));
    cli->given[cli->given_count++] = (struct cli_given){.option = o, .value = value};
    return 0;
}

static bool wants_value(const struct flux_option *o)
{
    return o->kind != OPT_FLAG && !flux_option_attaches(o);
}

/* --name, --name=value, --name value. Returns how many more words were used, or negative. */
static int parse_long(struct cli *cli, char **words, struct flux_error *err)
{
    const char *name = words[0] + 2;
    const char *eq = strchr(name, '=');
    const struct flux_option *o =
        find_long(cli->verb, name, eq ? (size_t)(eq - name) : strlen(name), err);
    int r;

    if (!o)
        return -EINVAL;
    if (eq && o->kind == OPT_FLAG)
        return flux_error_set(err, -EINVAL, "option '--%s' takes no argument", o->name);
    if (eq || !wants_value(o))
        return give(cli, o, eq ? eq + 1 : NULL, err);
    if (!words[1])
        return flux_error_set(err, -EINVAL, "option '--%s' requires an argument", o->name);
    r = give(cli, o, words[1], err);
    return r < 0 ? r : 1;
}

/* A short option without its argument, by what follows the letter. */
static bool stands_alone(const struct flux_option *o, char next)
{
    if (o->kind == OPT_LEVEL)
        return next != '=' && (next < '0' || next > '9');
    return o->kind == OPT_FLAG || (o->kind == OPT_OPTSTR && !next);
}

/* -abc, -ovalue, -o value. */
static int parse_short(struct cli *cli, char **words, struct flux_error *err)
{
    for (const char *p = words[0] + 1; *p; p++) {
        const struct flux_option *o = find_short(cli->verb, *p);
        int r;

        if (!o)
            return flux_error_set(err, -EINVAL, "invalid option -- '%c'", *p);
        if (stands_alone(o, p[1])) {
            r = give(cli, o, NULL, err);
            if (r < 0)
                return r;
            continue;
        }
        if (p[1])
            return give(cli, o, p[1] == '=' && p[2] ? p + 2 : p + 1, err);
        if (!words[1])
            return flux_error_set(err, -EINVAL, "option requires an argument -- '%c'", *p);
        r = give(cli, o, words[1], err);
        return r < 0 ? r : 1;
    }
    return 0;
}

static bool is_number(const char *s)
{
    return s[0] == '-' && s[1] >= '0' && s[1] <= '9';
}

int cli_options_parse(struct cli *cli, const struct flux_verb *verb, int argc, char **argv,
                      struct flux_error *err)
{
    bool ended = verb->raw;
    int r;

    cli->verb = verb;
    cli->argv = flux_alloc((size_t)(argc + 1) * sizeof(char *));
    for (int i = 0; i < argc; i++) {
        char *word = argv[i];

        if (ended || word[0] != '-' || !word[1] ||
            (is_number(word) && !find_short(verb, word[1]))) {
            cli->argv[cli->argc++] = word;
            ended = ended || verb->stop_at_free;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            ended = true;
            continue;
        }
        r = word[1] == '-' ? parse_long(cli, argv + i, err) : parse_short(cli, argv + i, err);
        if (r < 0)
            return r;
        i += r;
    }
    if (cli->argc > 0 && !verb->args && !verb->raw)
        return flux_error_set(err, -EINVAL, "unexpected argument '%.64s'", cli->argv[0]);
    return 0;
}

void cli_options_done(struct cli *cli)
{
    free(cli->given);
    free(cli->argv);
    cli->given = NULL;
    cli->argv = NULL;
}

static void assert_known(const struct cli *cli, const char *name)
{
    const struct flux_option *const *t;

    for (size_t i = 0; (t = tables(cli->verb, i)); i++)
        for (const struct flux_option *o = *t; o->name; o++)
            if (strcmp(o->name, name) == 0)
                return;
    fprintf(stderr, "flux: verb '%s' has no option '%s'\n", cli->verb->path, name);
    assert(!"option is in no table of the verb");
}

static const struct cli_given *last(const struct cli *cli, const char *name)
{
    assert_known(cli, name);
    for (size_t i = cli->given_count; i > 0; i--)
        if (strcmp(cli->given[i - 1].option->name, name) == 0)
            return &cli->given[i - 1];
    return NULL;
}

bool cli_has(const struct cli *cli, const char *name)
{
    return last(cli, name) != NULL;
}

int cli_count(const struct cli *cli, const char *name)
{
    int n = 0;

    assert_known(cli, name);
    for (size_t i = 0; i < cli->given_count; i++)
        if (strcmp(cli->given[i].option->name, name) == 0)
            n += cli->given[i].option->kind == OPT_LEVEL && cli->given[i].value
                     ? atoi(cli->given[i].value)
                     : 1;
    return n;
}

const char *cli_str(const struct cli *cli, const char *name, const char *dflt)
{
    const struct cli_given *g = last(cli, name);

    return g && g->value ? g->value : dflt;
}

long long cli_int(const struct cli *cli, const char *name, long long dflt)
{
    const struct cli_given *g = last(cli, name);

    return g && g->value ? strtoll(g->value, NULL, 10) : dflt;
}

double cli_fsd(const struct cli *cli, const char *name, double dflt)
{
    const struct cli_given *g = last(cli, name);
    double seconds = dflt;

    if (g && g->value)
        (void)flux_fsd_parse(g->value, &seconds, NULL); /* checked when it was read */
    return seconds;
}

struct flux_idset *cli_idset(const struct cli *cli, const char *name)
{
    const struct cli_given *g = last(cli, name);
    struct flux_idset *set = NULL;

    if (g && g->value)
        (void)flux_idset_decode(g->value, &set, NULL); /* checked when it was read */
    return set;
}

const char *cli_next(const struct cli *cli, const char *name, size_t *i)
{
    assert_known(cli, name);
    while (*i < cli->given_count) {
        const struct cli_given *g = &cli->given[(*i)++];

        if (strcmp(g->option->name, name) == 0 && g->value)
            return g->value;
    }
    return NULL;
}
