// SPDX-License-Identifier: LGPL-3.0-only
/* flux queue list: queues with their state, limits and resources. */
#include <math.h>

#include <jansson.h>

#include <flux/fsd.h>
#include <flux/v1/config_rpc.h>
#include <flux/v1/job_manager.h>

#include "handle.h"
#include "listing.h"
#include "resview.h"

static const struct flux_option options[] = {
    {"queue", 'q', OPT_STR, "QUEUE,...", "Only these queues"},
    LISTING_OPTIONS,
    {NULL},
};

struct row {
    const flux_job_manager_queue *queue;
    const json_t *config; /* the whole configuration */
    bool is_default;
    struct resview *view;     /* resources, asked for when a format needs them */
    struct flux_idset *ranks; /* of the queue */
};

#define ROW ((const struct row *)row)
#define GETTER(NAME)                                                                               \
    static void get_##NAME(const void *row, const char *name, struct format_value *v)

static const json_t *at(const json_t *o, const char *path)
{
    while (o && *path) {
        size_t n = strcspn(path, ".");
        FLUX_AUTO_STR key = flux_strndup(path, n);

        o = json_object_get(o, key);
        path += n + (path[n] == '.');
    }
    return o;
}

/* The queue's own policy, or the instance's. */
static const json_t *policy(const struct row *row, const char *path)
{
    const json_t *own = at(at(row->config, "queues"), row->queue->name);
    const json_t *value = *row->queue->name ? at(at(own, "policy"), path) : NULL;

    return value ? value : at(at(row->config, "policy"), path);
}

static double seconds(const json_t *value)
{
    double s = INFINITY;

    if (json_is_string(value))
        (void)flux_fsd_parse(json_string_value(value), &s, NULL);
    else if (json_is_number(value))
        s = json_number_value(value);
    return s;
}

GETTER(queue)
{
    format_set_string(v, ROW->queue->name);
}

GETTER(queuem)
{
    FLUX_AUTO_STR text = flux_printf("%s%s", ROW->queue->name, ROW->is_default ? "*" : "");

    format_set_copy(v, text, strlen(text));
}

GETTER(submission)
{
    format_set_string(v, ROW->queue->enabled ? "enabled" : "disabled");
}

GETTER(scheduling)
{
    format_set_string(v, ROW->queue->started ? "started" : "stopped");
}

static void set_mark(struct format_value *v, const char *name, bool on)
{
    format_set_string(v, strchr(name, '.') ? (on ? "y" : "n") : on ? "✔" : "✗");
}

GETTER(enabled)
{
    set_mark(v, name, ROW->queue->enabled);
}

GETTER(started)
{
    set_mark(v, name, ROW->queue->started);
}

GETTER(default_limit)
{
    format_set_real(v, seconds(policy(row, "jobspec.defaults.system.duration")));
}

GETTER(limit)
{
    format_set_real(v, seconds(policy(row, "limits.duration")));
}

/* -1 is unlimited. */
static void job_size(const struct row *row, const char *bound, const char *what, char *text,
                     size_t size)
{
    FLUX_AUTO_STR path = flux_printf("limits.job-size.%s.%s", bound, what);
    const json_t *value = policy(row, path);
    long long n = json_is_integer(value)      ? json_integer_value(value)
                  : strcmp(bound, "min") == 0 ? 0
                                              : -1;

    if (n < 0)
        snprintf(text, size, "inf");
    else
        snprintf(text, size, "%lld", n);
}

/* limits.range.nnodes, limits.min.nnodes, limits.max.nnodes */
GETTER(size)
{
    const char *what = strrchr(name, '.') + 1;
    char lo[32], hi[32];
    FLUX_AUTO_STR text = NULL;

    job_size(row, "min", what, lo, sizeof(lo));
    job_size(row, "max", what, hi, sizeof(hi));
    if (strstr(name, ".min."))
        text = flux_strdup(lo);
    else if (strstr(name, ".max."))
        text = flux_strdup(hi);
    else
        text = flux_printf("%s-%s", lo, hi);
    format_set_copy(v, text, strlen(text));
}

/* resources.STATE.nnodes */
GETTER(resources)
{
    const char *state = name + strlen("resources.");
    size_t n = strcspn(state, ".");
    FLUX_AUTO_STR word = flux_strndup(state, n);
    const struct flux_rset *set = ROW->view ? resview_state(ROW->view, word) : NULL;
    FLUX_AUTO(rset) part = NULL;

    if (!set || !state[n])
        return;
    part = ROW->ranks ? flux_rset_copy_ranks(set, ROW->ranks) : flux_rset_copy(set);
    format_set_int(v, (long long)(strcmp(state + n, ".nnodes") == 0   ? flux_rset_nnodes(part)
                                  : strcmp(state + n, ".ncores") == 0 ? flux_rset_ncores(part)
                                                                      : flux_rset_ngpus(part)));
}

#define SIZES(KIND, WHAT, HEADER)                                                                  \
    {                                                                                              \
        "limits." KIND "." WHAT, HEADER, get_size, false                                           \
    }
