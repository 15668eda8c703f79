// SPDX-License-Identifier: LGPL-3.0-only
/* flux cancel: end active jobs, by id or by user and state. */
#include "jobargs.h"

#include <flux/fluid.h>
#include <flux/v1/job_manager.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"all", 'a', OPT_FLAG, NULL, "Target all jobs of the user"},
    {"user", 'u', OPT_STR, "USER", "Target jobs of this user, or of 'all'"},
    {"states", 's', OPT_STR, "STATES",
     "Target jobs in these states: depend, priority, sched, run,\npending, running, active"},
    {"state", 'S', OPT_STR, "STATES", NULL},
    {"dry-run", 'n', OPT_FLAG, NULL, "Do not cancel, say what would be"},
    {"message", 'm', OPT_STR, "NOTE", "Reason, kept with the job"},
    {"quiet", 'q', OPT_FLAG, NULL, "Say nothing if no job matches"},
    {NULL},
};

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

static int cancel_matching(struct cli *cli, const char *states, char *note)
{
    flux_job_manager_raise_all_request in = FLUX_JOB_MANAGER_RAISE_ALL_REQUEST_INIT;
    flux_job_manager_select select = FLUX_JOB_MANAGER_SELECT_INIT;
    flux_job_manager_raise_all_response *out = NULL;
    struct flux_error err = {""};
    bool dry_run = cli_has(cli, "dry-run");
    int r;

    if (states && cli_states_parse(states, &select.states, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    select.userid = cli_user(cli, cli_str(cli, "user", NULL));
    in.select = &select;
    in.type = (char *)"cancel";
    in.note = note;
    in.dry_run = dry_run;
    if (flux_job_manager_raise_all(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (out->matched == 0 && !cli_has(cli, "quiet"))
        cli_warn(cli, "Matched 0 jobs");
    else if (out->matched > 0 && dry_run)
        cli_warn(cli, "Would cancel %u job%s", out->matched, plural(out->matched));
    else if (out->matched > 0)
        cli_warn(cli, "Canceled %u job%s (%u error%s)", out->matched - out->errors,
                 plural(out->matched - out->errors), out->errors, plural(out->errors));
    r = out->errors > 0;
    flux_job_manager_raise_all_response_free(out);
    return r;
}

/* All requests go out before the first answer is waited for. */
static int cancel_ids(struct cli *cli, char *note)
{
    FLUX_AUTO_MEM(struct flux_future *) calls = NULL;
    FLUX_AUTO_MEM(uint64_t) ids = NULL;
    size_t count;
    int r = 0;

    ids = cli_jobids(cli, 0, &count);
    if (cli_has(cli, "dry-run")) {
        cli_warn(cli, "Would cancel %zu job%s", count, count == 1 ? "" : "s");
        return 0;
    }
    calls = flux_alloc(count * sizeof(calls[0]));
    for (size_t i = 0; i < count; i++) {
        flux_job_manager_raise_request in = FLUX_JOB_MANAGER_RAISE_REQUEST_INIT;

        in.id = ids[i];
        in.type = (char *)"cancel";
        in.note = note;
        calls[i] = flux_job_manager_raise_async(cli_handle(cli), FLUX_ANY, &in);
    }
    for (size_t i = 0; i < count; i++) {
        struct flux_error err = {""};

        if (flux_job_manager_raise_result(calls[i], NULL, &err) < 0)
            r = cli_fail(cli, "%s: %s", cli->argv[i], err.text);
        flux_future_free(calls[i]);
    }
    return r;
}

static int run(struct cli *cli)
{
    const char *states = cli_str(cli, "states", cli_str(cli, "state", NULL));
    bool by_filter = cli_has(cli, "all") || cli_has(cli, "user") || states;
    char *note = (char *)cli_str(cli, "message", "");

    if (cli->argc > 0 && by_filter)
        return cli_fail(cli, "Do not specify a list of jobids with --all,--user,--states options");
    if (by_filter)
        return cancel_matching(cli, states, note);
    if (cli->argc == 0)
        return cli_misused(cli, "Specify at least one of JOBID, --all, --user, --states");
    return cancel_ids(cli, note);
}

const struct flux_verb verb_cancel = {
    .path = "cancel",
    .args = "[JOBID...]",
    .summary = "Cancel jobs",
    .options = {options},
    .tagged = true,
    .run = run,
};
