// SPDX-License-Identifier: LGPL-3.0-only
/* flux job wait-event: wait until an event is in a job's log, and print it. */
#include "jobargs.h"

#include <flux/v1/job_info.h>

#include "events.h"
#include "handle.h"

static const struct flux_option options[] = {
    EVENT_STYLE_OPTIONS,
    {"timeout", 't', OPT_FSD, "FSD", "Give up after this long"},
    {"match-context", 'm', OPT_MULTI, "KEY=VAL", "Only an event whose context has this"},
    {"count", 'c', OPT_INT, "N", "Wait for the Nth such event"},
    {"quiet", 'q', OPT_FLAG, NULL, "Do not print the event"},
    {"verbose", 'v', OPT_FLAG, NULL, "Print all events on the way"},
    {"path", 'p', OPT_STR, "PATH", "Another log: guest.exec.eventlog (or exec)"},
    {"waitcreate", 'W', OPT_FLAG, NULL, "The log may not be there yet"},
    {NULL},
};

struct wait {
    struct cli *cli;
    const char *name;
    long long left; /* such events to come */
    struct event_style style;
};

static bool reached(struct wait *w, const struct flux_eventlog_entry *e)
{
    bool match = strcmp(e->name, w->name) == 0 && event_matches(w->cli, e) && --w->left <= 0;

    if (w->style.first == 0)
        w->style.first = e->timestamp;
    if (!cli_has(w->cli, "quiet") && (match || cli_has(w->cli, "verbose")))
        event_print(stdout, &w->style, e);
    return match;
}

static bool search(struct wait *w, const char *events)
{
    struct flux_eventlog_cursor c = {events, events + strlen(events), 0};
    struct flux_eventlog_entry e;
    bool found = false;

    while (!found && flux_eventlog_next(&c, &e, NULL) == 1) {
        found = reached(w, &e);
        flux_eventlog_entry_done(&e);
    }
    return found;
}

static int run(struct cli *cli)
{
    flux_job_info_watch_request in = FLUX_JOB_INFO_WATCH_REQUEST_INIT;
    struct wait w = {.cli = cli, .left = cli_int(cli, "count", 1)};
    const char *path = cli_str(cli, "path", "eventlog");
    const flux_job_info_watch_response *out;
    FLUX_AUTO(future) f = NULL;
    struct flux_error err = {""};
    struct flux_to to = FLUX_ANY;
    int r;

    if (cli->argc != 2)
        return cli_misused(cli, "expected a job id and the name of an event");
    if (event_style_init(&w.style, cli, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    w.name = cli->argv[1];
    in.id = cli_jobid(cli, cli->argv[0]);
    in.path = strcmp(path, "exec") == 0 ? (char *)"guest.exec.eventlog" : (char *)path;
    in.waitcreate = cli_has(cli, "waitcreate");
    to.timeout = cli_fsd(cli, "timeout", 0);
    f = flux_job_info_watch_stream(cli_handle(cli), to, &in);
    while ((r = flux_job_info_watch_result(f, &out, &err)) == 0) {
        if (search(&w, out->events))
            return 0;
        flux_future_next(f);
    }
    if (r == -ENODATA)
        return cli_fail(cli, "event '%s' never received", w.name);
    if (r == -ETIMEDOUT)
        return cli_fail(cli, "wait-event timeout on event '%s'", w.name);
    return cli_fail(cli, "%s", err.text);
}

const struct flux_verb verb_job_wait_event = {
    .path = "job wait-event",
    .args = "JOBID EVENT",
    .summary = "Wait for an event",
    .options = {options},
    .run = run,
};
