// SPDX-License-Identifier: LGPL-3.0-only
/* The `flux` command: finds the verb and runs it. Compiled-in verbs first, then programs called
 * flux-VERB, then a path. Nothing here touches an instance; a verb that needs one opens it. */
#include "verb.h"

#include <unistd.h>

#include "environ.h"
#include "handle.h"

static int run_verb(const struct flux_verb *verb, int argc, char **argv)
{
    struct flux_error err = {""};
    struct cli cli = {.verb = verb};
    int r;

    snprintf(cli.tool, sizeof(cli.tool), "flux-%.*s", (int)strcspn(verb->path, " "), verb->path);
    r = cli_options_parse(&cli, verb, argc, argv, &err);
    if (!verb->raw && cli_has(&cli, "help")) {
        cli_usage_verb(stdout, verb);
        r = 0;
    } else if (r < 0) {
        r = cli_misused(&cli, "%s", err.text);
    } else {
        r = verb->run(&cli);
    }
    if (cli.handle)
        flux_close(cli.handle);
    cli_options_done(&cli);
    if (fflush(stdout) != 0 && r == 0)
        r = cli_fail(&cli, "write to standard output failed");
    return r;
}

static bool is_help(const char *word)
{
    return word && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0);
}

/* `flux queue`, `flux queue --help`, `flux queue nonsense`. */
static int run_group(const char *group, char **argv)
{
    if (is_help(argv[0])) {
        cli_usage_group(stdout, group);
        return 0;
    }
    if (!argv[0])
        fprintf(stderr, "flux-%s: missing sub-command\n", group);
    else if (argv[0][0] == '-')
        fprintf(stderr, "flux-%s: unrecognized option '%s'\n", group, argv[0]);
    else {
        fprintf(stderr, "flux-%s: Unknown subcommand: %s\n", group, argv[0]);
        cli_suggest(stderr, group, argv[0]);
    }
    cli_usage_group(stderr, group);
    return 1;
}

/* Does not return if a program was found. */
static void exec_external(const char *word, char **argv, bool verbose)
{
    FLUX_AUTO_STR program = NULL;

    if (strchr(word, '/'))
        program = flux_strdup(word);
    else
        program = cli_external_find(word);
    if (!program)
        return;
    if (verbose)
        fprintf(stderr, "flux: running %s\n", program);
    execv(program, argv);
    fprintf(stderr, "flux: %s: %s\n", program, strerror(errno));
    exit(errno == ENOENT ? 127 : 126);
}

static int run_word(int argc, char **argv, bool verbose)
{
    const struct flux_verb *verb;
    int words = 0;

    verb = cli_verb_find(argc, argv, &words);
    if (verb) {
        if (verbose)
            fprintf(stderr, "flux: %s is built in\n", verb->path);
        return run_verb(verb, argc - words, argv + words);
    }
    if (cli_group_summary(argv[0]))
        return run_group(argv[0], argv + 1);
    cli_environ_setup(verbose);
    exec_external(argv[0], argv, verbose);
    fprintf(stderr, "flux: `%s' is not a flux command.  See 'flux --help'\n", argv[0]);
    cli_suggest(stderr, NULL, argv[0]);
    return 1;
}

static const struct flux_verb front = {
    .path = "flux",
    .args = "COMMAND ARGS",
    .options = {(const struct flux_option[]){
        {"parent", 'p', OPT_FLAG, NULL, "Act on the enclosing instance (may be repeated)"},
        {"root", 'r', OPT_FLAG, NULL, "Act on the outermost enclosing instance"},
        {"verbose", 'v', OPT_FLAG, NULL, "Show the command search and the environment changes"},
        {"version", 'V', OPT_FLAG, NULL, "Display command and component versions"},
        {NULL},
    }},
    .stop_at_free = true,
};

int main(int argc, char **argv)
{
    struct cli cli = {.verb = &front, .tool = "flux"};
    struct flux_error err = {""};
    char *version[] = {"version", NULL};
    int r = cli_options_parse(&cli, &front, argc > 0 ? argc - 1 : 0, argv + 1, &err);

    if (r < 0) {
        fprintf(stderr, "flux: %s\n", err.text);
        cli_usage_group(stderr, NULL);
        r = 1;
    } else if (cli_has(&cli, "help")) {
        cli_usage_group(stdout, NULL);
    } else if (cli_has(&cli, "version")) {
        r = run_word(1, version, false);
    } else if (cli.argc == 0) {
        cli_usage_group(stderr, NULL);
        r = 1;
    } else if (cli_enclosing_enter(&cli, cli_count(&cli, "parent"), cli_has(&cli, "root")) < 0) {
        r = 1;
    } else {
        r = run_word(cli.argc, cli.argv, cli_has(&cli, "verbose"));
    }
    cli_options_done(&cli);
    return r;
}
