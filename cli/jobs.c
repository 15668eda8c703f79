// SPDX-License-Identifier: LGPL-3.0-only
/* flux jobs: list jobs. */
#include "jobargs.h"

#include <time.h>
#include <unistd.h>

#include <flux/constraint.h>
#include <flux/fluid.h>
#include <flux/fsd.h>
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/v1/job_list.h>

#include "handle.h"
#include "jobfields.h"
#include "listing.h"
#include "submit/submit.h"

enum { DEFAULT_COUNT = 1000, DEEPEST = 32 };

static const struct flux_option options[] = {
    {"all", 'a', OPT_FLAG, NULL, "Jobs in all states"},
    {"all-users", 'A', OPT_FLAG, NULL, "Jobs of all users"},
    {"user", 'u', OPT_STR, "USER", "Jobs of this user, or of 'all'"},
    {"count", 'c', OPT_INT, "N", "At most N jobs (default 1000; 0: no limit)"},
    {"since", 0, OPT_STR, "WHEN", "Inactive since then: -FSD, or a date (implies -a)"},
    {"name", 0, OPT_STR, "NAME", "Jobs with this name"},
    {"queue", 'q', OPT_MULTI, "QUEUE,...", "Jobs in these queues"},
    {"include", 'i', OPT_STR, "HOSTS|RANKS", "Jobs on these hosts or ranks"},
    {"filter", 'f', OPT_STR, "STATE|RESULT,...", "Jobs in these states or with these results"},
    LISTING_OPTIONS,
    {"sort", 0, OPT_STR, "KEY,...", "Sort by these fields; -KEY: descending"},
    {"json", 0, OPT_FLAG, NULL, "Print JSON"},
    {"stats", 0, OPT_FLAG, NULL, "Print a line of statistics first"},
    {"stats-only", 0, OPT_FLAG, NULL, "Print the statistics only"},
    {"recursive", 'R', OPT_FLAG, NULL, "Then the jobs of those that are instances, and so on"},
    {"level", 'L', OPT_INT, "N", "With -R: descend N levels only"},
    {"recurse-all", 0, OPT_FLAG, NULL, "With -R: into instances of other users, too"},
    {"watch", 'w', OPT_OPTSTR, "SECONDS",
     "List again and again, each time at the top of the screen (2)"},
    COLOR_OPTION(0),
    {NULL},
};

#define HEAD "{id.f58:>12} ?:{queue:<8.8} +:{username:<8} {name:<10.10+} "
static const struct format_named formats[] = {
    {"default", "Default flux-jobs format string",
     HEAD "{status_abbrev:>2.2} {ntasks:>6} {nnodes:>6h} {contextual_time!F:>8h} "
          "{contextual_info}"},
    {"cute", "Default with emoji status",
     HEAD "{status_emoji:>5.5} {ntasks:>6} {nnodes:>6h} {contextual_time!F:>8h} "
          "{contextual_info}"},
    {"long", "Extended flux-jobs format string",
     HEAD "{status:>9.9} {ntasks:>6} {nnodes:>6h} {t_submit!d:%b%d %R::>12} "
          "{t_remaining!F:>12h} {contextual_time!F:>8h} {contextual_info}"},
    {"deps", "Show job urgency, priority, and dependencies",
     "{id.f58:>12} ?:{queue:<8.8} {name:<10.10+} {urgency:<3} {priority:<12} {state:<8.8} "
     "{dependencies}"},
    {"endreason", "Show reason each job ended",
     HEAD "{status_abbrev:>2.2} {t_inactive!d:%b%d %R::>12h} {inactive_reason}"},
    {NULL},
};

static const struct listing listing = {"flux-jobs", "FLUX_JOBS_FORMAT_DEFAULT", job_fields, formats,
                                       job_color};

