// SPDX-License-Identifier: LGPL-3.0-only
/* flux env: the environment of Flux programs, printed for a shell or given to a command. */
#include <unistd.h>

#include "environ.h"
#include "verb.h"

/* 'it'"'"'s' : safe in any POSIX shell. */
static void print_quoted(const char *s)
{
    putchar('\'');
    for (; *s; s++)
        if (*s == '\'')
            fputs("'\"'\"'", stdout);
        else
            putchar(*s);
    putchar('\'');
}

static int run(struct cli *cli)
{
    const char *name;

    cli_environ_setup(false);
    if (cli->argc > 0) {
        execvp(cli->argv[0], cli->argv);
        return cli_fail(cli, "%s: %s", cli->argv[0], strerror(errno));
    }
    for (size_t i = 0; (name = cli_environ_name(i)); i++) {
        printf("export %s=", name);
        print_quoted(getenv(name) ? getenv(name) : "");
        putchar('\n');
    }
    if (getenv("FLUX_URI")) {
        fputs("export FLUX_URI=", stdout);
        print_quoted(getenv("FLUX_URI"));
        putchar('\n');
    }
    return 0;
}

const struct flux_verb verb_env = {
    .path = "env",
    .args = "[COMMAND...]",
    .summary = "Print or run inside a Flux environment",
    .stop_at_free = true,
    .run = run,
};
