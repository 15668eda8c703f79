// SPDX-License-Identifier: LGPL-3.0-only
/* From the options of a verb to a jobspec. */
#include "submit.h"

#include <limits.h>
#include <unistd.h>

#include <flux/constraint.h>

#include <flux/signame.h>

static bool has_table(const struct cli *cli, const struct flux_option *table)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cli->verb->options); i++)
        if (cli->verb->options[i] == table)
            return true;
    return false;
}

static int count_option(const struct cli *cli, const char *name, unsigned *ret,
                        struct flux_error *err)
{
    long long n = cli_int(cli, name, 0);

    if (cli_has(cli, name) && (n <= 0 || n > INT_MAX))
        return flux_error_set(err, -EINVAL, "--%s: must be a positive number", name);
    *ret = (unsigned)n;
    return 0;
}

static int set_counts(struct flux_jobspec_request *rq, const struct cli *cli,
                      struct flux_error *err)
{
    const struct {
        const struct flux_option *table;
        const char *name;
        unsigned *to;
    } counts[] = {
        {submit_options_common, "nodes", &rq->nnodes},
        {submit_options_tasks, "ntasks", &rq->ntasks},
        {submit_options_tasks, "cores-per-task", &rq->cores_per_task},
        {submit_options_tasks, "gpus-per-task", &rq->gpus_per_task},
        {submit_options_tasks, "cores", &rq->cores},
        {submit_options_tasks, "tasks-per-node", &rq->tasks_per_node},
        {submit_options_tasks, "gpus-per-node", &rq->gpus_per_node},
        {submit_options_tasks, "tasks-per-core", &rq->tasks_per_core},
        {submit_options_slots, "nslots", &rq->ntasks},
        {submit_options_slots, "cores-per-slot", &rq->cores_per_task},
        {submit_options_slots, "gpus-per-slot", &rq->gpus_per_task},
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(counts); i++) {
        int r = has_table(cli, counts[i].table)
                    ? count_option(cli, counts[i].name, counts[i].to, err)
                    : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

/* Several --requires must all hold. */
static int set_constraints(struct submission *s, const struct cli *cli, struct flux_error *err)
{
    const char *text;
    size_t i = 0;

    while ((text = cli_next(cli, "requires", &i))) {
        json_t *one = NULL;
        int r = flux_query_parse(text, &flux_query_nodes, &one, err);

        if (r < 0)
            return flux_error_prefix(err, r, "--requires");
        s->constraints = s->constraints ? json_pack("{s:[oo]}", "and", s->constraints, one) : one;
    }
    return 0;
}

int submit_flags_parse(const char *list, unsigned *flags, struct flux_error *err)
{
    static const struct {
        const char *name;
        unsigned bit;
    } names[] = {
        {"debug", SUBMIT_DEBUG}, {"waitable", SUBMIT_WAITABLE}, {"novalidate", SUBMIT_NOVALIDATE}};

    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ","), k = 0;

        while (k < FLUX_ARRAY_SIZE(names) &&
               (strlen(names[k].name) != n || memcmp(names[k].name, p, n) != 0))
            k++;
        if (k == FLUX_ARRAY_SIZE(names))
            return flux_error_set(err, -EINVAL, "--flags: Unknown flag '%.*s'", (int)n, p);
        *flags |= names[k].bit;
        p += n + (p[n] == ',');
    }
    return 0;
}

static int set_flags(struct submission *s, const struct cli *cli, struct flux_error *err)
{
    const char *list;
    size_t i = 0;
    int r = 0;

    if (cli_has(cli, "debug"))
        s->flags |= SUBMIT_DEBUG;
    while (r == 0 && (list = cli_next(cli, "flags", &i)))
        r = submit_flags_parse(list, &s->flags, err);
    return r;
}

