// SPDX-License-Identifier: LGPL-3.0-only
/* flux job taskmap: which node runs which task, of a job or of a map (RFC 34). */
#include "jobargs.h"

#include <flux/fluid.h>
#include <flux/hostlist.h>
#include <flux/layout.h>
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

/* What the shells do: the map follows from jobspec and R. */
static struct flux_taskmap *lay_out(const flux_job_info_lookup_response *out,
                                    struct flux_error *err)
{
    FLUX_AUTO_STR jobspec = flux_strndup((char *)out->values[0].data, out->values[0].len);
    FLUX_AUTO_STR resources = flux_strndup((char *)out->values[1].data, out->values[1].len);
    FLUX_AUTO(jobspec) js = NULL;
    FLUX_AUTO(rset) r = NULL;
    struct flux_taskmap *map = NULL;

    if (flux_jobspec_decode(jobspec, strlen(jobspec), &js, err) < 0 ||
        flux_rset_decode(resources, &r, err) < 0 || flux_layout_taskmap(js, r, &map, err) < 0)
        return NULL;
    return map;
}

static char *map_of_job(struct cli *cli, uint64_t id)
{
    static const char *keys[] = {"jobspec", "R"};
    flux_job_info_lookup_request in = FLUX_JOB_INFO_LOOKUP_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_job_info_lookup_response) out = NULL;
    FLUX_AUTO(taskmap) map = NULL;
    struct flux_error err = {""};

    in.id = id;
    in.keys = keys;
    in.n_keys = FLUX_ARRAY_SIZE(keys);
    in.current = true;
    if (flux_job_info_lookup(cli_handle(cli), FLUX_ANY, &in, &out, &err) == 0 &&
        out->n_values == FLUX_ARRAY_SIZE(keys))
        map = lay_out(out, &err);
    if (!map)
        cli_die(cli, "%s: %s", flux_fluid_f58(id), err.text);
    return flux_taskmap_encode(map, FLUX_TASKMAP_JSON);
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
