// SPDX-License-Identifier: LGPL-3.0-only
/* flux job stats: counts of jobs by state and result, as JSON. */
#include "verb.h"

#include <jansson.h>

#include <flux/v1/job_list.h>

#include "handle.h"

static int run(struct cli *cli)
{
    flux_job_list_stats_request in = FLUX_JOB_LIST_STATS_REQUEST_INIT;
    flux_job_list_stats_response *s = NULL;
    struct flux_error err = {""};
    json_t *o;

    if (flux_job_list_stats(cli_handle(cli), FLUX_ANY, &in, &s, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    o = json_pack("{s:{s:i s:i s:i s:i s:i s:i s:i} s:i s:i s:i s:i s:i}", "job_states", "depend",
                  s->depend, "priority", s->priority, "sched", s->sched, "run", s->run, "cleanup",
                  s->cleanup, "inactive", s->inactive, "total",
                  s->depend + s->priority + s->sched + s->run + s->cleanup + s->inactive,
                  "successful", s->successful, "failed", s->failed, "canceled", s->canceled,
                  "timeout", s->timeout, "inactive_purged", s->purged);
    flux_job_list_stats_response_free(s);
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
    return 0;
}

const struct flux_verb verb_job_stats = {
    .path = "job stats",
    .summary = "Get current job stats",
    .run = run,
};
