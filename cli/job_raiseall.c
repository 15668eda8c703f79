// SPDX-License-Identifier: LGPL-3.0-only
/* flux job raiseall: raise an exception on all active jobs that match; only counts them without -f.
 */
#include "jobargs.h"

#include <flux/v1/job_manager.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"severity", 's', OPT_INT, "N", "Set exception severity [0-7] (default 7)"},
    {"user", 'u', OPT_STR, "USER", "Jobs of this user, or of 'all' (default: own)"},
    {"states", 'S', OPT_STR, "STATES", "Jobs in these states (default: active)"},
    {"force", 'f', OPT_FLAG, NULL, "Really do it"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_job_manager_raise_all_request in = FLUX_JOB_MANAGER_RAISE_ALL_REQUEST_INIT;
    flux_job_manager_select select = FLUX_JOB_MANAGER_SELECT_INIT;
    flux_job_manager_raise_all_response *out = NULL;
    long long severity = cli_int(cli, "severity", 7);
    const char *states = cli_str(cli, "states", NULL);
    FLUX_AUTO_STR note = cli_join_args(cli, 1);
    struct flux_error err = {""};
    int r;

    if (cli->argc == 0)
        return cli_misused(cli, "expected an exception type");
    if (severity < 0 || severity > 7)
        return cli_fail(cli, "invalid severity %lld: not 0-7", severity);
    if (states && cli_states_parse(states, &select.states, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    select.userid = cli_user(cli, cli_str(cli, "user", NULL));
    in.select = &select;
    in.type = cli->argv[0];
    in.severity = (uint32_t)severity;
    in.note = note ? note : (char *)"";
    in.dry_run = !cli_has(cli, "force");
    if (flux_job_manager_raise_all(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (in.dry_run)
        cli_warn(cli, "Command matched %u jobs (-f to confirm)", out->matched);
    else
        cli_warn(cli, "Raised exception on %u jobs (%u errors)", out->matched, out->errors);
    r = out->errors > 0;
    flux_job_manager_raise_all_response_free(out);
    return r;
}

const struct flux_verb verb_job_raiseall = {
    .path = "job raiseall",
    .args = "TYPE [NOTE...]",
    .summary = "Raise an exception on multiple jobs based on user, state",
    .options = {options},
    .run = run,
};
