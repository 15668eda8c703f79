// SPDX-License-Identifier: LGPL-3.0-only
/* Version 1 jobspecs from what a command line asks for. What comes out passes the validator. */
#include <flux/jobspec.h>

struct shape {
    unsigned nnodes;
    unsigned slots;       /* per node if nnodes, else in all */
    unsigned cores, gpus; /* per slot */
    bool exclusive;
    unsigned total; /* tasks.count.total; 0: one per slot */
    const char *per_resource;
    unsigned per_count;
};

static int fail(struct flux_error *err, const char *what)
{
    return flux_error_set(err, -EINVAL, "%s", what);
}

static int check_modes(const struct flux_jobspec_request *rq, struct flux_error *err)
{
    bool by_task = rq->ntasks || rq->cores_per_task || rq->gpus_per_task;
    bool by_resource = rq->cores || rq->tasks_per_node || rq->tasks_per_core || rq->gpus_per_node;

    if (by_task && by_resource)
        return fail(err, "per-task options (--ntasks, --cores-per-task, --gpus-per-task) and "
                         "per-resource options (--cores, --tasks-per-node, --tasks-per-core, "
                         "--gpus-per-node) cannot be used together");
    if (rq->tasks_per_node && rq->tasks_per_core)
        return fail(err, "--tasks-per-node and --tasks-per-core cannot be used together");
    if (rq->ncommand == 0)
        return fail(err, "a job needs a command");
    if (rq->exclusive && !rq->nnodes)
        return fail(err, "--exclusive needs a node count (-N)");
    return 0;
}

static int shape_by_task(const struct flux_jobspec_request *rq, struct shape *sh,
                         struct flux_error *err)
{
    unsigned ntasks = rq->ntasks ? rq->ntasks : rq->nnodes ? rq->nnodes : 1;

    sh->cores = rq->cores_per_task ? rq->cores_per_task : 1;
    sh->gpus = rq->gpus_per_task;
    sh->nnodes = rq->nnodes;
    sh->exclusive = rq->exclusive;
    sh->slots = ntasks;
    if (rq->nnodes == 0)
        return 0;
    if (rq->nnodes > ntasks)
        return fail(err, "node count must not be greater than task count");
    /* nodes alone: whole nodes */
    if (!rq->ntasks)
        sh->exclusive = true;
    sh->slots = ntasks / rq->nnodes + (ntasks % rq->nnodes != 0);
    if (ntasks % rq->nnodes)
        sh->total = ntasks;
    return 0;
}

static int shape_by_resource(const struct flux_jobspec_request *rq, struct shape *sh,
                             struct flux_error *err)
{
    sh->nnodes = rq->nnodes;
    sh->gpus = rq->gpus_per_node;
    sh->cores = 1;
    sh->slots = 1;
    sh->exclusive = rq->exclusive;
    if (rq->gpus_per_node && !rq->nnodes)
        return fail(err, "--gpus-per-node needs a node count (-N)");
    if (rq->nnodes && rq->cores) {
        if (rq->cores < rq->nnodes)
            return fail(err, "number of cores cannot be less than nnodes");
        if (rq->cores % rq->nnodes)
            return fail(err, "number of cores must be evenly divisible by node count");
        sh->cores = rq->cores / rq->nnodes;
    } else if (rq->nnodes)
        sh->exclusive = true;
    else if (rq->cores)
        sh->slots = rq->cores;
    else
        return fail(err, "--tasks-per-node and --tasks-per-core need a node (-N) or core count "
                         "(--cores)");
    return 0;
}

static void per_resource(const struct flux_jobspec_request *rq, struct shape *sh)
{
    if (rq->instance || rq->tasks_per_node) {
        sh->per_resource = "node";
        sh->per_count = rq->tasks_per_node ? rq->tasks_per_node : 1;
    } else if (rq->tasks_per_core || rq->cores) {
        sh->per_resource = "core";
        sh->per_count = rq->tasks_per_core ? rq->tasks_per_core : 1;
    }
}

static json_t *make_resources(const struct shape *sh)
{
    json_t *with = json_array(), *top;

    json_array_append_new(with,
                          json_pack("{s:s s:I}", "type", "core", "count", (json_int_t)sh->cores));
    if (sh->gpus)
        json_array_append_new(with,
                              json_pack("{s:s s:I}", "type", "gpu", "count", (json_int_t)sh->gpus));
    top = json_pack("{s:s s:I s:o s:s}", "type", "slot", "count", (json_int_t)sh->slots, "with",
                    with, "label", FLUX_JOBSPEC_SLOT_LABEL);
    if (sh->nnodes) {
        top = json_pack("{s:s s:I s:[o]}", "type", "node", "count", (json_int_t)sh->nnodes, "with",
                        top);
        if (sh->exclusive)
            json_object_set_new(top, "exclusive", json_true());
    }
    return json_pack("[o]", top);
}

