// SPDX-License-Identifier: LGPL-3.0-only
/* Submitting a command, and many jobs, and following them: what run, submit and bulksubmit share.
 */
#include "submit.h"

#include <unistd.h>

#include <flux/fluid.h>

#include "attach/attach.h"

const struct flux_option submit_options_many[] = {
    {"cc", 0, OPT_IDSET, "IDSET", "A job for each member; {cc} stands for it, and FLUX_JOB_CC"},
    {"bcc", 0, OPT_IDSET, "IDSET", "A job for each member, all alike"},
    {"wait", 0, OPT_FLAG, NULL, "Wait for the jobs to end; exit with the largest code"},
    {"wait-event", 0, OPT_STR, "NAME", "Wait for this event of each job"},
    {"watch", 0, OPT_FLAG, NULL, "Show the jobs' output (implies --wait)"},
    {"progress", 0, OPT_FLAG, NULL, "Show how many have ended"},
    {"jps", 0, OPT_FLAG, NULL, "With --progress: jobs per second"},
    {"log", 0, OPT_STR, "FILE", "Job ids and output to this file"},
    {"log-stderr", 0, OPT_STR, "FILE", "Messages and standard error to this file"},
    {"quiet", 0, OPT_FLAG, NULL, "Do not print job ids"},
    {"verbose", 'v', OPT_FLAG, NULL, "Show events while waiting"},
    {NULL},
};

struct submitter {
    struct cli *cli;
    struct attach *attach; /* NULL: nobody waits */
    FILE *out, *err;
    size_t accepted, refused, done, failed;
    double started;
    bool progress;
};

static void show_progress(struct submitter *x, bool last)
{
    double seconds = flux_monotime() - x->started;

    if (!x->progress)
        return;
    fprintf(stderr, "\rCD:%zu F:%zu of %zu", x->done - x->failed, x->failed, x->accepted);
    if (cli_has(x->cli, "jps"))
        fprintf(stderr, "  %.1f job/s", seconds > 0 ? (double)x->done / seconds : 0.0);
    if (last)
        fputc('\n', stderr);
}

static void on_done(uint64_t id, int code, void *arg)
{
    struct submitter *x = arg;

    x->done++;
    x->failed += code != 0;
    show_progress(x, false);
}

static void on_outcome(uint64_t id, const char *text, void *arg)
{
    struct submitter *x = arg;

    if (!id) {
        x->refused++;
        cli_fail(x->cli, "%s", text);
        return;
    }
    x->accepted++;
    if (!cli_has(x->cli, "quiet"))
        fprintf(x->out, "%s\n", flux_fluid_f58(id));
    if (x->attach)
        attach_add(x->attach, id);
}

static bool wants_wait(const struct cli *cli)
{
    return cli_has(cli, "wait") || cli_has(cli, "watch") || cli_has(cli, "wait-event") ||
           cli_has(cli, "progress");
}

static FILE *open_log(struct cli *cli, const char *option, FILE *dflt)
{
    const char *path = cli_str(cli, option, NULL);
    FILE *fp = path ? fopen(path, "we") : dflt;

    if (!fp)
        cli_die(cli, "--%s: %s: %s", option, path, strerror(errno));
    return fp;
}

static void start_attach(struct submitter *x)
{
    struct attach_options how = {
        .output = cli_has(x->cli, "watch"),
        .label = cli_has(x->cli, "label-io"),
        .quiet = cli_has(x->cli, "quiet"),
        .show_events = cli_has(x->cli, "verbose"),
        .wait_event = cli_str(x->cli, "wait-event", NULL),
        .out = x->out,
        .err = x->err,
        .on_done = on_done,
        .arg = x,
    };

    if (wants_wait(x->cli))
        x->attach = attach_new(x->cli, &how);
}

int submit_command(struct cli *cli,
                   int (*submit)(struct cli *cli, const struct submission *s, const char *jobspec))
{
    FLUX_AUTO_STR jobspec = NULL;
    struct flux_error err = {""};
    struct submission s;
    int r;

    if (cli->argc == 0)
        return cli_misused(cli, "job command and arguments are missing");
    r = submission_init(&s, cli, (const char *const *)cli->argv, &err);
    if (r == 0)
        r = submission_encode(&s, &jobspec, &err);
    if (r < 0)
        r = cli_fail(cli, "%s", err.text);
    else if (cli_has(cli, "dry-run"))
        r = puts(jobspec) < 0;
    else
        r = submit(cli, &s, jobspec);
    submission_done(&s);
    return r;
}

int submit_many(struct cli *cli, const struct submission *s, const struct submit_job *jobs,
                size_t count)
{
    struct submitter x = {.cli = cli, .started = flux_monotime()};
    struct flux_error err = {""};
    int r, code = 0;

    x.out = open_log(cli, "log", stdout);
    x.err = open_log(cli, "log-stderr", stderr);
    x.progress = cli_has(cli, "progress") && isatty(STDERR_FILENO);
    start_attach(&x);
    r = submit_send(cli, s, jobs, count, on_outcome, &x, &err);
    if (r < 0)
        code = cli_fail(cli, "%s", err.text);
    fflush(x.out);
    if (x.attach) {
        int worst = attach_run(x.attach);

        code = worst > code ? worst : code;
        show_progress(&x, true);
        attach_free(x.attach);
    }
    return x.refused > 0 && code == 0 ? 1 : code;
}
