// SPDX-License-Identifier: LGPL-3.0-only
/* Matching of jobs by name or id. */
#include "pgrepargs.h"

#include <regex.h>

#include <flux/fluid.h>

#include "handle.h"
#include "jobargs.h"

struct pattern {
    bool range;
    uint64_t first, last;
    regex_t regex;
};

/* "ID1..ID2" or a regular expression. */
static int compile(struct cli *cli, const char *text, struct pattern *p)
{
    const char *dots = strstr(text, "..");
    FLUX_AUTO_STR first = dots ? flux_strndup(text, (size_t)(dots - text)) : NULL;
    char why[128];
    int r;

    if (dots && flux_fluid_parse(first, &p->first, NULL) == 0 &&
        flux_fluid_parse(dots + 2, &p->last, NULL) == 0) {
        p->range = true;
        return 0;
    }
    r = regcomp(&p->regex, text, REG_EXTENDED | REG_NOSUB);
    if (r == 0)
        return 0;
    regerror(r, &p->regex, why, sizeof(why));
    cli_fail(cli, "%s: %s", text, why);
    return 2;
}

static bool matches(const struct pattern *p, const flux_job_list_job *job)
{
    if (p->range)
        return job->id >= p->first && job->id <= p->last;
    return regexec(&p->regex, job->name, 0, NULL, 0) == 0;
}

static int list(struct cli *cli, flux_job_list_list_response **ret)
{
    flux_job_list_list_request in = FLUX_JOB_LIST_LIST_REQUEST_INIT;
    const char *filter = cli_str(cli, "filter", NULL);
    struct flux_error err = {""};

    in.max_entries = (uint32_t)cli_int(cli, "max-entries", 1000);
    in.userid = cli_has(cli, "all-users") ? ANY_USER : cli_user(cli, cli_str(cli, "user", NULL));
    in.queue = (char *)cli_str(cli, "queue", "");
    in.states = filter                ? 0
                : cli_has(cli, "all") ? FLUX_JOB_ACTIVE | FLUX_JOB_INACTIVE
                                      : FLUX_JOB_ACTIVE;
    if (filter && cli_states_parse(filter, &in.states, &in.results, &err) < 0) {
        cli_fail(cli, "%s", err.text);
        return 2;
    }
    if (in.results)
        in.states |= FLUX_JOB_INACTIVE;
    if (flux_job_list_list(cli_handle(cli), FLUX_ANY, &in, ret, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

int pgrep_find(struct cli *cli, flux_job_list_list_response **ret, size_t *count)
{
    size_t limit = (size_t)cli_int(cli, "count", INT64_MAX);
    flux_job_list_list_response *out = NULL;
    struct pattern p = {.range = false};
    int r;

    *count = 0;
    if (cli->argc != 1)
        return cli_misused(cli, "expected one pattern");
    r = compile(cli, cli->argv[0], &p);
    if (r)
        return r;
    r = list(cli, &out);
    for (size_t i = 0; r == 0 && i < out->n_jobs && *count < limit; i++)
        if (matches(&p, out->jobs[i])) {
            flux_job_list_job *job = out->jobs[i];

            out->jobs[i] = out->jobs[*count];
            out->jobs[(*count)++] = job;
        }
    if (!p.range)
        regfree(&p.regex);
    *ret = out;
    return r ? r : *count == 0;
}
