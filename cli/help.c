// SPDX-License-Identifier: LGPL-3.0-only
/* flux help: the manual page of a command, or the list of commands. */
#include <unistd.h>

#include "environ.h"
#include "verb.h"

/* The page that tells about these words: flux-submit for "submit", flux-job for "job urgency". */
static char *page_name(const char *word)
{
    if (strncmp(word, "flux", 4) == 0 && (!word[4] || word[4] == '-'))
        return flux_strdup(word);
    return flux_printf("flux-%s", word);
}

static int run(struct cli *cli)
{
    FLUX_AUTO_STR page = NULL;

    if (cli->argc == 0) {
        cli_usage_group(stdout, NULL);
        return 0;
    }
    page = page_name(cli->argv[0]);
    cli_environ_setup(false);
    fflush(stdout);
    execlp("man", "man", page, (char *)NULL);
    return cli_fail(cli, "cannot run man: %s", strerror(errno));
}

const struct flux_verb verb_help = {
    .path = "help",
    .args = "[COMMAND]",
    .summary = "Display help for a command",
    .run = run,
};
