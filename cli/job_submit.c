// SPDX-License-Identifier: LGPL-3.0-only
/* flux job submit: a ready-made jobspec (JSON or YAML) from a file or standard input. */
#include "jobargs.h"

#include <flux/fluid.h>
#include <flux/jobspec.h>

#include "readfile.h"
#include "submit/submit.h"

static const struct flux_option options[] = {
    {"urgency", 'u', OPT_STR, "N", "0-31, hold, expedite, default (16)"},
    {"flags", 'f', OPT_STR, "FLAGS", "Comma separated: debug, waitable, novalidate"},
    {"sign-type", 's', OPT_STR, "TYPE", "Sign by munge, curve or none"},
    {"cc", 'c', OPT_IDSET, "IDSET", "A job for each member"},
    {NULL},
};

static void on_outcome(uint64_t id, const char *text, void *arg)
{
    if (id)
        printf("%s\n", flux_fluid_f58(id));
    else
        cli_fail(arg, "%s", text);
}

static int run(struct cli *cli)
{
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(FLUX_JOBSPEC_MAX);
    const char *path = cli->argc > 0 ? cli->argv[0] : "-";
    const char *urgency = cli_str(cli, "urgency", NULL);
    struct submit_job job = {.cc = cli_str(cli, "cc", NULL)};
    struct submission s = {.urgency_plus_one = 0};
    FLUX_AUTO_STR jobspec = NULL;
    struct flux_error err = {""};
    json_t *o = NULL;
    int r;

    if (cli->argc > 1)
        return cli_misused(cli, "expected one file name, or '-'");
    if (cli_read_file(path, &text, &err) < 0 ||
        flux_jobspec_parse(text.data, text.len, &o, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    jobspec = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    job.jobspec = jobspec;
    r = urgency ? submit_urgency_parse(urgency, &err) : 0;
    if (r >= 0 && urgency)
        s.urgency_plus_one = (unsigned)r + 1;
    if (r >= 0)
        r = submit_flags_parse(cli_str(cli, "flags", ""), &s.flags, &err);
    if (r >= 0)
        r = submit_send(cli, &s, &job, 1, on_outcome, cli, &err);
    return r < 0 ? cli_fail(cli, "%s", err.text) : r > 0;
}

const struct flux_verb verb_job_submit = {
    .path = "job submit",
    .args = "[JOBSPEC]",
    .summary = "Submit a job from a jobspec",
    .options = {options},
    .run = run,
};