static const struct format_field fields[] = {
    {"queue", "QUEUE", get_queue, false},
    {"queuem", "QUEUE", get_queuem, false},
    {"submission", "SUBMIT", get_submission, false},
    {"scheduling", "SCHED", get_scheduling, false},
    {"enabled", "EN", get_enabled, false},
    {"enabled.ascii", "EN", get_enabled, false},
    {"started", "ST", get_started, false},
    {"started.ascii", "ST", get_started, false},
    {"defaults.timelimit", "TDEFAULT", get_default_limit, false},
    {"limits.timelimit", "TLIMIT", get_limit, false},
    SIZES("range", "nnodes", "NNODES"),
    SIZES("range", "ncores", "NCORES"),
    SIZES("range", "ngpus", "NGPUS"),
    SIZES("min", "nnodes", "MINNODES"),
    SIZES("min", "ncores", "MINCORES"),
    SIZES("min", "ngpus", "MINGPUS"),
    SIZES("max", "nnodes", "MAXNODES"),
    SIZES("max", "ncores", "MAXCORES"),
    SIZES("max", "ngpus", "MAXGPUS"),
    {"resources.all.nnodes", "TOTAL", get_resources, false},
    {"resources.free.nnodes", "FREE", get_resources, false},
    {"resources.allocated.nnodes", "ALLOC", get_resources, false},
    {"resources.down.nnodes", "DOWN", get_resources, false},
    {"resources.up.nnodes", "UP", get_resources, false},
    {"resources.", "RESOURCES", get_resources, false},
    {NULL},
};

#define LIMITS                                                                                     \
    "{defaults.timelimit!F:>8} {limits.timelimit!F:>8} {limits.range.nnodes:>10} "                 \
    "{limits.range.ncores:>10} {limits.range.ngpus:>10}"
static const struct format_named formats[] = {
    {"default", "Default flux-queue list format string",
     "?:{queuem:<8.8} {enabled:>2} {started:>2} " LIMITS},
    {"policy", "State and limits in words",
     "?:{queuem:<8.8} {submission:<8} {scheduling:<8} " LIMITS},
    {"nodes", "Nodes of each queue by state",
     "?:{queuem:<8.8} {enabled:>2} {started:>2} {resources.all.nnodes:>6} "
     "{resources.free.nnodes:>6} {resources.allocated.nnodes:>6} {resources.down.nnodes:>6}"},
    {NULL},
};

static const struct listing listing = {"flux-queue", "FLUX_QUEUE_LIST_FORMAT_DEFAULT", fields,
                                       formats};

static bool wanted(struct cli *cli, const char *queue)
{
    const char *list = cli_str(cli, "queue", NULL);

    return !list || listing_has(list, queue, strlen(queue));
}

static struct flux_idset *ranks_of(const struct resview *v, const char *queue)
{
    struct flux_idset *ranks = flux_idset_new();
    struct flux_rset_node node;

    for (size_t i = 0; flux_rset_node(v->all, i, &node); i++) {
        FLUX_AUTO_STR queues = resview_queue_of(v, node.rank);

        if (listing_has(queues, queue, strlen(queue)))
            flux_idset_add(ranks, node.rank);
    }
    return ranks;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->queue->name, ((const struct row *)b)->queue->name);
}

static int print(struct cli *cli, struct format *f, const flux_job_manager_queue_status_response *s,
                 const json_t *config, struct resview *view, struct flux_error *err)
{
    const char *dflt = json_string_value(at(config, "policy.jobspec.defaults.system.queue"));
    struct row *rows = flux_alloc(s->n_queues * sizeof(rows[0]) + 1);
    size_t n = 0;
    int r;

    for (size_t i = 0; i < s->n_queues; i++) {
        const char *name = s->queues[i]->name;

        if (wanted(cli, name))
            rows[n++] = (struct row){.queue = s->queues[i],
                                     .config = config,
                                     .is_default = dflt && strcmp(dflt, name) == 0,
                                     .view = view,
                                     .ranks = view && *name ? ranks_of(view, name) : NULL};
    }
    if (n > 1)
        qsort(rows, n, sizeof(rows[0]), by_name);
    r = listing_print(f, rows, sizeof(rows[0]), n, NULL, !cli_has(cli, "no-header"), err);
    for (size_t i = 0; i < n; i++)
        if (rows[i].ranks)
            flux_idset_free(rows[i].ranks);
    free(rows);
    return r;
}

/* Queues, configuration and (if the format shows them) resources. */
static int list(struct cli *cli, struct format *f, struct flux_error *err)
{
    flux_job_manager_queue_status_request in = FLUX_JOB_MANAGER_QUEUE_STATUS_REQUEST_INIT;
    flux_job_manager_queue_status_response *status = NULL;
    flux_config_get_request get = FLUX_CONFIG_GET_REQUEST_INIT;
    flux_config_get_response *config = NULL;
    bool resources = format_uses(f, "resources");
    struct resview view = {.all = NULL};
    json_t *o = NULL;
    int r;

    r = flux_job_manager_queue_status(cli_handle(cli), FLUX_ANY, &in, &status, err);
    if (r == 0 && flux_config_get(cli_handle(cli), FLUX_RANK(0), &get, &config, NULL) == 0) {
        o = json_loads(config->json, 0, NULL);
        flux_config_get_response_free(config);
    }
    if (r == 0 && resources)
        r = resview_init_part(&view, cli, NULL, NULL, err);
    if (r == 0)
        r = print(cli, f, status, o, resources ? &view : NULL, err);
    if (r == 0 && resources)
        resview_done(&view);
    if (status)
        flux_job_manager_queue_status_response_free(status);
    json_decref(o);
    return r;
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
    r = list(cli, f, &err);
    format_free(f);
    return r < 0 ? cli_fail(cli, "%s", err.text) : 0;
}

const struct flux_verb verb_queue_list = {
    .path = "queue list",
    .summary = "List queues with their limits",
    .options = {options},
    .tagged = true,
    .run = run,
};
