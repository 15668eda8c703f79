// SPDX-License-Identifier: LGPL-3.0-only
/* flux bulksubmit: a job for each combination of inputs, as xargs and parallel do it. */
#include "submit/inputs.h"
#include "submit/instance.h"

static const struct flux_option options[] = {
    {"shuffle", 0, OPT_FLAG, NULL, "Submit in random order"},
    {"sep", 0, OPT_STR, "STR", "Characters that separate inputs in files (default newline)"},
    {NULL},
};

/* The verb's options with {} replaced, and the command: one job. */
struct expanded {
    struct cli cli;
    struct words texts, command;
};

static const char *expand(struct expanded *x, const struct inputs *in, const char *text, size_t row,
                          bool *used, struct flux_error *err)
{
    char *s = inputs_expand(in, text, row, used, err);

    if (s)
        words_add(&x->texts, s);
    return s;
}

static int expand_job(struct expanded *x, const struct cli *cli, int argc, const struct inputs *in,
                      size_t row, struct flux_error *err)
{
    bool used = false, in_options = false;

    *x = (struct expanded){.cli = *cli};
    x->cli.given = flux_alloc(cli->given_count * sizeof(cli->given[0]) + 1);
    for (size_t i = 0; i < cli->given_count; i++) {
        x->cli.given[i] = cli->given[i];
        if (cli->given[i].value &&
            !(x->cli.given[i].value = expand(x, in, cli->given[i].value, row, &in_options, err)))
            return -EINVAL;
    }
    for (int i = 0; i < argc; i++) {
        char *word = inputs_expand(in, cli->argv[i], row, &used, err);

        if (!word)
            return -EINVAL;
        words_add(&x->command, word);
    }
    if (!used && !in_options)
        for (size_t i = 0; i < in->count; i++) {
            FLUX_AUTO_STR field = flux_printf("{%zu}", i);

            words_add(&x->command, inputs_expand(in, field, row, &used, err));
        }
    return 0;
}

static void expanded_done(struct expanded *x)
{
    free(x->cli.given);
    words_done(&x->texts);
    words_done(&x->command);
}

static int make_jobspec(struct expanded *x, struct submission *s, char **ret,
                        struct flux_error *err)
{
    int r = submission_init(s, &x->cli, (const char *const *)x->command.list, err);

    return r < 0 ? r : submission_encode(s, ret, err);
}

static void print_command(const struct expanded *x)
{
    fputs("bulksubmit: submit", stdout);
    for (size_t i = 0; i < x->command.count; i++)
        printf(" %s", x->command.list[i]);
    putchar('\n');
}

/* Jobspecs of all combinations; `s` keeps the last one's flags and urgency. */
static int make_all(struct cli *cli, int argc, const struct inputs *in, struct submit_job *jobs,
                    struct submission *s, struct flux_error *err)
{
    int r = 0;

    for (size_t row = 0; row < in->rows && r == 0; row++) {
        struct expanded x;
        char *text = NULL;

        if (row > 0)
            submission_done(s);
        *s = (struct submission){.flags = 0};
        r = expand_job(&x, cli, argc, in, row, err);
        if (r == 0)
            r = make_jobspec(&x, s, &text, err);
        if (r == 0 && cli_has(cli, "dry-run"))
            print_command(&x);
        jobs[row] = (struct submit_job){.jobspec = text, .cc = cli_str(cli, "cc", NULL)};
        expanded_done(&x);
    }
    return r;
}

static int submit_all(struct cli *cli, int argc, const struct inputs *in)
{
    FLUX_AUTO_MEM(struct submit_job) jobs = flux_alloc(in->rows * sizeof(jobs[0]) + 1);
    struct submission s = {.flags = 0};
    struct flux_error err = {""};
    int r = make_all(cli, argc, in, jobs, &s, &err);

    if (r < 0)
        r = cli_fail(cli, "%s", err.text);
    else if (!cli_has(cli, "dry-run") && in->rows > 0)
        r = submit_many(cli, &s, jobs, in->rows);
    for (size_t i = 0; i < in->rows; i++)
        free((char *)jobs[i].jobspec);
    submission_done(&s);
    return r;
}

static int run(struct cli *cli)
{
    struct flux_error err = {""};
    int argc = cli->argc, r;
    struct inputs in;

    r = inputs_init(&in, cli->argv, &argc, cli_str(cli, "sep", NULL), &err);
    if (r < 0) {
        r = cli_fail(cli, "%s", err.text);
    } else if (argc == 0) {
        cli->argv[0] = (char *)"{}";
        argc = 1;
    }
    if (r == 0 && cli_has(cli, "shuffle"))
        inputs_shuffle(&in);
    if (r == 0)
        r = submit_all(cli, argc, &in);
    inputs_done(&in);
    return r;
}

const struct flux_verb verb_bulksubmit = {
    .path = "bulksubmit",
    .args = "COMMAND [ARGS...] [::: INPUTS...]",
    .summary = "Submit a job for each combination of inputs",
    .options = {submit_options_tasks, submit_options_common, submit_options_many, options},
    .stop_at_free = true,
    .tagged = true,
    .run = run,
};
