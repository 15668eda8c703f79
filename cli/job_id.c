// SPDX-License-Identifier: LGPL-3.0-only
/* flux job id: convert job ids between their forms; from the arguments or standard input. */
#include "jobargs.h"

#include <flux/fluid.h>

static const struct flux_option options[] = {
    {"to", 0, OPT_STR, "FORM", "dec, kvs, hex, dothex, words, f58, f58plain, emoji (default dec)"},
    {NULL},
};

static void convert(const struct cli *cli, const char *text, int form)
{
    char out[FLUX_FLUID_MAX];
    uint64_t id = cli_jobid(cli, text);

    if (flux_fluid_encode(id, (enum flux_fluid_form)form, out, sizeof(out)) < 0)
        cli_die(cli, "%s: cannot be written in this form", text);
    puts(out);
}

static int run(struct cli *cli)
{
    const char *name = cli_str(cli, "to", "dec");
    int form = flux_fluid_form(name);
    char line[256];

    if (form < 0)
        return cli_fail(cli, "Unknown to=%s", name);
    for (int i = 0; i < cli->argc; i++)
        convert(cli, cli->argv[i], form);
    if (cli->argc > 0)
        return 0;
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        convert(cli, line, form);
    }
    return 0;
}

const struct flux_verb verb_job_id = {
    .path = "job id",
    .args = "[JOBID...]",
    .summary = "Convert jobid(s) to another form",
    .options = {options},
    .run = run,
};
