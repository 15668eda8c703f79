// SPDX-License-Identifier: LGPL-3.0-only
/* A verb of the `flux` command is one file: a const row and a function. The row carries its own
 * help, completion and option checks; meson.build lists the files, and nothing else names them. */
#ifndef FLUX_CLI_VERB_H
#define FLUX_CLI_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <flux/base.h>

struct cli;
struct flux;
struct flux_idset;

/* How an option is written and checked. A value that does not fit is a usage error before run(). */
enum flux_option_kind {
    OPT_FLAG,   /* no argument; may be repeated, cli_count() tells how often */
    OPT_LEVEL,  /* how much: -vv, -v2 or --verbose=2; cli_count() is the sum */
    OPT_STR,    /* one argument, the last one given counts */
    OPT_MULTI,  /* one argument, all of them count, in order: cli_next() */
    OPT_OPTSTR, /* argument only attached (-oX, --name=X); cli_str() is its default without one */
    OPT_INT,    /* decimal integer */
    OPT_FSD,    /* Flux Standard Duration (RFC 23), seconds */
    OPT_IDSET,  /* idset (RFC 22) */
};

struct flux_option {
    const char *name; /* long name without dashes; NULL ends a table */
    char key;         /* short letter, or 0 */
    enum flux_option_kind kind;
    const char *arg;  /* what help calls the argument */
    const char *help; /* NULL: hidden */
};

/* Whether an argument, if there is one, is attached to the option. */
static inline bool flux_option_attaches(const struct flux_option *o)
{
    return o->kind == OPT_OPTSTR || o->kind == OPT_LEVEL;
}

struct flux_verb {
    const char *path;    /* "job urgency" */
    const char *args;    /* free arguments as help shows them; NULL: none are taken */
    const char *summary; /* one line without a period; NULL hides the verb from lists */
    const struct flux_option
        *options[4];   /* tables, shown in this order; -h, --help is always there */
    const char *more;  /* text at the end of --help, or NULL */
    bool stop_at_free; /* options end at the first free argument and are never abbreviated */
    bool tagged;       /* errors read "flux-CMD: ERROR: msg" instead of "flux-CMD: msg" */
    bool raw;          /* no option is read at all: run() sees every argument */
    int (*run)(struct cli *cli); /* exit code */
};

extern const struct flux_verb *const cli_verbs[]; /* all of them, in order of help, NULL-ended */

/* One option as it was given. */
struct cli_given {
    const struct flux_option *option;
    const char *value; /* NULL if none */
};

/* One run of a verb. */
struct cli {
    const struct flux_verb *verb;
    char tool[32]; /* "flux-job", for messages */
    int argc;      /* free arguments */
    char **argv;   /* NULL-ended */
    struct cli_given *given;
    size_t given_count;
    struct flux *handle; /* NULL until cli_handle() */
};

/* Read `argv` (what follows the verb's words) by the verb's tables into `cli`. 0, or -EINVAL with a
 * text. A plain --help is not an error: it is seen as cli_has(cli, "help"). */
int cli_options_parse(struct cli *cli, const struct flux_verb *verb, int argc, char **argv,
                      struct flux_error *err);
void cli_options_done(struct cli *cli);

/* Options by long name; a name that is in no table of the verb is a programmer's error (assert). */
bool cli_has(const struct cli *cli, const char *name);
int cli_count(const struct cli *cli, const char *name);
const char *cli_str(const struct cli *cli, const char *name, const char *dflt);
long long cli_int(const struct cli *cli, const char *name, long long dflt);
double cli_fsd(const struct cli *cli, const char *name, double dflt);
/* Caller frees; NULL if absent. */
struct flux_idset *cli_idset(const struct cli *cli, const char *name);
/* All values of an option in order: size_t i = 0; while ((s = cli_next(cli, "env", &i))) ... */
const char *cli_next(const struct cli *cli, const char *name, size_t *i);

/* Print "flux-CMD: [ERROR: ]msg" on stderr; the value is the exit code, so that a verb can write
 * `return cli_fail(cli, "%s", err.text);`. cli_warn() is for going on. */
int cli_fail(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_warn(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for wrong usage: also points to --help. Exit code 2 for tagged verbs, else 1. */
int cli_misused(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, for the depth of a call tree where returning codes would only be noise. */
void cli_die(const struct cli *cli, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* The verb's help text, as --help prints it. */
void cli_usage_verb(FILE *out, const struct flux_verb *verb);
/* Help of a group ("queue"), or of flux itself (group NULL). */
void cli_usage_group(FILE *out, const char *group);
/* The usage line alone: "Usage: flux-job urgency [OPTIONS] JOBID N". */
void cli_usage_line(FILE *out, const struct flux_verb *verb);

/* The verb that `argv` names by its first words, the longest match; *words is their number.
 * NULL: none. cli_group_find() the same for the name of a group, with its summary. */
const struct flux_verb *cli_verb_find(int argc, char **argv, int *words);
const char *cli_group_summary(const char *name); /* NULL: no such group */
/* Print "did you mean" lines for an unknown word after `group` (NULL: top level). */
void cli_suggest(FILE *out, const char *group, const char *word);

#endif
