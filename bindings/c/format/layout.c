// SPDX-License-Identifier: LGPL-3.0-only
/* Counts of tasks on nodes, and the schemes that order them. Every result places at least one task
 * and at most FLUX_TASKMAP_MAX of them. */
#include <flux/layout.h>

#include <string.h>

/* Slots that fit on a node; UINT_MAX where nothing bounds them. */
static unsigned room_on(const struct flux_jobspec *js, const struct flux_rset_node *node)
{
    unsigned room = FLUX_TASKMAP_MAX, n;

    if (js->cores_per_slot) {
        n = flux_idset_count(node->ids[FLUX_RSET_CORE]) / js->cores_per_slot;
        room = n < room ? n : room;
    } else if (js->slots_per_node)
        room = js->slots_per_node;
    if (js->gpus_per_slot) {
        n = flux_idset_count(node->ids[FLUX_RSET_GPU]) / js->gpus_per_slot;
        room = n < room ? n : room;
    }
    return room;
}

/* Spread `left` over the nodes as evenly as their room allows; what has no room is piled up
 * evenly as well. Earlier nodes get the odd ones. */
static void spread(unsigned *counts, unsigned *room, size_t n, unsigned left)
{
    while (left) {
        size_t open = 0;
        unsigned share;

        for (size_t i = 0; i < n; i++)
            open += room[i] > 0;
        if (!open) {
            for (size_t i = 0; i < n; i++)
                room[i] = FLUX_TASKMAP_MAX;
            open = n;
        }
        share = left / open ? left / open : 1;
        for (size_t i = 0; i < n && left; i++) {
            unsigned take = room[i] < share ? room[i] : share;

            take = take < left ? take : left;
            counts[i] += take;
            room[i] -= take;
            left -= take;
        }
    }
}

static void count_slots(const struct flux_jobspec *js, const struct flux_rset *r, unsigned *counts)
{
    size_t n = flux_rset_nnodes(r);
    FLUX_AUTO_MEM(unsigned) room = flux_alloc(n * sizeof(*room));
    struct flux_rset_node node;
    unsigned long long all = 0;
    bool whole = js->nnodes && !js->node_count && !js->slot_count && js->nnodes == n;

    for (size_t i = 0; flux_rset_node(r, i, &node); i++) {
        room[i] = room_on(js, &node);
        all += room[i];
        if (whole)
            counts[i] = js->slots_per_node;
    }
    if (whole)
        return;
    if (flux_rset_nslots(r) > 0)
        spread(counts, room, n, flux_rset_nslots(r));
    else if (js->slot_count || js->node_count) {
        for (size_t i = 0; i < n; i++)
            counts[i] =
                js->slots_per_node && js->slots_per_node < room[i] ? js->slots_per_node : room[i];
    } else
        spread(counts, room, n, js->nslots ? js->nslots : (all < n ? all : n));
}

static void count_total(const struct flux_jobspec *js, const struct flux_rset *r, unsigned ntasks,
                        unsigned *counts)
{
    size_t n = flux_rset_nnodes(r);
    FLUX_AUTO_MEM(unsigned) room = flux_alloc(n * sizeof(*room));
    struct flux_rset_node node;

    for (size_t i = 0; flux_rset_node(r, i, &node); i++)
        room[i] = room_on(js, &node);
    spread(counts, room, n, ntasks);
}

static int count_per(const struct flux_rset *r, const char *type, unsigned count, unsigned *counts,
                     struct flux_error *err)
{
    struct flux_rset_node node;

    if (!type || count < 1)
        return flux_error_set(err, -EINVAL, "layout: per-resource needs a type and a count >= 1");
    for (size_t i = 0; flux_rset_node(r, i, &node); i++) {
        if (!strcmp(type, "node"))
            counts[i] = count;
        else if (!strcmp(type, "core"))
            counts[i] = count * flux_idset_count(node.ids[FLUX_RSET_CORE]);
        else if (!strcmp(type, "gpu"))
            counts[i] = count * flux_idset_count(node.ids[FLUX_RSET_GPU]);
        else
            return flux_error_set(err, -EINVAL, "layout: unknown per-resource type '%.32s'", type);
    }
    return 0;
}

static int count_tasks(const struct flux_jobspec *js, const struct flux_rset *r, unsigned *counts,
                       struct flux_error *err)
{
    const json_t *per =
        js->shell_options ? json_object_get(js->shell_options, "per-resource") : NULL;

    if (per) {
        const json_t *count = json_object_get(per, "count");
        json_int_t n = count ? json_integer_value(count) : 1;

        return count_per(r, json_string_value(json_object_get(per, "type")),
                         n > 0 && n <= FLUX_TASKMAP_MAX ? n : 0, counts, err);
    }
    if (js->task_mode == FLUX_TASKS_PER_RESOURCE)
        return count_per(r, js->task_resource, js->task_count, counts, err);
    if (js->task_mode == FLUX_TASKS_TOTAL) {
        count_total(js, r, js->task_count, counts);
        return 0;
    }
    count_slots(js, r, counts);
    for (size_t i = 0; i < flux_rset_nnodes(r); i++)
        counts[i] *= js->task_count ? js->task_count : 1;
    return 0;
}

int flux_layout_counts(const struct flux_jobspec *js, const struct flux_rset *r, unsigned **ret,
                       struct flux_error *err)
{
    size_t n = flux_rset_nnodes(r);
    FLUX_AUTO_MEM(unsigned) counts = flux_alloc(n * sizeof(*counts));
    unsigned long long total = 0;
    int rc;

