// SPDX-License-Identifier: LGPL-3.0-only
/* flux job eventlog: the events of a job so far, or as they come. */
#include "jobargs.h"

#include <flux/v1/job_info.h>

#include "events.h"
#include "handle.h"

static const struct flux_option options[] = {
    EVENT_STYLE_OPTIONS,
    {"follow", 'F', OPT_FLAG, NULL, "Go on with new events until the log is complete"},
    {"path", 'p', OPT_STR, "PATH", "Another log: guest.exec.eventlog (or exec), guest.output"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_job_info_watch_request in = FLUX_JOB_INFO_WATCH_REQUEST_INIT;
    const flux_job_info_watch_response *out;
    FLUX_AUTO(future) f = NULL;
    struct flux_error err = {""};
    const char *path = cli_str(cli, "path", "eventlog");
    struct event_style style;
    int r;

    if (cli->argc != 1)
        return cli_misused(cli, "expected one job id");
    if (event_style_init(&style, cli, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    in.id = cli_jobid(cli, cli->argv[0]);
    in.path = strcmp(path, "exec") == 0 ? (char *)"guest.exec.eventlog" : (char *)path;
    in.nofollow = !cli_has(cli, "follow");
    f = flux_job_info_watch_stream(cli_handle(cli), FLUX_ANY, &in);
    while ((r = flux_job_info_watch_result(f, &out, &err)) == 0) {
        struct flux_eventlog_cursor c = {out->events, out->events + strlen(out->events), 0};
        struct flux_eventlog_entry e;

        while (flux_eventlog_next(&c, &e, &err) == 1) {
            event_print(stdout, &style, &e);
            flux_eventlog_entry_done(&e);
        }
        if (!in.nofollow)
            fflush(stdout);
        flux_future_next(f);
    }
    return r == -ENODATA ? 0 : cli_fail(cli, "%s", err.text);
}

const struct flux_verb verb_job_eventlog = {
    .path = "job eventlog",
    .args = "JOBID",
    .summary = "Display eventlog for a job",
    .options = {options},
    .run = run,
};
