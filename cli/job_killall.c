// SPDX-License-Identifier: LGPL-3.0-only
/* flux job killall: signal all running jobs of a user; only counts them without -f. */
#include "jobargs.h"

#include <flux/v1/job_manager.h>

#include "handle.h"
#include <flux/signame.h>

static const struct flux_option options[] = {
    {"user", 'u', OPT_STR, "USER", "Jobs of this user, or of 'all' (default: own)"},
    {"force", 'f', OPT_FLAG, NULL, "Really do it"},
    {"signal", 's', OPT_STR, "SIG", "Send signal SIG (default SIGTERM)"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_job_manager_kill_all_request in = FLUX_JOB_MANAGER_KILL_ALL_REQUEST_INIT;
    flux_job_manager_select select = FLUX_JOB_MANAGER_SELECT_INIT;
    flux_job_manager_kill_all_response *out = NULL;
    const char *name = cli_str(cli, "signal", "TERM");
    int signum = flux_signame_parse(name), r;
    struct flux_error err = {""};

    if (signum < 0)
        return cli_fail(cli, "Invalid signal %s", name);
    select.userid = cli_user(cli, cli_str(cli, "user", NULL));
    select.states = FLUX_JOB_RUN;
    in.select = &select;
    in.signum = (uint32_t)signum;
    in.dry_run = !cli_has(cli, "force");
    if (flux_job_manager_kill_all(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (in.dry_run)
        cli_warn(cli, "Command matched %u jobs (-f to confirm)", out->matched);
    else
        cli_warn(cli, "Killed %u jobs (%u errors)", out->matched, out->errors);
    r = out->errors > 0;
    flux_job_manager_kill_all_response_free(out);
    return r;
}

const struct flux_verb verb_job_killall = {
    .path = "job killall",
    .summary = "Send signal to multiple running jobs",
    .options = {options},
    .run = run,
};
