// SPDX-License-Identifier: LGPL-3.0-only
/* The compact view of a jobspec, taken once from a document that has been validated. */
#include <flux/jobspec.h>

#include <stdio.h>

#define PATH_PART_MAX 16

void flux_jobspec_free(struct flux_jobspec *js)
{
    if (!js)
        return;
    json_decref(js->json);
    flux_count_free(js->node_count);
    flux_count_free(js->slot_count);
    free(js->beyond);
    free(js);
}

/* ---- resources */

static const char *type_of(const json_t *vertex)
{
    const char *type = json_string_value(json_object_get(vertex, "type"));

    return type ? type : "";
}

static bool is_type(const json_t *vertex, const char *type)
{
    return strcmp(type_of(vertex), type) == 0;
}

/* Smallest value of a vertex's count; *flex is set when there are others. */
static unsigned least(const json_t *vertex, struct flux_count **flex)
{
    const json_t *v = json_object_get(vertex, "count");
    FLUX_AUTO(count) c = NULL;
    unsigned min;

    if (json_is_integer(v))
        return json_integer_value(v);
    if (flux_count_from_json(v, &c, NULL) < 0)
        return 0;
    min = c->min;
    if (c->kind != FLUX_COUNT_INTEGER && flex)
        *flex = FLUX_GIVE(c);
    return min;
}

static int beyond(struct flux_jobspec *js, const char *what, const json_t *vertex)
{
    free(js->beyond);
    js->beyond = flux_printf("%s '%s'", what, type_of(vertex));
    return -1;
}

/* The resources of one slot: cores and gpus, each at most once. */
static int take_contents(struct flux_jobspec *js, const json_t *with)
{
    size_t i;
    json_t *v;

    json_array_foreach ((json_t *)with, i, v) {
        struct flux_count *flex = NULL;
        unsigned n = least(v, &flex);

        /* within a slot the smallest count does: what a flexible one offers above it is optional */
        flux_count_free(flex);
        if (json_array_size(json_object_get(v, "with")) > 0)
            return beyond(js, "resources within", v);
        if (is_type(v, "core") && js->cores_per_slot == 0)
            js->cores_per_slot = n;
        else if (is_type(v, "gpu") && js->gpus_per_slot == 0)
            js->gpus_per_slot = n;
        else
            return beyond(js, "resource type", v);
    }
    return 0;
}

/* slot > core, gpu */
static int take_slot(struct flux_jobspec *js, const json_t *slot, struct flux_count **flex,
                     unsigned *count)
{
    *count = least(slot, flex);
    return take_contents(js, json_object_get(slot, "with"));
}

static int take_node(struct flux_jobspec *js, const json_t *node)
{
    const json_t *with = json_object_get(node, "with"), *slot = json_array_get(with, 0);
    struct flux_count *flex = NULL;
    int r;

    if (json_array_size(with) != 1 || !is_type(slot, "slot"))
        return beyond(js, "other than one slot within", node);
    js->nnodes = least(node, &js->node_count);
    js->exclusive = json_is_true(json_object_get(node, "exclusive"));
    r = take_slot(js, slot, &flex, &js->slots_per_node);
    if (flex) {
        flux_count_free(flex);
        return beyond(js, "a flexible count of", slot);
    }
    return r;
}

/* slot > node: a slot and what is below it is exclusive unless it says otherwise (RFC 14). */
static int take_slot_of_node(struct flux_jobspec *js, const json_t *slot, const json_t *node)
{
    if (least(node, NULL) != 1 || json_array_size(json_object_get(slot, "with")) != 1)
        return beyond(js, "other than one node within", slot);
    js->nnodes = least(slot, &js->node_count);
    js->slots_per_node = 1;
    js->exclusive = !json_is_false(json_object_get(node, "exclusive"));
    if (!js->exclusive && json_array_size(json_object_get(node, "with")) == 0)
        return beyond(js, "nothing asked for of a shared", node);
    return take_contents(js, json_object_get(node, "with"));
}

