// SPDX-License-Identifier: LGPL-3.0-only
/* flux job list: jobs as JSON, one a line; for scripts (flux jobs is for people). */
#include "jobargs.h"

#include "handle.h"
#include "jobfields.h"

static const struct flux_option options[] = {
    {"count", 'c', OPT_INT, "N", "At most N jobs (default 1000; 0: no limit)"},
    {"states", 's', OPT_STR, "STATES", "Jobs in these states (default: active)"},
    {"user", 'u', OPT_STR, "USER", "Jobs of this user, or of 'all' (default: own)"},
    {"all-users", 'a', OPT_FLAG, NULL, "Jobs of all users, in all states"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_job_list_list_request in = FLUX_JOB_LIST_LIST_REQUEST_INIT;
    const char *states = cli_str(cli, "states", NULL);
    flux_job_list_list_response *out = NULL;
    bool all = cli_has(cli, "all-users");
    struct flux_error err = {""};

    in.max_entries = (uint32_t)cli_int(cli, "count", 1000);
    in.userid = all ? ANY_USER : cli_user(cli, cli_str(cli, "user", NULL));
    if (states && cli_states_parse(states, &in.states, &in.results, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (!states)
        in.states = all ? FLUX_JOB_ACTIVE | FLUX_JOB_INACTIVE : FLUX_JOB_ACTIVE;
    if (flux_job_list_list(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    for (size_t i = 0; i < out->n_jobs; i++) {
        json_t *o = job_to_json(out->jobs[i]);

        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
    }
    flux_job_list_list_response_free(out);
    return 0;
}

const struct flux_verb verb_job_list = {
    .path = "job list",
    .options = {options},
    .run = run,
};
