// SPDX-License-Identifier: LGPL-3.0-only
/* flux watch: follow the output of jobs until they have ended; the largest exit code is ours. */
#include "jobargs.h"

#include <unistd.h>

#include <flux/v1/job_list.h>

#include "attach/attach.h"
#include "handle.h"
#include "submit/submit.h"

static const struct flux_option options[] = {
    {"active", 'a', OPT_FLAG, NULL, "All one's active jobs"},
    {"all", 'A', OPT_FLAG, NULL, "All one's jobs, finished ones too"},
    {"count", 'c', OPT_INT, "N", "At most N jobs (default 1000)"},
    {"since", 0, OPT_STR, "WHEN", "Jobs that were active since then: -FSD or a date"},
    {"filter", 'f', OPT_STR, "STATE|RESULT,...", "Jobs in these states or with these results"},
    {"progress", 0, OPT_FLAG, NULL, "Show how many have ended"},
    {"jps", 0, OPT_FLAG, NULL, "With --progress: jobs per second"},
    {"label-io", 'l', OPT_FLAG, NULL, "Prefix lines of output with the task rank"},
    {"verbose", 'v', OPT_LEVEL, "LEVEL", "Show events; -vv: of the shells too"},
    {NULL},
};

struct watch {
    struct cli *cli;
    struct attach *attach;
    size_t total, done, failed;
    double started;
};

static void on_done(uint64_t id, int code, void *arg)
{
    struct watch *w = arg;
    double seconds = flux_monotime() - w->started;

    w->done++;
    w->failed += code != 0;
    if (!cli_has(w->cli, "progress"))
        return;
    fprintf(stderr, "%sCD:%zu F:%zu of %zu", isatty(STDERR_FILENO) ? "\r" : "", w->done - w->failed,
            w->failed, w->total);
    if (cli_has(w->cli, "jps"))
        fprintf(stderr, "  %.1f job/s", seconds > 0 ? (double)w->done / seconds : 0.0);
    if (!isatty(STDERR_FILENO) || w->done == w->total)
        fputc('\n', stderr);
}

static int since(struct cli *cli, double *ret, struct flux_error *err)
{
    const char *text = cli_str(cli, "since", NULL);
    FLUX_AUTO_STR positive = text && text[0] == '-' ? flux_printf("+%s", text + 1) : NULL;
    double now = flux_walltime();
    int r = text ? submit_date_parse(positive ? positive : text, now, ret, err) : 0;

    if (r == 0 && positive)
        *ret = now - (*ret - now);
    return r;
}

static int add_matching(struct watch *w)
{
    flux_job_list_list_request in = FLUX_JOB_LIST_LIST_REQUEST_INIT;
    const char *filter = cli_str(w->cli, "filter", NULL);
    flux_job_list_list_response *out = NULL;
    struct flux_error err = {""};

    in.max_entries = (uint32_t)cli_int(w->cli, "count", 1000);
    in.userid = cli_user(w->cli, NULL);
    if (filter && cli_states_parse(filter, &in.states, &in.results, &err) < 0)
        return cli_fail(w->cli, "%s", err.text);
    if (in.results)
        in.states |= FLUX_JOB_INACTIVE;
    if (!filter)
        in.states = cli_has(w->cli, "all") || cli_has(w->cli, "since")
                        ? FLUX_JOB_ACTIVE | FLUX_JOB_INACTIVE
                        : FLUX_JOB_ACTIVE;
    if (since(w->cli, &in.since, &err) < 0 ||
        flux_job_list_list(cli_handle(w->cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(w->cli, "%s", err.text);
    w->total += out->n_jobs;
    for (size_t i = out->n_jobs; i > 0; i--)
        attach_add(w->attach, out->jobs[i - 1]->id);
    flux_job_list_list_response_free(out);
    return 0;
}

static int run(struct cli *cli)
{
    struct watch w = {.cli = cli, .started = flux_monotime(), .total = (size_t)cli->argc};
    struct attach_options how = {
        .output = true,
        .label = cli_has(cli, "label-io"),
        .show_events = cli_count(cli, "verbose") > 0,
        .show_exec_events = cli_count(cli, "verbose") > 1,
        .on_done = on_done,
        .arg = &w,
    };
    bool select = cli_has(cli, "active") || cli_has(cli, "all") || cli_has(cli, "filter") ||
                  cli_has(cli, "since");
    int r = 0;

    if (cli->argc == 0 && !select)
        return cli_misused(cli, "expected job ids, or -a, -A, --since or --filter");
    w.attach = attach_new(cli, &how);
    for (int i = 0; i < cli->argc; i++)
        attach_add(w.attach, cli_jobid(cli, cli->argv[i]));
    if (select)
        r = add_matching(&w);
    if (r == 0)
        r = attach_run(w.attach);
    attach_free(w.attach);
    return r;
}

const struct flux_verb verb_watch = {
    .path = "watch",
    .args = "[JOBID...]",
    .summary = "Follow the output of jobs",
    .options = {options},
    .tagged = true,
    .run = run,
};
