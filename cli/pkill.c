// SPDX-License-Identifier: LGPL-3.0-only
/* flux pkill: cancel jobs by name. */
#include <flux/fluid.h>
#include <flux/v1/job_manager.h>

#include "attach/attach.h"
#include "handle.h"
#include "pgrepargs.h"

static const struct flux_option options[] = {
    PGREP_OPTIONS,
    {"wait", 'w', OPT_FLAG, NULL, "Wait for the jobs to end"},
    {NULL},
};

static int cancel_all(struct cli *cli, flux_job_list_job **jobs, size_t count)
{
    FLUX_AUTO_MEM(struct flux_future *) calls = flux_alloc(count * sizeof(calls[0]));
    int r = 0;

    for (size_t i = 0; i < count; i++) {
        flux_job_manager_raise_request in = FLUX_JOB_MANAGER_RAISE_REQUEST_INIT;

        in.id = jobs[i]->id;
        in.type = (char *)"cancel";
        calls[i] = flux_job_manager_raise_async(cli_handle(cli), FLUX_ANY, &in);
    }
    for (size_t i = 0; i < count; i++) {
        struct flux_error err = {""};

        if (flux_job_manager_raise_result(calls[i], NULL, &err) < 0)
            r = cli_fail(cli, "%s: %s", flux_fluid_f58(jobs[i]->id), err.text);
        flux_future_free(calls[i]);
    }
    return r;
}

static void wait_all(struct cli *cli, flux_job_list_job **jobs, size_t count)
{
    struct attach_options how = {.quiet = true, .wait_event = "clean"};
    struct attach *a = attach_new(cli, &how);

    for (size_t i = 0; i < count; i++)
        attach_add(a, jobs[i]->id);
    attach_run(a);
    attach_free(a);
}

static int run(struct cli *cli)
{
    flux_job_list_list_response *out = NULL;
    size_t count;
    int r = pgrep_find(cli, &out, &count);

    if (r == 0)
        r = cancel_all(cli, out->jobs, count);
    if (r == 0 && cli_has(cli, "wait"))
        wait_all(cli, out->jobs, count);
    if (out)
        flux_job_list_list_response_free(out);
    return r;
}

const struct flux_verb verb_pkill = {
    .path = "pkill",
    .args = "PATTERN|ID1..ID2",
    .summary = "Cancel jobs by name",
    .options = {options},
    .tagged = true,
    .run = run,
};
