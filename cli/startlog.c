// SPDX-License-Identifier: LGPL-3.0-only
/* flux startlog: when the instance was started and stopped, and whether it crashed. */
#include <time.h>

#include <flux/eventlog.h>
#include <flux/fsd.h>
#include <flux/v1/kvs.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"check", 0, OPT_FLAG, NULL, "Exit 1 if the run before this one crashed"},
    {"quiet", 0, OPT_FLAG, NULL, "Print nothing"},
    {"show-version", 'v', OPT_FLAG, NULL, "Show the version of Flux that was started"},
    {NULL},
};

struct run {
    double start, finish; /* seconds since the epoch; 0 = not known */
    char version[64];
    bool damaged; /* what was stored, as the start found it */
};

static void print_time(double t)
{
    time_t seconds = (time_t)t;
    char text[32];
    struct tm tm;

    localtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
    fputs(text, stdout);
}

/* One run: it ended, it goes on (the last one), or it crashed. */
static void print_run(struct cli *cli, const struct run *r, bool last)
{
    char fsd[FLUX_FSD_MAX];

    if (cli_has(cli, "quiet"))
        return;
    print_time(r->start);
    fputs(" - ", stdout);
    if (r->finish > 0) {
        print_time(r->finish);
        printf(" (%s)", flux_fsd_round((double)(long)(r->finish - r->start), fsd));
    } else if (last) {
        printf("running (%s)", flux_fsd_round((double)(long)(flux_walltime() - r->start), fsd));
    } else {
        fputs("crashed", stdout);
    }
    if (r->damaged)
        fputs(", started with damaged state", stdout);
    if (cli_has(cli, "show-version"))
        printf(" [%s]", r->version);
    putchar('\n');
}

/* Prints all runs; whether the one before the last has crashed. */
static bool walk(struct cli *cli, const char *log, size_t len)
{
    struct flux_eventlog_cursor c = {log, log + len, 0};
    struct flux_eventlog_entry e;
    struct run now = {.start = 0};
    bool crashed = false;

    while (flux_eventlog_next(&c, &e, NULL) == 1) {
        const char *version = json_string_value(json_object_get(e.context, "version"));

        if (strcmp(e.name, "start") == 0) {
            if (now.start > 0) {
                print_run(cli, &now, false);
                crashed = now.finish == 0;
            }
            now = (struct run){.start = e.timestamp,
                               .damaged = json_is_true(json_object_get(e.context, "damaged"))};
            snprintf(now.version, sizeof(now.version), "%s", version ? version : "?");
        } else if (strcmp(e.name, "finish") == 0) {
            now.finish = e.timestamp;
        }
        flux_eventlog_entry_done(&e);
    }
    if (now.start > 0)
        print_run(cli, &now, true);
    return crashed;
}

static int run(struct cli *cli)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_BUF log = FLUX_BUF_INIT(256 << 20);
    uint64_t size;
    bool crashed;

    in.key = (char *)"admin.eventlog";
    do {
        flux_kvs_get_response *out = NULL;
        struct flux_error err = {""};

        in.offset = log.len;
        if (flux_kvs_get(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
            return cli_fail(cli, "%s", err.text);
        size = out->value.len ? out->size : 0;
        flux_buf_add(&log, out->value.data, out->value.len);
        flux_kvs_get_response_free(out);
    } while (log.len < size && !log.failed);
    crashed = walk(cli, log.data, log.len);
    return cli_has(cli, "check") && crashed;
}

const struct flux_verb verb_startlog = {
    .path = "startlog",
    .summary = "Show when the instance was started and stopped",
    .options = {options},
    .run = run,
};
