// SPDX-License-Identifier: LGPL-3.0-only
/* flux python: the interpreter that package flux was made for, with the package on its path. */
#include <unistd.h>

#include <flux/paths.h>

#include "environ.h"
#include "verb.h"

/* The system's own: python3-cffi-backend and python3-protobuf are packages of it. */
#define DEFAULT_PYTHON "/usr/bin/python3"

static int run(struct cli *cli)
{
    const char *python = getenv("FLUX_PYTHON") ? getenv("FLUX_PYTHON") : DEFAULT_PYTHON;
    const char *first = cli->argc > 0 ? cli->argv[0] : "";
    char **argv;

    if (strcmp(first, "--get-path") == 0) {
        FLUX_AUTO_STR path = flux_path_get("python_path");
        puts(path);
        return 0;
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
        cli_usage_verb(stdout, cli->verb);
        return 0;
    }
    cli_environ_setup(false);
    argv = flux_alloc((size_t)(cli->argc + 3) * sizeof(*argv));
    argv[0] = (char *)python;
    if (strcmp(first, "--list-versions") == 0)
        argv[1] = "--version";
    else
        memcpy(argv + 1, cli->argv, (size_t)cli->argc * sizeof(*argv));
    execvp(python, argv);
    free(argv);
    return cli_fail(cli, "%s: %s", python, strerror(errno));
}

const struct flux_verb verb_python = {
    .path = "python",
    .args = "[--get-path|--list-versions|ARGS...]",
    .summary = "Run Python inside a Flux environment",
    .more =
        "With --get-path, print where package flux is; with --list-versions, the interpreter's\n"
        "version. Everything else goes to the interpreter; FLUX_PYTHON names another one.\n",
    .raw = true,
    .run = run,
};