static int make_tasks(const struct flux_jobspec_request *rq, const struct shape *sh, json_t **ret,
                      struct flux_error *err)
{
    json_t *command = json_array();
    json_t *count = sh->total ? json_pack("{s:I}", "total", (json_int_t)sh->total)
                              : json_pack("{s:i}", "per_slot", 1);

    for (size_t i = 0; i < rq->ncommand; i++) {
        if (json_array_append_new(command, json_string(rq->command[i])) < 0) {
            json_decref(command);
            json_decref(count);
            return flux_error_set(err, -EINVAL, "argument %zu of the command is not UTF-8", i);
        }
    }
    *ret = json_pack("[{s:o s:s s:o}]", "command", command, "slot", FLUX_JOBSPEC_SLOT_LABEL,
                     "count", count);
    return 0;
}

/* Set attributes.system.KEY unless the value is NULL; takes the reference. */
static int set_new(json_t *o, const char *key, json_t *value, struct flux_error *err)
{
    FLUX_AUTO_STR path = flux_printf("attributes.system.%s", key);
    int r = value ? flux_jobspec_set(o, path, value, err) : 0;

    json_decref(value);
    return r;
}

static int set_string(json_t *o, const char *key, const char *s, struct flux_error *err)
{
    json_t *value = s ? json_string(s) : NULL;

    if (s && !value)
        return flux_error_set(err, -EINVAL, "%s: is not UTF-8", key);
    return set_new(o, key, value, err);
}

static int set_copy(json_t *o, const char *key, const json_t *value, struct flux_error *err)
{
    return set_new(o, key, value ? json_deep_copy(value) : NULL, err);
}

/* Limits that an option of the shell names win over those that are passed on. */
static void add_limits(json_t *options, const json_t *passed)
{
    json_t *named = json_object_get(options, "rlimit");

    if (!named)
        json_object_set_new(options, "rlimit", json_deep_copy(passed));
    else
        json_object_update_missing(named, (json_t *)passed);
}

static int set_shell_options(json_t *o, const struct flux_jobspec_request *rq,
                             const struct shape *sh, struct flux_error *err)
{
    json_t *options = rq->shell_options ? json_deep_copy(rq->shell_options) : json_object();

    if (rq->rlimits)
        add_limits(options, rq->rlimits);
    if (sh->per_resource)
        json_object_set_new(
            options, "per-resource",
            json_pack("{s:s s:I}", "type", sh->per_resource, "count", (json_int_t)sh->per_count));
    if (json_object_size(options) == 0) {
        json_decref(options);
        return 0;
    }
    return set_new(o, "shell.options", options, err);
}

static int set_extra(json_t *o, const json_t *attributes, struct flux_error *err)
{
    const char *key;
    json_t *v;
    int r;

    json_object_foreach ((json_t *)attributes, key, v) {
        FLUX_AUTO_STR path = flux_printf("attributes.%s", key);
        json_t *copy = json_deep_copy(v);

        r = flux_jobspec_set(o, path, copy, err);
        json_decref(copy);
        if (r < 0)
            return r;
    }
    return 0;
}

static int set_attributes(json_t *o, const struct flux_jobspec_request *rq, const struct shape *sh,
                          struct flux_error *err)
{
    int r;

    if ((r = set_new(o, "duration", json_real(rq->duration), err)) < 0 ||
        (r = set_string(o, "queue", rq->queue, err)) < 0 ||
        (r = set_string(o, "bank", rq->bank, err)) < 0 ||
        (r = set_string(o, "cwd", rq->cwd, err)) < 0 ||
        (r = set_string(o, "job.name", rq->name, err)) < 0 ||
        (r = set_copy(o, "environment", rq->environment, err)) < 0 ||
        (r = set_copy(o, "constraints", rq->constraints, err)) < 0 ||
        (r = set_copy(o, "dependencies", rq->dependencies, err)) < 0 ||
        (r = set_shell_options(o, rq, sh, err)) < 0)
        return r;
    return set_extra(o, rq->attributes, err);
}

int flux_jobspec_from_command(const struct flux_jobspec_request *rq, json_t **ret,
                              struct flux_error *err)
{
    bool by_resource = rq->cores || rq->tasks_per_node || rq->tasks_per_core || rq->gpus_per_node;
    struct shape sh = {0};
    json_t *o, *tasks = NULL;
    int r;

    r = check_modes(rq, err);
    if (r == 0)
        r = by_resource ? shape_by_resource(rq, &sh, err) : shape_by_task(rq, &sh, err);
    if (r < 0)
        return r;
    per_resource(rq, &sh);
    r = make_tasks(rq, &sh, &tasks, err);
    if (r < 0)
        return r;
    o = json_pack("{s:i s:o s:o s:{s:{}}}", "version", 1, "resources", make_resources(&sh), "tasks",
                  tasks, "attributes", "system");
    r = set_attributes(o, rq, &sh, err);
    if (r == 0)
        r = flux_jobspec_validate(o, FLUX_JOBSPEC_V1, err);
    if (r < 0)
        json_decref(o);
    else
        *ret = o;
    return r;
}