static void take_resources(struct flux_jobspec *js)
{
    const json_t *array = json_object_get(js->json, "resources");
    const json_t *top = json_array_get(array, 0);
    const json_t *inner = json_array_get(json_object_get(top, "with"), 0);
    int r;

    if (json_array_size(array) != 1)
        r = beyond(js, "more resources beside", top);
    else if (is_type(top, "node"))
        r = take_node(js, top);
    else if (is_type(top, "slot") && is_type(inner, "node"))
        r = take_slot_of_node(js, top, inner);
    else if (is_type(top, "slot"))
        r = take_slot(js, top, &js->slot_count, &js->nslots);
    else
        r = beyond(js, "resource type", top);
    if (r == 0 && js->cores_per_slot == 0 && !js->exclusive)
        beyond(js, "no core within", top);
}

/* Products of counts from outside: bounded before anyone multiplies again. */
static int check_totals(struct flux_jobspec *js, struct flux_error *err)
{
    uint64_t nslots = js->nnodes ? (uint64_t)js->nnodes * js->slots_per_node : js->nslots;
    uint64_t per = js->cores_per_slot > js->gpus_per_slot ? js->cores_per_slot : js->gpus_per_slot;

    if (nslots > FLUX_JOBSPEC_COUNT_MAX || (per && nslots > (uint64_t)FLUX_JOBSPEC_COUNT_MAX / per))
        return flux_error_set(err, -EINVAL, "jobspec: resources: more than %u in all",
                              FLUX_JOBSPEC_COUNT_MAX);
    js->nslots = nslots;
    return 0;
}

/* ---- tasks */

static void per_resource(struct flux_jobspec *js, const json_t *per)
{
    const json_t *count = json_object_get(per, "count");

    js->task_mode = FLUX_TASKS_PER_RESOURCE;
    js->task_resource = type_of(per);
    js->task_count = count ? json_integer_value(count) : 1;
}

static uint64_t count_tasks(const struct flux_jobspec *js)
{
    if (js->task_mode == FLUX_TASKS_TOTAL)
        return js->task_count;
    if (js->task_mode == FLUX_TASKS_PER_SLOT || strcmp(js->task_resource, "slot") == 0)
        return (uint64_t)js->nslots * js->task_count;
    if (strcmp(js->task_resource, "node") == 0)
        return (uint64_t)js->nnodes * js->task_count;
    if (strcmp(js->task_resource, "core") == 0 && !js->exclusive)
        return (uint64_t)js->nslots * js->cores_per_slot * js->task_count;
    return 0;
}

static int take_tasks(struct flux_jobspec *js, struct flux_error *err)
{
    const json_t *task = json_array_get(json_object_get(js->json, "tasks"), 0);
    const json_t *count = json_object_get(task, "count"), *v;
    const json_t *per = json_object_get(js->shell_options, "per-resource");
    uint64_t n;

    js->command = json_object_get(task, "command");
    if (per)
        per_resource(js, per);
    else if ((v = json_object_get(count, "per_resource")))
        per_resource(js, v);
    else if ((v = json_object_get(count, "total"))) {
        js->task_mode = FLUX_TASKS_TOTAL;
        js->task_count = json_integer_value(v);
    } else {
        js->task_mode = FLUX_TASKS_PER_SLOT;
        js->task_count = json_integer_value(json_object_get(count, "per_slot"));
    }
    n = count_tasks(js);
    if (n > FLUX_JOBSPEC_COUNT_MAX)
        return flux_error_set(err, -EINVAL, "jobspec: tasks[0].count: more than %u tasks",
                              FLUX_JOBSPEC_COUNT_MAX);
    js->ntasks = n;
    return 0;
}

/* ---- attributes */

