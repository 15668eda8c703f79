// SPDX-License-Identifier: LGPL-3.0-only
/* The jobspec validator: RFC 14, and RFC 25 for version 1. The first fault found is reported with
 * the path of its field. */
#include <flux/jobspec.h>

#include <flux/constraint.h>

#include <math.h>
#include <stdio.h>

#define DEPTH_MAX 16    /* levels of `with` */
#define VERTEX_MAX 1024 /* vertices in all */
#define TASK_MAX 1024
#define COMMAND_MAX 65536 /* arguments */

struct check {
    enum flux_jobspec_rules rules;
    struct flux_error *err;
    unsigned vertices;
    unsigned depth;
    json_t *labels; /* of the slots seen, as keys */
    size_t len;
    char path[200];
};

static int fail(struct check *ck, const char *what)
{
    return flux_error_set(ck->err, -EINVAL, "jobspec: %s%s%s", ck->path, *ck->path ? ": " : "",
                          what);
}

/* Step into a member; leave() with the returned length. Too long a path is cut, which is harmless:
 * it only names a place. */
static size_t enter(struct check *ck, const char *key)
{
    size_t old = ck->len;

    snprintf(ck->path + old, sizeof(ck->path) - old, "%s%s", old ? "." : "", key);
    ck->len = strlen(ck->path);
    return old;
}

static size_t enter_index(struct check *ck, size_t i)
{
    size_t old = ck->len;

    snprintf(ck->path + old, sizeof(ck->path) - old, "[%zu]", i);
    ck->len = strlen(ck->path);
    return old;
}

static void leave(struct check *ck, size_t old)
{
    ck->len = old;
    ck->path[old] = '\0';
}

/* Fault in the member `key` of the present place. The place is left there: we are done. */
static int fail_at(struct check *ck, const char *key, const char *what)
{
    enter(ck, key);
    return fail(ck, what);
}

static bool positive(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) > 0 &&
           json_integer_value(v) <= (json_int_t)FLUX_COUNT_MAX;
}

static int only_keys(struct check *ck, const json_t *o, const char *const *allowed)
{
    const char *key;
    json_t *v;

    json_object_foreach ((json_t *)o, key, v) {
        const char *const *k = allowed;

        while (*k && strcmp(*k, key) != 0)
            k++;
        if (!*k)
            return fail_at(ck, key, "unknown key");
    }
    return 0;
}

/* The jobspec forms of a count; operand and operator only together, and with max (RFC 14). */
static int check_count(struct check *ck, const json_t *vertex)
{
    const json_t *v = json_object_get(vertex, "count");
    const char *type = json_string_value(json_object_get(vertex, "type"));
    FLUX_AUTO(count) c = NULL;
    struct flux_error e;

    if (!v)
        return fail_at(ck, "count", "is missing");
    if (json_is_object(v)) {
        bool operand = json_object_get(v, "operand"), op = json_object_get(v, "operator");

        if (operand != op)
            return fail_at(ck, "count", "operator and operand must be given together");
        if (operand && !json_object_get(v, "max"))
            return fail_at(ck, "count", "operator and operand need max");
    }
    if (ck->rules == FLUX_JOBSPEC_V1 && json_is_integer(v) && json_integer_value(v) == 0 &&
        strcmp(type, "gpu") == 0)
        return 0;
    if (flux_count_from_json(v, &c, &e) < 0)
        return fail_at(ck, "count", strncmp(e.text, "count: ", 7) == 0 ? e.text + 7 : e.text);
    return 0;
}

static int check_vertices(struct check *ck, const json_t *array, const char *parent);

static int check_label(struct check *ck, const json_t *vertex, bool slot)
{
    const json_t *label = json_object_get(vertex, "label");

    if (!label)
        return slot ? fail_at(ck, "label", "is missing (a slot needs one)") : 0;
    if (!json_is_string(label))
        return fail_at(ck, "label", "must be a string");
    if (!slot)
        return 0;
    if (json_object_get(ck->labels, json_string_value(label)))
        return fail_at(ck, "label", "is used by another slot");
    json_object_set_new(ck->labels, json_string_value(label), json_true());
    return 0;
}

static int check_scalars(struct check *ck, const json_t *vertex)
{
    static const char *const strings[] = {"id", "unit"};
    const json_t *v = json_object_get(vertex, "exclusive");

    if (v && !json_is_boolean(v))
        return fail_at(ck, "exclusive", "must be true or false");
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(strings); i++) {
        v = json_object_get(vertex, strings[i]);
        if (v && !json_is_string(v))
            return fail_at(ck, strings[i], "must be a string");
    }
    return 0;
}

