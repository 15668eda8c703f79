// SPDX-License-Identifier: LGPL-3.0-only
/* flux pstree: jobs, and the jobs of those that are instances, as a tree. Jobs of one name that
 * have nothing below them are drawn once, with their number. */
#include "jobargs.h"

#include <flux/fluid.h>
#include <flux/handle.h>
#include <flux/v1/job_list.h>

#include "format/format.h"
#include "handle.h"
#include "jobfields.h"
#include "uriresolve.h"

enum { DEEPEST = 32 };

static const struct flux_option options[] = {
    {"all", 'a', OPT_FLAG, NULL, "Jobs in all states, not only running ones"},
    {"count", 'c', OPT_INT, "N", "At most N jobs of an instance (default 1000)"},
    {"filter", 'f', OPT_STR, "STATE|RESULT,...", "Jobs in these states or with these results"},
    {"long", 'l', OPT_FLAG, NULL, "Do not merge jobs of the same name"},
    {"parent-ids", 'p', OPT_FLAG, NULL, "Show the ids of jobs"},
    {"level", 'L', OPT_INT, "N", "Descend N levels only"},
    {"skip-root", 0, OPT_STR, "yes|no", "Leave out the instance itself"},
    {"label", 'o', OPT_STR, "FORMAT", "Text of a job (default {name}, with -p {name}:{id.f58})"},
    {"ascii", 'C', OPT_FLAG, NULL, "Draw with ASCII characters"},
    {NULL},
};

struct tree {
    struct cli *cli;
    struct format *label;
    const char *tee, *corner, *line;
};

static void print_line(const char *prefix, const char *branch, const char *text)
{
    printf("%s%s%s\n", prefix, branch, text);
}

static char *label_of(const struct tree *t, const flux_job_list_job *job)
{
    struct job_row row = {.job = job, .now = flux_walltime()};
    struct flux_buf text = FLUX_BUF_INIT(0);

    format_row(t->label, &row, &text);
    json_decref(row.annotations);
    if (text.len > 0)
        text.data[--text.len] = '\0'; /* the newline */
    return flux_buf_take(&text);
}

static flux_job_list_list_response *list_jobs(const struct tree *t, struct flux *h)
{
    flux_job_list_list_request in = FLUX_JOB_LIST_LIST_REQUEST_INIT;
    const char *filter = cli_str(t->cli, "filter", NULL);
    flux_job_list_list_response *out = NULL;
    struct flux_error err = {""};

    in.max_entries = (uint32_t)cli_int(t->cli, "count", 1000);
    in.userid = ANY_USER;
    if (filter && cli_states_parse(filter, &in.states, &in.results, &err) < 0)
        cli_die(t->cli, "%s", err.text);
    if (in.results)
        in.states |= FLUX_JOB_INACTIVE;
    if (!filter)
        in.states = cli_has(t->cli, "all") ? FLUX_JOB_ACTIVE | FLUX_JOB_INACTIVE : FLUX_JOB_RUNNING;
    if (flux_job_list_list(h, FLUX_ANY, &in, &out, &err) < 0) {
        cli_warn(t->cli, "%s", err.text);
        return NULL;
    }
    return out;
}

static void draw_jobs(const struct tree *t, struct flux *h, const char *prefix, int level);

/* What stands below a job that is an instance. */
static void draw_below(const struct tree *t, const char *uri, const char *prefix, bool last,
                       int level)
{
    FLUX_AUTO_STR deeper = flux_printf("%s%s", prefix, last ? "    " : t->line);
    FLUX_AUTO_HANDLE h = NULL;

    /* It may have ended, or be out of reach: then there is nothing to draw. */
    if (flux_open(uri, &h, NULL) == 0)
        draw_jobs(t, h, deeper, level + 1);
}

/* How many jobs from the i-th on have this label and nothing below them. */
static size_t count_alike(const struct tree *t, const flux_job_list_list_response *jobs, size_t i,
                          const char *label)
{
    size_t n = 1;

    if (cli_has(t->cli, "long"))
        return 1;
    while (i + n < jobs->n_jobs) {
        FLUX_AUTO_STR next = label_of(t, jobs->jobs[i + n]);
        FLUX_AUTO_STR uri = job_address(jobs->jobs[i + n]);

        if (uri || strcmp(next, label) != 0)
            break;
        n++;
    }
    return n;
}

static void draw_jobs(const struct tree *t, struct flux *h, const char *prefix, int level)
{
    flux_job_list_list_response *jobs =
        level < cli_int(t->cli, "level", DEEPEST) ? list_jobs(t, h) : NULL;

    for (size_t i = 0, n; jobs && i < jobs->n_jobs; i += n) {
        FLUX_AUTO_STR label = label_of(t, jobs->jobs[i]);
        FLUX_AUTO_STR uri = job_address(jobs->jobs[i]);
        FLUX_AUTO_STR text = NULL;
        bool last;

        n = uri ? 1 : count_alike(t, jobs, i, label);
        last = i + n >= jobs->n_jobs;
        text = n > 1 ? flux_printf("%zu*[%s]", n, label) : flux_strdup(label);
        print_line(prefix, last ? t->corner : t->tee, text);
        if (uri)
            draw_below(t, uri, prefix, last, level);
    }
    if (jobs)
        flux_job_list_list_response_free(jobs);
}

static int run(struct cli *cli)
{
    bool ascii = cli_has(cli, "ascii");
    struct tree t = {.cli = cli,
                     .tee = ascii ? "|-- " : "├── ",
                     .corner = ascii ? "`-- " : "└── ",
                     .line = ascii ? "|   " : "│   "};
    const char *dflt = cli_has(cli, "parent-ids") ? "{name}:{id.f58}" : "{name}";
    struct flux_error err = {""};
    struct flux *h;

    if (format_compile(job_fields, cli_str(cli, "label", dflt), &t.label, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    h = cli_handle(cli);
    if (strcmp(cli_str(cli, "skip-root", "no"), "yes") != 0)
        puts(".");
    draw_jobs(&t, h, "", 0);
    format_free(t.label);
    return 0;
}

const struct flux_verb verb_pstree = {
    .path = "pstree",
    .summary = "Show jobs, and jobs in jobs, as a tree",
    .options = {options},
    .tagged = true,
    .run = run,
};