int submit_urgency_parse(const char *text, struct flux_error *err)
{
    char *end;
    long n;

    if (strcasecmp(text, "hold") == 0)
        return 0;
    if (strcasecmp(text, "default") == 0)
        return 16;
    if (strcasecmp(text, "expedite") == 0)
        return 31;
    n = strtol(text, &end, 10);
    if (end == text || *end || n < 0 || n > 31)
        return flux_error_set(err, -EINVAL,
                              "invalid urgency '%s': not 0-31, hold, default, "
                              "expedite",
                              text);
    return (int)n;
}

static int set_urgency(struct submission *s, const struct cli *cli, struct flux_error *err)
{
    const char *text = cli_str(cli, "urgency", NULL);
    int n = text ? submit_urgency_parse(text, err) : 0;

    if (n < 0)
        return n;
    s->urgency_plus_one = text ? (unsigned)n + 1 : 0;
    return 0;
}

static int set_cwd(struct submission *s, const struct cli *cli, struct flux_error *err)
{
    const char *dir = cli_str(cli, "cwd", NULL);

    s->cwd = dir ? flux_strdup(dir) : getcwd(NULL, 0);
    if (!s->cwd)
        return flux_error_sys(err, -errno, "working directory");
    s->request.cwd = s->cwd;
    return 0;
}

/* SCHEME[:VAL] */
static void set_taskmap(struct submission *s, const struct cli *cli)
{
    const char *text = cli_str(cli, "taskmap", NULL);
    size_t n = text ? strcspn(text, ":") : 0;

    if (text)
        json_object_set_new(
            s->options, "taskmap",
            json_pack("{s:s% s:s}", "scheme", text, n, "value", text[n] ? text + n + 1 : ""));
}

int submission_init(struct submission *s, const struct cli *cli, const char *const *command,
                    struct flux_error *err)
{
    const char *limit = cli_str(cli, "time-limit", NULL);
    int r;

    *s = (struct submission){.options = json_object(), .attributes = json_object()};
    s->request.command = command;
    while (command[s->request.ncommand])
        s->request.ncommand++;
    s->request.exclusive = cli_has(cli, "exclusive");
    s->request.queue = cli_str(cli, "queue", NULL);
    s->request.bank = cli_str(cli, "bank", NULL);
    s->request.name = cli_str(cli, "job-name", NULL);
    if (has_table(cli, submit_options_tasks))
        set_taskmap(s, cli);
    if ((r = set_counts(&s->request, cli, err)) < 0 || (r = set_urgency(s, cli, err)) < 0 ||
        (r = set_flags(s, cli, err)) < 0 || (r = set_cwd(s, cli, err)) < 0 ||
        (r = submit_environment(cli, s->options, &s->environment, err)) < 0 ||
        (r = submit_rlimits(cli, &s->rlimits, err)) < 0 ||
        (r = submit_shell_options(cli, s->options, err)) < 0 ||
        (r = submit_attributes(cli, s->attributes, err)) < 0 ||
        (r = submit_dependencies(cli, &s->dependencies, err)) < 0 ||
        (r = set_constraints(s, cli, err)) < 0 ||
        (r = limit ? submit_time_limit(limit, &s->request.duration, err) : 0) < 0)
        return r;
    s->request.environment = s->environment;
    s->request.rlimits = s->rlimits;
    s->request.shell_options = s->options;
    s->request.attributes = s->attributes;
    s->request.dependencies = s->dependencies;
    s->request.constraints = s->constraints;
    return 0;
}

void submission_done(struct submission *s)
{
    json_decref(s->environment);
    json_decref(s->rlimits);
    json_decref(s->options);
    json_decref(s->attributes);
    json_decref(s->dependencies);
    json_decref(s->constraints);
    free(s->cwd);
}

int submission_encode(const struct submission *s, char **ret, struct flux_error *err)
{
    json_t *o = NULL;
    int r = flux_jobspec_from_command(&s->request, &o, err);

    if (r < 0)
        return r;
    *ret = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return *ret ? 0 : flux_error_set(err, -EINVAL, "the jobspec has text that is not UTF-8");
}