/* RFC 25: node > slot > core [gpu], or slot > core [gpu]. */
static int check_v1_shape(struct check *ck, const json_t *vertex, const char *parent)
{
    const char *type = json_string_value(json_object_get(vertex, "type"));
    size_t n = json_array_size(json_object_get(vertex, "with"));
    bool node = strcmp(type, "node") == 0, slot = strcmp(type, "slot") == 0;

    if (!parent && !node && !slot)
        return fail_at(ck, "type", "must be node or slot in version 1");
    if (parent && strcmp(parent, "node") == 0 && !slot)
        return fail_at(ck, "type", "must be slot within a node in version 1");
    if (parent && strcmp(parent, "slot") == 0 && strcmp(type, "core") != 0 &&
        strcmp(type, "gpu") != 0)
        return fail_at(ck, "type", "must be core or gpu within a slot in version 1");
    if (node && n != 1)
        return fail_at(ck, "with", "must hold one slot in version 1");
    if (slot && (n < 1 || n > 2))
        return fail_at(ck, "with", "must hold a core and at most one gpu in version 1");
    if (!node && !slot && json_object_get(vertex, "with"))
        return fail_at(ck, "with", "must not be here in version 1");
    return 0;
}

static int check_vertex(struct check *ck, const json_t *vertex, const char *parent)
{
    static const char *const keys[] = {"type", "count", "exclusive", "with",
                                       "id",   "unit",  "label",     NULL};
    const json_t *with = json_object_get(vertex, "with");
    const char *type = json_string_value(json_object_get(vertex, "type"));
    int r;

    if (!json_is_object(vertex))
        return fail(ck, "must be an object");
    if (++ck->vertices > VERTEX_MAX)
        return fail(ck, "too many resources");
    if (!type)
        return fail_at(ck, "type",
                       json_object_get(vertex, "type") ? "must be a string" : "is missing");
    if ((r = check_count(ck, vertex)) < 0 || (r = check_scalars(ck, vertex)) < 0 ||
        (r = check_label(ck, vertex, strcmp(type, "slot") == 0)) < 0 ||
        (r = only_keys(ck, vertex, keys)) < 0)
        return r;
    if (with && !json_is_array(with))
        return fail_at(ck, "with", "must be an array");
    if (ck->rules == FLUX_JOBSPEC_V1 && (r = check_v1_shape(ck, vertex, parent)) < 0)
        return r;
    if (with) {
        size_t old = enter(ck, "with");
        r = check_vertices(ck, with, type);
        if (r < 0)
            return r;
        leave(ck, old);
    }
    return 0;
}

static int check_one_of_each(struct check *ck, const json_t *array)
{
    const char *a = json_string_value(json_object_get(json_array_get(array, 0), "type"));
    const char *b = json_string_value(json_object_get(json_array_get(array, 1), "type"));

    if (b && strcmp(a, b) == 0)
        return fail(ck, "must hold a core and at most one gpu in version 1");
    if (!b && strcmp(a, "gpu") == 0)
        return fail(ck, "must hold a core in version 1");
    return 0;
}

static int check_vertices(struct check *ck, const json_t *array, const char *parent)
{
    size_t i;
    json_t *v;
    int r;

    if (++ck->depth > DEPTH_MAX)
        return fail(ck, "nested too deeply");
    json_array_foreach ((json_t *)array, i, v) {
        size_t old = enter_index(ck, i);
        r = check_vertex(ck, v, parent);
        if (r < 0)
            return r;
        leave(ck, old);
    }
    ck->depth--;
    if (ck->rules == FLUX_JOBSPEC_V1 && parent && strcmp(parent, "slot") == 0)
        return check_one_of_each(ck, array);
    return 0;
}

static int check_resources(struct check *ck, const json_t *o)
{
    const json_t *v = json_object_get(o, "resources");
    size_t n = json_array_size(v), old;
    int r;

    if (!v)
        return fail_at(ck, "resources", "is missing");
    if (!json_is_array(v) || n == 0)
        return fail_at(ck, "resources", "must be an array, not empty");
    if (ck->rules == FLUX_JOBSPEC_V1 && n != 1)
        return fail_at(ck, "resources", "must hold one resource in version 1");
    old = enter(ck, "resources");
    r = check_vertices(ck, v, NULL);
    if (r == 0)
        leave(ck, old);
    return r;
}