static int print_stats(struct cli *cli)
{
    flux_job_list_stats_request in = FLUX_JOB_LIST_STATS_REQUEST_INIT;
    flux_job_list_stats_response *s = NULL;
    struct flux_error err = {""};
    size_t i = 0;

    in.queue = (char *)cli_next(cli, "queue", &i);
    if (!in.queue)
        in.queue = (char *)"";
    if (flux_job_list_stats(cli_handle(cli), FLUX_ANY, &in, &s, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    printf("%u running, %u completed, %u failed, %u pending", s->run + s->cleanup, s->successful,
           s->failed + s->canceled + s->timeout, s->depend + s->priority + s->sched);
    if (s->purged > 0)
        printf(", %u inactive purged", s->purged);
    putchar('\n');
    flux_job_list_stats_response_free(s);
    return 0;
}

/* {"hostlist":[..]} or {"ranks":[..]} */
static char *include_constraint(const char *text, struct flux_error *err)
{
    FLUX_AUTO(idset) ranks = NULL;
    FLUX_AUTO(hostlist) hosts = NULL;
    json_t *o;
    char *s;

    if (flux_idset_decode(text, &ranks, NULL) == 0)
        o = json_pack("{s:[s]}", "ranks", text);
    else if (flux_hostlist_decode(text, &hosts, err) == 0)
        o = json_pack("{s:[s]}", "hostlist", text);
    else
        return NULL;
    s = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return s;
}

static int set_since(struct cli *cli, double *ret, struct flux_error *err)
{
    const char *text = cli_str(cli, "since", NULL);
    FLUX_AUTO_STR positive = NULL;
    double now = flux_walltime();
    int r;

    if (!text)
        return 0;
    if (text[0] == '-')
        positive = flux_printf("+%s", text + 1);
    r = submit_date_parse(positive ? positive : text, now, ret, err);
    if (r == 0 && positive)
        *ret = now - (*ret - now);
    return r < 0 ? flux_error_prefix(err, r, "--since") : 0;
}

/* What -a, -f and --since say about states. */
static int set_states(struct cli *cli, flux_job_list_list_request *in, struct flux_error *err)
{
    const char *filter = cli_str(cli, "filter", NULL);
    uint32_t states = 0, results = 0;

    if (filter && cli_states_parse(filter, &states, &results, err) < 0)
        return -EINVAL;
    if (results)
        states |= FLUX_JOB_INACTIVE;
    else if (!filter)
        states = cli_has(cli, "all") || cli_has(cli, "since") ? FLUX_JOB_ACTIVE | FLUX_JOB_INACTIVE
                                                              : FLUX_JOB_ACTIVE;
    in->states = states;
    in->results = states & FLUX_JOB_INACTIVE ? results : 0;
    return 0;
}

/* One queue is the service's to select; of several, this. */
static bool in_queues(const struct cli *cli, const char *queue)
{
    const char *list;
    size_t i = 0;
    bool any = false;

    while ((list = cli_next(cli, "queue", &i))) {
        any = true;
        if (queue && listing_has(list, queue, strlen(queue)))
            return true;
    }
    return !any;
}

static int print_json(flux_job_list_job **jobs, size_t count, bool single)
{
    json_t *list = json_array(), *all;

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, job_to_json(jobs[i]));
    all = single && count == 1 ? json_incref(json_array_get(list, 0))
                               : json_pack("{s:O}", "jobs", list);
    json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
    json_decref(list);
    return 0;
}

static int print_jobs(struct cli *cli, struct format *f, flux_job_list_job **jobs, size_t count)
{
    struct flux_error err = {""};
    struct job_rows rows;
    int r;

    job_rows_init(&rows, jobs, count);
    r = listing_print(f, rows.rows, sizeof(rows.rows[0]), count, cli_str(cli, "sort", NULL),
                      !cli_has(cli, "no-header"), &err);
    job_rows_done(&rows);
    return r < 0 ? cli_fail(cli, "%s", err.text) : 0;
}

static int show(struct cli *cli, struct format *f, flux_job_list_job **jobs, size_t count,
                bool single)
{
    return cli_has(cli, "json") ? print_json(jobs, count, single) : print_jobs(cli, f, jobs, count);
}

/* The instance that is listed, and how deep it is. */
struct level {
    struct flux *h;
    int depth;
};

static int list_matching(struct cli *cli, struct format *f, struct level at);

/* Jobs that are instances, each under its id. One may have ended meanwhile, or be out of reach. */
static void descend(struct cli *cli, struct format *f, struct level at, flux_job_list_job **jobs,
                    size_t count)
{
    if (!cli_has(cli, "recursive") || at.depth >= cli_int(cli, "level", DEEPEST))
        return;
    for (size_t i = 0; i < count; i++) {
        bool mine = jobs[i]->userid == getuid() || cli_has(cli, "recurse-all");
        FLUX_AUTO_STR uri = mine ? job_address(jobs[i]) : NULL;
        FLUX_AUTO_HANDLE h = NULL;

        if (!uri || flux_open(uri, &h, NULL) < 0)
            continue;
        printf("\n%s:\n", flux_fluid_f58(jobs[i]->id));
        list_matching(cli, f, (struct level){h, at.depth + 1});
    }
}

static int list_ids(struct cli *cli, struct format *f, struct level at)
{
    flux_job_list_ids_request in = FLUX_JOB_LIST_IDS_REQUEST_INIT;
    flux_job_list_ids_response *out = NULL;
    FLUX_AUTO_MEM(uint64_t) ids = NULL;
    struct flux_error err = {""};
    int r;

    ids = cli_jobids(cli, 0, &in.n_ids);
    in.ids = ids;
    if (flux_job_list_ids(at.h, FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    r = show(cli, f, out->jobs, out->n_jobs, cli->argc == 1);
    descend(cli, f, at, out->jobs, out->n_jobs);
    flux_job_list_ids_response_free(out);
    return r;
}

/* Leave the jobs of the queues that were asked for; how many. */
static size_t keep_queues(const struct cli *cli, flux_job_list_list_response *out)
{
    size_t n = 0;

    for (size_t i = 0; i < out->n_jobs; i++)
        if (in_queues(cli, out->jobs[i]->queue)) {
            flux_job_list_job *keep = out->jobs[i];

            out->jobs[i] = out->jobs[n];
            out->jobs[n++] = keep;
        }
    return n;
}

static int list_matching(struct cli *cli, struct format *f, struct level at)
{
    flux_job_list_list_request in = FLUX_JOB_LIST_LIST_REQUEST_INIT;
    const char *include = cli_str(cli, "include", NULL);
    flux_job_list_list_response *out = NULL;
    FLUX_AUTO_STR constraint = NULL;
    struct flux_error err = {""};
    size_t n, i = 0;
    const char *queue = cli_next(cli, "queue", &i);
    int r;

    in.max_entries = (uint32_t)cli_int(cli, "count", DEFAULT_COUNT);
    in.userid = cli_has(cli, "all-users") ? ANY_USER : cli_user(cli, cli_str(cli, "user", NULL));
    in.name = (char *)cli_str(cli, "name", "");
    in.queue =
        queue && !strchr(queue, ',') && cli_count(cli, "queue") == 1 ? (char *)queue : (char *)"";
    if (include && !(constraint = include_constraint(include, &err)))
        return cli_fail(cli, "%s", err.text);
    in.constraint = constraint ? constraint : (char *)"";
    if (set_states(cli, &in, &err) < 0 || set_since(cli, &in.since, &err) < 0 ||
        flux_job_list_list(at.h, FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    n = keep_queues(cli, out);
    r = show(cli, f, out->jobs, n, false);
    descend(cli, f, at, out->jobs, n);
    flux_job_list_list_response_free(out);
    return r;
}

static int list(struct cli *cli, struct format *f)
{
    struct level top = {cli_handle(cli), 0};
    int r = cli_has(cli, "stats") || cli_has(cli, "stats-only") ? print_stats(cli) : 0;

    if (r == 0 && !cli_has(cli, "stats-only"))
        r = cli->argc > 0 ? list_ids(cli, f, top) : list_matching(cli, f, top);
    return r;
}

/* Until it is interrupted, or the instance has gone. */
static int watch(struct cli *cli, struct format *f)
{
    struct flux_error err;
    struct timespec pause;
    double seconds;
    int r;

    if (flux_fsd_parse(cli_str(cli, "watch", "2"), &seconds, &err) < 0 || seconds <= 0)
        return cli_misused(cli, "--watch: expected a number of seconds");
    pause = (struct timespec){(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    for (;;) {
        fputs("\033[H\033[J", stdout);
        if ((r = list(cli, f)) != 0)
            return r;
        fflush(stdout);
        nanosleep(&pause, NULL);
    }
}

static int run(struct cli *cli)
{
    struct flux_error err = {""};
    struct format *f = NULL;
    int r;

    r = listing_format(cli, &listing, &f, &err);
    if (r > 0)
        return 0;
    if (r < 0)
        return cli_fail(cli, "%s", err.text);
    if (cli_has(cli, "recursive") && cli_has(cli, "json"))
        r = cli_misused(cli, "--recursive and --json exclude each other");
    else
        r = cli_has(cli, "watch") ? watch(cli, f) : list(cli, f);
    format_free(f);
    return r;
}

const struct flux_verb verb_jobs = {
    .path = "jobs",
    .args = "[JOBID...]",
    .summary = "List jobs",
    .options = {options},
    .tagged = true,
    .run = run,
};