static const char *string_at(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static void take_attributes(struct flux_jobspec *js)
{
    const json_t *sys = json_object_get(json_object_get(js->json, "attributes"), "system");

    js->attributes = sys;
    js->duration = json_number_value(json_object_get(sys, "duration"));
    js->queue = string_at(sys, "queue");
    js->bank = string_at(sys, "bank");
    js->project = string_at(sys, "project");
    js->cwd = string_at(sys, "cwd");
    js->name = string_at(json_object_get(sys, "job"), "name");
    js->environment = json_object_get(sys, "environment");
    js->constraints = json_object_get(sys, "constraints");
    js->dependencies = json_object_get(sys, "dependencies");
    js->shell_options = json_object_get(json_object_get(sys, "shell"), "options");
}

static void take_name(struct flux_jobspec *js)
{
    const char *slash;

    if (js->name)
        return;
    js->name = json_string_value(json_array_get(js->command, 0));
    slash = js->name ? strrchr(js->name, '/') : NULL;
    if (slash && slash[1])
        js->name = slash + 1;
}

int flux_jobspec_from_json(json_t *o, struct flux_jobspec **ret, struct flux_error *err)
{
    bool v1 = json_integer_value(json_object_get(o, "version")) == 1;
    int r = flux_jobspec_validate(o, v1 ? FLUX_JOBSPEC_V1 : FLUX_JOBSPEC_CANONICAL, err);

    return r < 0 ? r : flux_jobspec_view(o, ret, err);
}

int flux_jobspec_view(json_t *o, struct flux_jobspec **ret, struct flux_error *err)
{
    FLUX_AUTO(jobspec) js = flux_alloc(sizeof(*js));
    int r;

    js->json = json_incref(o);
    js->version = json_integer_value(json_object_get(o, "version"));
    take_resources(js);
    r = check_totals(js, err);
    if (r < 0)
        return r;
    take_attributes(js);
    r = take_tasks(js, err);
    if (r < 0)
        return r;
    take_name(js);
    *ret = FLUX_GIVE(js);
    return 0;
}

int flux_jobspec_decode(const char *text, size_t len, struct flux_jobspec **ret,
                        struct flux_error *err)
{
    json_t *o;
    int r = flux_jobspec_parse(text, len, &o, err);

    if (r < 0)
        return r;
    r = flux_jobspec_from_json(o, ret, err);
    json_decref(o);
    return r;
}

char *flux_jobspec_encode(const struct flux_jobspec *js)
{
    return json_dumps(js->json, JSON_COMPACT);
}

/* ---- paths */

/* The next part of a dotted path; false: empty, or too long. */
static bool next_part(const char **path, char *part, size_t size)
{
    size_t n = strcspn(*path, ".");

    if (n == 0 || n >= size)
        return false;
    memcpy(part, *path, n);
    part[n] = '\0';
    *path += n;
    return true;
}

json_t *flux_jobspec_get(const json_t *o, const char *path)
{
    char part[256];
    const json_t *at = o;

    while (at) {
        if (!next_part(&path, part, sizeof(part)))
            return NULL;
        at = json_object_get(at, part);
        if (*path == '\0')
            break;
        path++;
    }
    return (json_t *)at;
}

int flux_jobspec_set(json_t *o, const char *path, json_t *value, struct flux_error *err)
{
    const char *p = path;
    char part[256];
    json_t *at = o;

    for (int depth = 0; depth < PATH_PART_MAX; depth++) {
        json_t *next;

        if (!next_part(&p, part, sizeof(part)))
            break;
        if (*p == '\0')
            return json_object_set(at, part, value) < 0
                       ? flux_error_set(err, -EINVAL, "jobspec: %s: cannot be set", path)
                       : 0;
        p++;
        next = json_object_get(at, part);
        if (!next) {
            next = json_object();
            json_object_set_new(at, part, next);
        }
        if (!json_is_object(next))
            return flux_error_set(err, -EINVAL, "jobspec: %s: '%s' is not an object", path, part);
        at = next;
    }
    return flux_error_set(err, -EINVAL, "jobspec: '%.64s' is not a path", path);
}

static void remove_at(json_t *o, const char *path)
{
    const char *last = strrchr(path, '.');
    FLUX_AUTO_STR parent = NULL;

    if (!last)
        return;
    parent = flux_strndup(path, last - path);
    json_object_del(flux_jobspec_get(o, parent), last + 1);
}

int flux_jobspec_update(struct flux_jobspec *js, const char *path, json_t *value,
                        struct flux_error *err)
{
    FLUX_AUTO(jobspec) updated = NULL;
    json_t *copy;
    int r = 0;

    if (strncmp(path, "attributes.", 11) != 0)
        return flux_error_set(err, -EINVAL, "jobspec: '%.64s': only attributes can be updated",
                              path);
    copy = json_deep_copy(js->json);
    if (json_is_null(value))
        remove_at(copy, path);
    else
        r = flux_jobspec_set(copy, path, value, err);
    if (r == 0)
        r = flux_jobspec_from_json(copy, &updated, err);
    json_decref(copy);
    if (r == 0) {
        struct flux_jobspec old = *js;

        *js = *updated;
        *updated = old;
    }
    return r;
}