static int check_task_count(struct check *ck, const json_t *task)
{
    const json_t *count = json_object_get(task, "count"), *v;

    if (!count)
        return fail_at(ck, "count", "is missing");
    enter(ck, "count");
    if (!json_is_object(count) || json_object_size(count) != 1)
        return fail(ck, "must be an object with one of per_slot, total, per_resource");
    if ((v = json_object_get(count, "per_slot"))) {
        if (!positive(v))
            return fail_at(ck, "per_slot", "must be a positive integer");
        if (ck->rules == FLUX_JOBSPEC_V1 && json_integer_value(v) != 1)
            return fail_at(ck, "per_slot", "must be 1 in version 1");
    } else if ((v = json_object_get(count, "total"))) {
        if (!positive(v))
            return fail_at(ck, "total", "must be a positive integer");
    } else if ((v = json_object_get(count, "per_resource"))) {
        if (ck->rules == FLUX_JOBSPEC_V1)
            return fail_at(ck, "per_resource", "is not part of version 1");
        if (!json_is_string(json_object_get(v, "type")))
            return fail_at(ck, "per_resource", "type must be a string");
        if (!positive(json_object_get(v, "count")))
            return fail_at(ck, "per_resource", "count must be a positive integer");
    } else
        return fail(ck, "must have one of per_slot, total, per_resource");
    return 0;
}

static int check_command(struct check *ck, const json_t *task)
{
    const json_t *command = json_object_get(task, "command");
    size_t i;
    json_t *v;

    if (!command)
        return fail_at(ck, "command", "is missing");
    if (!json_is_array(command) || json_array_size(command) == 0)
        return fail_at(ck, "command", "must be an array of strings, not empty");
    if (json_array_size(command) > COMMAND_MAX)
        return fail_at(ck, "command", "has too many arguments");
    json_array_foreach ((json_t *)command, i, v) {
        if (!json_is_string(v))
            return fail_at(ck, "command", "must be an array of strings");
        if (strlen(json_string_value(v)) != json_string_length(v))
            return fail_at(ck, "command", "must not contain NUL");
    }
    return 0;
}

static int check_task_attributes(struct check *ck, const json_t *task)
{
    const json_t *attributes = json_object_get(task, "attributes");
    const char *key;
    json_t *v;

    if (!attributes)
        return 0;
    if (!json_is_object(attributes))
        return fail_at(ck, "attributes", "must be an object");
    enter(ck, "attributes");
    json_object_foreach ((json_t *)attributes, key, v) {
        if (strcmp(key, "environment") == 0 ? !json_is_object(v) : !json_is_string(v))
            return fail_at(ck, key, "has the wrong type");
    }
    return 0;
}

static int check_task(struct check *ck, const json_t *task)
{
    static const char *const keys[] = {"command",      "slot",       "count",
                                       "distribution", "attributes", NULL};
    static const char *const keys_v1[] = {"command", "slot", "count", NULL};
    const json_t *v = json_object_get(task, "slot");
    size_t old = ck->len;
    int r;

    if (!json_is_object(task))
        return fail(ck, "must be an object");
    if ((r = check_command(ck, task)) < 0)
        return r;
    if (!json_is_string(v))
        return fail_at(ck, "slot", v ? "must be a string" : "is missing");
    v = json_object_get(task, "distribution");
    if (v && !json_is_string(v))
        return fail_at(ck, "distribution", "must be a string");
    if ((r = check_task_count(ck, task)) < 0)
        return r;
    leave(ck, old);
    if ((r = only_keys(ck, task, ck->rules == FLUX_JOBSPEC_V1 ? keys_v1 : keys)) < 0)
        return r;
    return check_task_attributes(ck, task);
}

static int check_tasks(struct check *ck, const json_t *o)
{
    const json_t *tasks = json_object_get(o, "tasks");
    size_t i, n = json_array_size(tasks);
    json_t *v;
    int r;

    if (!tasks)
        return fail_at(ck, "tasks", "is missing");
    if (!json_is_array(tasks) || n == 0)
        return fail_at(ck, "tasks", "must be an array, not empty");
    if (n > TASK_MAX || (ck->rules == FLUX_JOBSPEC_V1 && n != 1))
        return fail_at(ck, "tasks", "holds too many tasks");
    json_array_foreach ((json_t *)tasks, i, v) {
        enter(ck, "tasks");
        enter_index(ck, i);
        r = check_task(ck, v);
        if (r < 0)
            return r;
        leave(ck, 0);
    }
    return 0;
}

static int check_dependencies(struct check *ck, const json_t *dependencies)
{
    size_t i;
    json_t *v;

    if (!json_is_array(dependencies))
        return fail(ck, "must be an array");
    json_array_foreach ((json_t *)dependencies, i, v) {
        size_t old = enter_index(ck, i);

        if (!json_is_object(v))
            return fail(ck, "must be an object");
        if (!json_is_string(json_object_get(v, "scheme")))
            return fail_at(ck, "scheme", "must be a string");
        if (!json_is_string(json_object_get(v, "value")))
            return fail_at(ck, "value", "must be a string");
        leave(ck, old);
    }
    return 0;
}

