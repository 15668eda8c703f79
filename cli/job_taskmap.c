// SPDX-License-Identifier: LGPL-3.0-only
/* flux job taskmap: which node runs which task, of a job or of a map (RFC 34). */
#include "jobargs.h"

#include <flux/eventlog.h>
#include <flux/fluid.h>
#include <flux/hostlist.h>
#include <flux/taskmap.h>
#include <flux/v1/job_info.h>
#include <flux/v1/job_list.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"taskids", 0, OPT_INT, "NODEID", "Print the tasks of this node"},
    {"ntasks", 0, OPT_INT, "NODEID", "Print the number of tasks of this node"},
    {"nodeid", 0, OPT_INT, "TASKID", "Print the node of this task"},
    {"hostname", 0, OPT_INT, "TASKID", "Print the host of this task"},
    {"to", 0, OPT_STR, "FORM", "raw, pmi, multiline or hosts"},
    {NULL},
};

/* The shells' start event carries the map. */
static char *map_in_log(const char *log)
{
    struct flux_eventlog_cursor c = {log, log + strlen(log), 0};
    struct flux_eventlog_entry e;
    char *map = NULL;

    while (!map && flux_eventlog_next(&c, &e, NULL) == 1) {
        json_t *o = json_object_get(e.context, "taskmap");

        if (o)
            map =
                json_is_string(o) ? flux_strdup(json_string_value(o)) : json_dumps(o, JSON_COMPACT);
        flux_eventlog_entry_done(&e);
    }
    return map;
}

static char *map_of_job(struct cli *cli, uint64_t id)
{
    flux_job_info_watch_request in = FLUX_JOB_INFO_WATCH_REQUEST_INIT;
    const flux_job_info_watch_response *out;
    FLUX_AUTO(future) f = NULL;
    struct flux_error err = {""};
    char *map = NULL;
    int r;

    in.id = id;
    in.path = (char *)"guest.exec.eventlog";
    in.waitcreate = true;
    f = flux_job_info_watch_stream(cli_handle(cli), FLUX_ANY, &in);
    while ((r = flux_job_info_watch_result(f, &out, &err)) == 0) {
        map = map_in_log(out->events);
        if (map)
            return map;
        flux_future_next(f);
    }
    cli_die(cli, "%s: %s", flux_fluid_f58(id),
            r == -ENODATA ? "the job ended without a task map" : err.text);
}

static struct flux_hostlist *hosts_of_job(struct cli *cli, uint64_t id)
{
    flux_job_list_ids_request in = FLUX_JOB_LIST_IDS_REQUEST_INIT;
    flux_job_list_ids_response *out = NULL;
    struct flux_hostlist *hosts = NULL;
    struct flux_error err = {""};

    in.ids = &id;
    in.n_ids = 1;
    if (flux_job_list_ids(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0 ||
        flux_hostlist_decode(out->jobs[0]->nodelist, &hosts, &err) < 0)
        cli_die(cli, "%s", err.text);
    flux_job_list_ids_response_free(out);
    return hosts;
}

static int node_of(struct cli *cli, const struct flux_taskmap *map, const char *option)
{
    int node = flux_taskmap_node(map, (unsigned)cli_int(cli, option, 0));

    if (node < 0)
        cli_die(cli, "failed to get nodeid for task %lld: no such task", cli_int(cli, option, 0));
    return node;
}

static int print_hosts(struct cli *cli, const struct flux_taskmap *map, uint64_t id)
{
    FLUX_AUTO(hostlist) hosts = hosts_of_job(cli, id);
    char name[FLUX_HOST_SIZE];

    if (cli_has(cli, "hostname"))
        return puts(flux_hostlist_nth(hosts, (size_t)node_of(cli, map, "hostname"), name)) < 0;
    for (unsigned t = 0; t < flux_taskmap_ntasks(map); t++)
        printf("%u: %s\n", t, flux_hostlist_nth(hosts, (size_t)flux_taskmap_node(map, t), name));
    return 0;
}

static int print_form(struct cli *cli, const struct flux_taskmap *map, const char *form)
{
    static const struct {
        const char *name;
        enum flux_taskmap_form form;
    } forms[] = {{"json", FLUX_TASKMAP_JSON},
                 {"raw", FLUX_TASKMAP_RAW},
                 {"pmi", FLUX_TASKMAP_PMI},
                 {"multiline", FLUX_TASKMAP_MULTILINE}};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(forms); i++)
        if (strcmp(forms[i].name, form) == 0) {
            FLUX_AUTO_STR text = flux_taskmap_encode(map, forms[i].form);
            size_t n = text ? strlen(text) : 0;

            printf("%s%s", text ? text : "", n && text[n - 1] == '\n' ? "" : "\n");
            return 0;
        }
    return cli_fail(cli, "invalid value '%s' for --to", form);
}

static int print(struct cli *cli, const struct flux_taskmap *map, uint64_t id)
{
    const char *form = cli_str(cli, "to", "json");
    bool hosts = strcmp(form, "hosts") == 0 || cli_has(cli, "hostname");

    if (hosts && id == FLUX_FLUID_NONE)
        return cli_fail(cli, "host names need a job id");
    if (hosts)
        return print_hosts(cli, map, id);
    if (cli_has(cli, "nodeid"))
        return printf("%d\n", node_of(cli, map, "nodeid")) < 0;
    if (cli_has(cli, "ntasks"))
        return printf("%u\n", flux_taskmap_ntasks_on(map, (unsigned)cli_int(cli, "ntasks", 0))) < 0;
    if (cli_has(cli, "taskids")) {
        FLUX_AUTO(idset) tasks = flux_taskmap_tasks(map, (unsigned)cli_int(cli, "taskids", 0));
        FLUX_AUTO_STR text = flux_idset_encode(tasks, FLUX_IDSET_RANGE);

        return puts(text) < 0;
    }
    return print_form(cli, map, form);
}

static int run(struct cli *cli)
{
    FLUX_AUTO(taskmap) map = NULL;
    uint64_t id = FLUX_FLUID_NONE;
    struct flux_error err = {""};
    FLUX_AUTO_STR text = NULL;

    if (cli->argc != 1)
        return cli_misused(cli, "expected a job id or a task map");
    if (flux_fluid_parse(cli->argv[0], &id, NULL) == 0)
        text = map_of_job(cli, id);
    else
        id = FLUX_FLUID_NONE;
    if (flux_taskmap_decode(text ? text : cli->argv[0], &map, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return print(cli, map, id);
}

const struct flux_verb verb_job_taskmap = {
    .path = "job taskmap",
    .args = "JOBID|MAP",
    .summary = "Show which node runs which task",
    .options = {options},
    .run = run,
};
