// SPDX-License-Identifier: LGPL-3.0-only
/* flux job purge: forget inactive jobs, by id or by rule; only counts them without -f. */
#include "jobargs.h"

#include <flux/v1/job_manager.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"age-limit", 0, OPT_FSD, "FSD", "Purge jobs that became inactive longer ago than this"},
    {"num-limit", 0, OPT_INT, "N", "Purge the oldest until N are left"},
    {"batch", 0, OPT_INT, "N", "At most N jobs in one request (default 50)"},
    {"force", 'f', OPT_FLAG, NULL, "Really do it"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_job_manager_purge_request in = FLUX_JOB_MANAGER_PURGE_REQUEST_INIT;
    bool force = cli_has(cli, "force");
    FLUX_AUTO_MEM(uint64_t) ids = NULL;
    uint32_t batch = (uint32_t)cli_int(cli, "batch", 50), total = 0, count;

    ids = cli_jobids(cli, 0, &in.n_ids);
    if (in.n_ids > 0 && (cli_has(cli, "age-limit") || cli_has(cli, "num-limit")))
        return cli_misused(cli, "do not give job ids together with a limit");
    in.ids = ids;
    in.age_limit = cli_fsd(cli, "age-limit", -1);
    in.num_limit = cli_int(cli, "num-limit", -1);
    in.dry_run = !force;
    in.batch = force && in.n_ids == 0 ? batch : 0;
    do {
        flux_job_manager_purge_response *out = NULL;
        struct flux_error err = {""};

        if (flux_job_manager_purge(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
            return cli_fail(cli, "%s", err.text);
        count = out->count;
        total += count;
        flux_job_manager_purge_response_free(out);
    } while (in.batch > 0 && count == in.batch);
    if (force)
        printf("purged %u inactive jobs\n", total);
    else
        printf("use --force to purge %u inactive jobs\n", total);
    return 0;
}

const struct flux_verb verb_job_purge = {
    .path = "job purge",
    .args = "[JOBID...]",
    .summary = "Purge inactive jobs",
    .options = {options},
    .run = run,
};
