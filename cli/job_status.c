// SPDX-License-Identifier: LGPL-3.0-only
/* flux job status: wait for jobs to end; the largest of their exit codes is ours. */
#include "jobargs.h"

#include <flux/fluid.h>

#include "attach/attach.h"

static const struct flux_option options[] = {
    {"exception-exit-code", 'e', OPT_INT, "N", "Exit code of jobs that ended by an exception"},
    {"json", 'j', OPT_FLAG, NULL, "Print the exit codes as JSON"},
    {"verbose", 'v', OPT_FLAG, NULL, "Print the exit code of each job"},
    {NULL},
};

struct status {
    struct cli *cli;
    int code;
    bool first;
};

static void on_done(uint64_t id, int code, void *arg)
{
    struct status *s = arg;

    if (code > s->code)
        s->code = code;
    if (cli_has(s->cli, "json"))
        printf("%s{\"id\":%llu,\"exit_code\":%d}", s->first ? "" : ",", (unsigned long long)id,
               code);
    else if (cli_has(s->cli, "verbose"))
        fprintf(stderr, "flux-job: %s: exited with exit code %d\n", flux_fluid_f58(id), code);
    s->first = false;
}

static int run(struct cli *cli)
{
    struct status s = {.cli = cli, .first = true};
    struct attach_options how = {
        .quiet = true,
        .on_done = on_done,
        .arg = &s,
        .exception_code = (int)cli_int(cli, "exception-exit-code", 1),
    };
    struct attach *a;

    if (cli->argc == 0)
        return cli_misused(cli, "expected at least one job id");
    a = attach_new(cli, &how);
    for (int i = 0; i < cli->argc; i++)
        attach_add(a, cli_jobid(cli, cli->argv[i]));
    if (cli_has(cli, "json"))
        putchar('[');
    attach_run(a);
    if (cli_has(cli, "json"))
        puts("]");
    attach_free(a);
    return s.code;
}

const struct flux_verb verb_job_status = {
    .path = "job status",
    .args = "JOBID...",
    .summary = "Wait for job(s) to complete and exit with largest exit code",
    .options = {options},
    .run = run,
};
