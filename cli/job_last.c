// SPDX-License-Identifier: LGPL-3.0-only
/* flux job last: ids of one's most recently submitted jobs. */
#include "jobargs.h"

#include <limits.h>

#include <flux/fluid.h>
#include <flux/v1/job_list.h>

#include "handle.h"

enum { ABSENT = INT_MIN };

/* Python's [start:stop:step] over the jobs, newest first; each may be ABSENT. */
struct slice {
    long start, stop, step;
};

/* A number, or ABSENT. */
static int parse_part(const char **p, long *ret)
{
    char *end;

    *ret = strtol(*p, &end, 10);
    if (end == *p)
        *ret = ABSENT;
    *p = end;
    return **p == ':' || **p == ']' ? 0 : -EINVAL;
}

static int parse_slice(const char *text, struct slice *s)
{
    char *end;

    *s = (struct slice){ABSENT, ABSENT, ABSENT};
    if (text[0] != '[') {
        s->stop = strtol(text, &end, 10);
        return end == text || *end || s->stop < 1 ? -EINVAL : 0;
    }
    text++;
    if (parse_part(&text, &s->start) < 0)
        return -EINVAL;
    if (*text == ']' && s->start != ABSENT)
        s->stop = s->start == -1 ? ABSENT : s->start + 1;
    if (*text == ':') {
        text++;
        if (parse_part(&text, &s->stop) < 0)
            return -EINVAL;
    }
    if (*text == ':') {
        text++;
        if (parse_part(&text, &s->step) < 0)
            return -EINVAL;
    }
    return *text == ']' && !text[1] && s->step != 0 ? 0 : -EINVAL;
}

static int newest_first(const void *a, const void *b)
{
    const flux_job_list_job *x = *(flux_job_list_job *const *)a;
    const flux_job_list_job *y = *(flux_job_list_job *const *)b;

    return x->t_submit > y->t_submit ? -1 : x->t_submit < y->t_submit;
}

/* An end of a slice as an index from `lowest` on, where negative numbers count from the end. */
static long bound(long n, long count, long lowest)
{
    if (n < 0)
        n += count;
    return n < lowest ? lowest : n > count + lowest ? count + lowest : n;
}

static void print_slice(const struct slice *s, flux_job_list_job **jobs, long count)
{
    long step = s->step == ABSENT ? 1 : s->step, lowest = step < 0 ? -1 : 0;
    long start = step < 0 ? count - 1 : 0, stop = step < 0 ? -1 : count;

    if (s->start != ABSENT)
        start = bound(s->start, count, lowest);
    if (s->stop != ABSENT)
        stop = bound(s->stop, count, lowest);
    for (long i = start; step < 0 ? i > stop : i < stop; i += step)
        printf("%s\n", flux_fluid_f58(jobs[i]->id));
}

static int run(struct cli *cli)
{
    flux_job_list_list_request in = FLUX_JOB_LIST_LIST_REQUEST_INIT;
    flux_job_list_list_response *out = NULL;
    struct flux_error err = {""};
    struct slice s = {0, 1, ABSENT};
    int r = 0;

    if (cli->argc > 1)
        return cli_misused(cli, "expected one argument");
    if (cli->argc == 1 && parse_slice(cli->argv[0], &s) < 0)
        return cli_fail(cli, "invalid argument '%s': not N or [start:stop:step]", cli->argv[0]);
    in.userid = cli_user(cli, NULL);
    in.states = FLUX_JOB_ACTIVE | FLUX_JOB_INACTIVE;
    if (flux_job_list_list(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (out->n_jobs > 0)
        qsort(out->jobs, out->n_jobs, sizeof(out->jobs[0]), newest_first);
    if (out->n_jobs == 0)
        r = cli_fail(cli, "job history is empty");
    else
        print_slice(&s, out->jobs, (long)out->n_jobs);
    flux_job_list_list_response_free(out);
    return r;
}

const struct flux_verb verb_job_last = {
    .path = "job last",
    .args = "[N|[start:stop:step]]",
    .summary = "List my most recently submitted job id(s)",
    .run = run,
};