static int check_constraints(struct check *ck, const json_t *constraints)
{
    struct flux_error e;

    if (flux_constraint_validate(constraints, &e) < 0)
        return fail(ck, strncmp(e.text, "constraint: ", 12) == 0 ? e.text + 12 : e.text);
    return 0;
}

static int check_shell(struct check *ck, const json_t *shell)
{
    const json_t *options = json_object_get(shell, "options");
    const json_t *per = json_object_get(options, "per-resource");

    if (!json_is_object(shell))
        return fail(ck, "must be an object");
    if (options && !json_is_object(options))
        return fail_at(ck, "options", "must be an object");
    enter(ck, "options");
    if (per) {
        const json_t *count = json_object_get(per, "count");

        if (!json_is_string(json_object_get(per, "type")))
            return fail_at(ck, "per-resource", "type must be a string");
        if (count && !positive(count))
            return fail_at(ck, "per-resource", "count must be a positive integer");
    }
    return 0;
}

static int check_duration(struct check *ck, const json_t *system)
{
    const json_t *v = json_object_get(system, "duration");
    double d = json_number_value(v);

    if (!v)
        return ck->rules == FLUX_JOBSPEC_V1 ? fail_at(ck, "duration", "is missing") : 0;
    if (!json_is_number(v) || !(d >= 0) || isinf(d))
        return fail_at(ck, "duration", "must be a number of seconds, not negative");
    return 0;
}

static int check_strings(struct check *ck, const json_t *system)
{
    static const char *const strings[] = {"cwd", "queue", "bank", "project"};
    const json_t *v;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(strings); i++) {
        v = json_object_get(system, strings[i]);
        if (v && !json_is_string(v))
            return fail_at(ck, strings[i], "must be a string");
    }
    v = json_object_get(system, "environment");
    if (v && !json_is_object(v))
        return fail_at(ck, "environment", "must be an object");
    v = json_object_get(system, "job");
    if (v && !json_is_object(v))
        return fail_at(ck, "job", "must be an object");
    v = json_object_get(v, "name");
    if (v && !json_is_string(v))
        return fail_at(ck, "job.name", "must be a string");
    return 0;
}

static int check_system(struct check *ck, const json_t *system)
{
    static const struct {
        const char *key;
        int (*check)(struct check *ck, const json_t *v);
    } parts[] = {
        {"dependencies", check_dependencies},
        {"constraints", check_constraints},
        {"shell", check_shell},
    };
    size_t old;
    int r;

    if (!json_is_object(system))
        return fail(ck, "must be an object");
    if ((r = check_duration(ck, system)) < 0 || (r = check_strings(ck, system)) < 0)
        return r;
    old = ck->len;
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(parts); i++) {
        const json_t *v = json_object_get(system, parts[i].key);

        if (!v)
            continue;
        enter(ck, parts[i].key);
        r = parts[i].check(ck, v);
        if (r < 0)
            return r;
        leave(ck, old);
    }
    return 0;
}

static int check_attributes(struct check *ck, const json_t *o)
{
    static const char *const keys[] = {"system", "user", NULL};
    const json_t *v = json_object_get(o, "attributes");
    const json_t *user = json_object_get(v, "user");
    int r;

    if (!v)
        return fail_at(ck, "attributes", "is missing");
    enter(ck, "attributes");
    if (!json_is_object(v))
        return fail(ck, "must be an object");
    if ((r = only_keys(ck, v, keys)) < 0)
        return r;
    if (user && !json_is_object(user))
        return fail_at(ck, "user", "must be an object");
    v = json_object_get(v, "system");
    if (!v)
        return ck->rules == FLUX_JOBSPEC_V1 ? fail_at(ck, "system.duration", "is missing") : 0;
    enter(ck, "system");
    return check_system(ck, v);
}

static int check_version(struct check *ck, const json_t *o)
{
    const json_t *v = json_object_get(o, "version");

    if (!v)
        return fail_at(ck, "version", "is missing");
    if (!positive(v))
        return fail_at(ck, "version", "must be a positive integer");
    if (ck->rules == FLUX_JOBSPEC_V1 && json_integer_value(v) != 1)
        return fail_at(ck, "version", "must be 1");
    return 0;
}

int flux_jobspec_validate(const json_t *o, enum flux_jobspec_rules rules, struct flux_error *err)
{
    struct check ck = {.rules = rules, .err = err};
    int r;

    if (!json_is_object(o))
        return fail(&ck, "must be an object");
    ck.labels = json_object();
    r = check_version(&ck, o);
    if (r == 0)
        r = check_resources(&ck, o);
    if (r == 0)
        r = check_tasks(&ck, o);
    if (r == 0)
        r = check_attributes(&ck, o);
    json_decref(ck.labels);
    return r;
}