    if (!n)
        return flux_error_set(err, -EINVAL, "layout: R has no nodes");
    if (js->task_mode == FLUX_TASKS_TOTAL && js->task_count > FLUX_TASKMAP_MAX)
        return flux_error_set(err, -EINVAL, "layout: too many tasks");
    rc = count_tasks(js, r, counts, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        total += counts[i];
    if (!total || total > FLUX_TASKMAP_MAX)
        return flux_error_set(err, -EINVAL, "layout: %llu tasks are not possible", total);
    *ret = FLUX_GIVE(counts);
    return 0;
}

static unsigned sum(const unsigned *counts, size_t n)
{
    unsigned total = 0;

    for (size_t i = 0; i < n; i++)
        total += counts[i];
    return total;
}

static int map_block(const unsigned *counts, size_t n, struct flux_taskmap *map)
{
    for (size_t i = 0, run; i < n; i += run) {
        int rc;

        for (run = 1; i + run < n && counts[i + run] == counts[i];)
            run++;
        if (!counts[i])
            continue;
        rc = flux_taskmap_append(map, i, run, counts[i], 1);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int map_cyclic(const unsigned *counts, size_t n, const char *value, struct flux_taskmap *map,
                      struct flux_error *err)
{
    unsigned total = sum(counts, n), done = 0, stride = 1;
    FLUX_AUTO_MEM(unsigned) left = flux_memdup(counts, n * sizeof(*counts));
    FLUX_AUTO_MEM(unsigned) node = flux_alloc(total * sizeof(*node));

    if (value && *value) {
        char *end;
        unsigned long v = strtoul(value, &end, 10);

        if (*end || value[0] < '0' || value[0] > '9' || v < 1 || v > FLUX_TASKMAP_MAX)
            return flux_error_set(err, -EINVAL, "taskmap: bad cyclic stride '%.32s'", value);
        stride = v;
    }
    while (done < total)
        for (size_t i = 0; i < n; i++)
            for (unsigned k = 0; k < stride && left[i]; k++, left[i]--)
                node[done++] = i;
    return flux_taskmap_append_tasks(map, node, total);
}

static int map_hosts(const struct flux_rset *r, unsigned total, const char *value,
                     struct flux_taskmap *map, struct flux_error *err)
{
    FLUX_AUTO_MEM(unsigned) node = flux_alloc(total * sizeof(*node));
    FLUX_AUTO(hostlist) hosts = flux_rset_hosts(r);
    FLUX_AUTO(hostlist) wanted = NULL;
    int rc = flux_hostlist_decode(value ? value : "", &wanted, err);
    char name[FLUX_HOST_SIZE];

    if (rc < 0)
        return flux_error_prefix(err, rc, "taskmap: hostfile");
    if (flux_hostlist_count(wanted) < total)
        return flux_error_set(err, -EINVAL, "taskmap: hostfile has %zu hosts for %u tasks",
                              flux_hostlist_count(wanted), total);
    for (unsigned i = 0; i < total; i++) {
        ssize_t at = flux_hostlist_find(hosts, flux_hostlist_nth(wanted, i, name));

        if (at < 0)
            return flux_error_set(err, -EINVAL, "taskmap: host %.64s is not in the job", name);
        node[i] = at;
    }
    return flux_taskmap_append_tasks(map, node, total);
}

static int map_manual(const char *value, unsigned total, size_t n, struct flux_taskmap **map,
                      struct flux_error *err)
{
    FLUX_AUTO(taskmap) given = NULL;
    int rc = flux_taskmap_decode(value ? value : "", &given, err);

    if (rc < 0)
        return flux_error_prefix(err, rc, "taskmap: manual");
    if (flux_taskmap_ntasks(given) != total || flux_taskmap_nnodes(given) > n)
        return flux_error_set(err, -EINVAL,
                              "taskmap: manual map has %u tasks on %u nodes, the job %u on %zu",
                              flux_taskmap_ntasks(given), flux_taskmap_nnodes(given), total, n);
    flux_taskmap_free(*map);
    *map = FLUX_GIVE(given);
    return 0;
}

int flux_layout_map(const struct flux_rset *r, const unsigned *counts, const char *scheme,
                    const char *value, struct flux_taskmap **ret, struct flux_error *err)
{
    FLUX_AUTO(taskmap) map = flux_taskmap_new();
    size_t n = flux_rset_nnodes(r);
    int rc;

    if (!scheme || !*scheme || !strcmp(scheme, "block"))
        rc = map_block(counts, n, map);
    else if (!strcmp(scheme, "cyclic"))
        rc = map_cyclic(counts, n, value, map, err);
    else if (!strcmp(scheme, "manual"))
        rc = map_manual(value, sum(counts, n), n, &map, err);
    else if (!strcmp(scheme, "hostfile"))
        rc = map_hosts(r, sum(counts, n), value, map, err);
    else
        rc = flux_error_set(err, -ENOENT, "taskmap: no such scheme: %.32s", scheme);
    if (rc < 0)
        return rc;
    *ret = FLUX_GIVE(map);
    return 0;
}

int flux_layout_taskmap(const struct flux_jobspec *js, const struct flux_rset *r,
                        struct flux_taskmap **ret, struct flux_error *err)
{
    const json_t *opt = js->shell_options ? json_object_get(js->shell_options, "taskmap") : NULL;
    FLUX_AUTO_MEM(unsigned) counts = NULL;
    int rc = flux_layout_counts(js, r, &counts, err);

    if (rc < 0)
        return rc;
    return flux_layout_map(r, counts, json_string_value(json_object_get(opt, "scheme")),
                           json_string_value(json_object_get(opt, "value")), ret, err);
}
