// SPDX-License-Identifier: LGPL-3.0-only
/* flux job taskmap: which node of a job runs which task, from its jobspec and R as the shells have
 * it; or another form of a given map. */
#include "jobargs.h"

#include <flux/layout.h>
#include <flux/v1/job_info.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"taskids", 0, OPT_INT, "NODEID", "Print the tasks of a node"},
    {"ntasks", 0, OPT_INT, "NODEID", "Print the number of tasks of a node"},
    {"nodeid", 0, OPT_INT, "TASKID", "Print the node of a task"},
    {"hostname", 0, OPT_INT, "TASKID", "Print the host of a task"},
    {"to", 0, OPT_STR, "FORM", "json (RFC 34, the default), raw, pmi, multiline or hosts"},
    {NULL},
};

struct subject {
    struct flux_taskmap *map;
    struct flux_rset *r; /* NULL for a map that was given */
};

static int from_documents(const flux_job_info_lookup_response *out, struct subject *s,
                          struct flux_error *err)
{
    FLUX_AUTO_STR jobspec = flux_strndup((char *)out->values[0].data, out->values[0].len);
    FLUX_AUTO_STR r = flux_strndup((char *)out->values[1].data, out->values[1].len);
    FLUX_AUTO(jobspec) js = NULL;
    int rc = flux_jobspec_decode(jobspec, strlen(jobspec), &js, err);

    if (rc < 0)
        return rc;
    rc = flux_rset_decode(r, &s->r, err);
    return rc < 0 ? rc : flux_layout_taskmap(js, s->r, &s->map, err);
}

static int look_up(struct cli *cli, uint64_t id, struct subject *s, struct flux_error *err)
{
    static const char *keys[] = {"jobspec", "R"};
    flux_job_info_lookup_request in = FLUX_JOB_INFO_LOOKUP_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_job_info_lookup_response) out = NULL;
    int r;

    in.id = id;
    in.keys = keys;
    in.n_keys = FLUX_ARRAY_SIZE(keys);
    in.current = true;
    r = flux_job_info_lookup(cli_handle(cli), FLUX_ANY, &in, &out, err);
    if (r < 0)
        return r;
    if (out->n_values != FLUX_ARRAY_SIZE(keys) || !out->values[1].len)
        return flux_error_set(err, -ENOENT, "the job has no resources yet");
    return from_documents(out, s, err);
}

/* An argument that begins like a map is one: no job id does. */
static int find(struct cli *cli, const char *arg, struct subject *s, struct flux_error *err)
{
    if (strchr("[{(", arg[0]) || strchr(arg, ';'))
        return flux_taskmap_decode(arg, &s->map, err);
    return look_up(cli, cli_jobid(cli, arg), s, err);
}

static char *host_of(const struct subject *s, unsigned task, struct flux_error *err)
{
    int node = flux_taskmap_node(s->map, task);
    struct flux_rset_node n;

    if (node < 0)
        flux_error_set(err, -ENOENT, "no such task: %u", task);
    else if (!s->r || !flux_rset_node(s->r, node, &n))
        flux_error_set(err, -EINVAL, "host names take a JOBID");
    else
        return flux_strdup(n.host);
    return NULL;
}

static char *all_hosts(const struct subject *s, struct flux_error *err)
{
    FLUX_AUTO(hostlist) hosts = flux_hostlist_new();

    for (unsigned i = 0; i < flux_taskmap_ntasks(s->map); i++) {
        FLUX_AUTO_STR host = host_of(s, i, err);

        if (!host)
            return NULL;
        flux_hostlist_append_host(hosts, host);
    }
    return flux_hostlist_encode(hosts);
}

static char *convert(const struct subject *s, const char *to, struct flux_error *err)
{
    if (!to || !strcmp(to, "json"))
        return flux_taskmap_encode(s->map, FLUX_TASKMAP_JSON);
    if (!strcmp(to, "raw"))
        return flux_taskmap_encode(s->map, FLUX_TASKMAP_RAW);
    if (!strcmp(to, "pmi"))
        return flux_taskmap_encode(s->map, FLUX_TASKMAP_PMI);
    if (!strcmp(to, "multiline"))
        return flux_taskmap_encode(s->map, FLUX_TASKMAP_MULTILINE);
    if (!strcmp(to, "hosts"))
        return all_hosts(s, err);
    flux_error_set(err, -EINVAL, "invalid value --to=%s", to);
    return NULL;
}

static char *node_of(const struct subject *s, unsigned task, struct flux_error *err)
{
    int node = flux_taskmap_node(s->map, task);

    if (node < 0)
        flux_error_set(err, -ENOENT, "no such task: %u", task);
    return node < 0 ? NULL : flux_printf("%d", node);
}

static char *tasks_of(const struct subject *s, unsigned node)
{
    FLUX_AUTO(idset) tasks = flux_taskmap_tasks(s->map, node);

    return flux_idset_encode(tasks, FLUX_IDSET_RANGE);
}

static char *answer(struct cli *cli, const struct subject *s, struct flux_error *err)
{
    if (cli_has(cli, "taskids"))
        return tasks_of(s, cli_int(cli, "taskids", 0));
    if (cli_has(cli, "ntasks"))
        return flux_printf("%u", flux_taskmap_ntasks_on(s->map, cli_int(cli, "ntasks", 0)));
    if (cli_has(cli, "nodeid"))
        return node_of(s, cli_int(cli, "nodeid", 0), err);
    if (cli_has(cli, "hostname"))
        return host_of(s, cli_int(cli, "hostname", 0), err);
    return convert(s, cli_str(cli, "to", NULL), err);
}

static int run(struct cli *cli)
{
    struct flux_error err = {""};
    struct subject s = {NULL, NULL};
    FLUX_AUTO_STR text = NULL;

    if (cli->argc != 1)
        return cli_misused(cli, "expected one JOBID or task map");
    if (find(cli, cli->argv[0], &s, &err) == 0)
        text = answer(cli, &s, &err);
    flux_taskmap_free(s.map);
    flux_rset_free(s.r);
    if (!text)
        return cli_fail(cli, "%s", err.text);
    fputs(text, stdout);
    if (!*text || text[strlen(text) - 1] != '\n')
        putchar('\n');
    return 0;
}

const struct flux_verb verb_job_taskmap = {
    .path = "job taskmap",
    .args = "JOBID|TASKMAP",
    .summary = "Print which node runs which task",
    .options = {options},
    .run = run,
};
