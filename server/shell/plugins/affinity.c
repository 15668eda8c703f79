// SPDX-License-Identifier: LGPL-3.0-only
/* Option cpu-affinity: bind the tasks to the job's cores on this node (on), each to its share of
 * them (per-task), or each to a place in a list (map:LIST;LIST;...). A job that has the whole node
 * and wants no shares is not bound at all, and then nothing about the node is read. */
#include "../shell.h"
#include "plugins.h"

#include <stdio.h>

#include <flux/cpus.h>

struct affinity {
    bool off, per_task, verbose, dry_run;
    const char *map; /* of the option's text */
    char *text;
    struct flux_cpus *cpus;
};

static int parse(struct affinity *a, struct flux_error *err)
{
    char *p = a->text;

    while (p && *p) {
        char *next;

        if (!strncmp(p, "map:", 4)) {
            a->map = p + 4; /* a list may hold commas: it is the last word */
            return 0;
        }
        next = strchr(p, ',');
        if (next)
            *next++ = '\0';
        if (!strcmp(p, "off"))
            a->off = true;
        else if (!strcmp(p, "per-task"))
            a->per_task = true;
        else if (!strcmp(p, "verbose"))
            a->verbose = true;
        else if (!strcmp(p, "dry-run"))
            a->verbose = a->dry_run = true;
        else if (strcmp(p, "on"))
            return flux_error_set(err, -EINVAL, "cpu-affinity: unknown word '%.32s'", p);
        p = next;
    }
    return 0;
}

static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    struct affinity *a = *data = flux_alloc(sizeof(*a));
    size_t ncores = flux_idset_count(sh->node.ids[FLUX_RSET_CORE]);
    struct flux_error ignored;
    int r;

    a->text = flux_strdup(flux_shell_option_text(sh, "cpu-affinity", "on"));
    r = parse(a, err);
    if (r < 0)
        return r;
    if (a->off || (!a->map && !ncores))
        return 0;
    if (!a->map && !a->per_task && !a->verbose && flux_cpus_whole_node(ncores))
        return 0;
    a->cpus = flux_cpus_read(sh->start->core_units, &ignored);
    if (!a->cpus)
        flux_shell_log(sh, FLUX_SHELL_WARN, "cpu-affinity", "%s", ignored.text);
    return 0;
}

/* One place of a map: "0-3,7" and 0xff name units; "core:0-1", "numa:0", "package:1" domains. */
static int add_place(const struct affinity *a, const char *place, cpu_set_t *set,
                     struct flux_error *err)
{
    const char *colon = strchr(place, ':');
    FLUX_AUTO_STR type = colon ? flux_strndup(place, colon - place) : flux_strdup("pu");
    FLUX_AUTO(idset) ids = NULL;
    int r;

    if (!strncmp(place, "0x", 2)) {
        char *end;
        unsigned long long mask = strtoull(place, &end, 16);

        for (unsigned i = 0; i < 64 && !*end; i++)
            if (mask & (1ull << i))
                CPU_SET(i, set);
        return *end || !mask ? flux_error_set(err, -EINVAL, "map: bad mask '%.32s'", place) : 0;
    }
    if (!strcmp(type, "socket")) {
        free(type);
        type = flux_strdup("package");
    }
    r = flux_idset_decode(colon ? colon + 1 : place, &ids, err);
    if (r < 0)
        return flux_error_prefix(err, r, "map");
    FLUX_IDSET_FOREACH(ids, id)
    {
        if (flux_cpus_add(a->cpus, type, id, set) < 0)
            return flux_error_set(err, -EINVAL, "map: there is no %s %u here", type, id);
    }
    return 0;
}

static int set_by_map(const struct affinity *a, unsigned index, cpu_set_t *set,
                      struct flux_error *err)
{
    FLUX_AUTO_STR place = NULL;
    const char *p = a->map;

    for (unsigned i = 0; i < index && strchr(p, ';'); i++)
        p = strchr(p, ';') + 1;
    place = flux_strndup(p, strcspn(p, ";"));
    return add_place(a, place, set, err);
}

static void set_by_cores(struct flux_shell *sh, const struct affinity *a, unsigned index,
                         cpu_set_t *set)
{
    const struct flux_idset *cores = sh->node.ids[FLUX_RSET_CORE];
    size_t n = flux_idset_count(cores), first = 0, count = n;

    if (a->per_task && sh->nlocal) {
        size_t each = n / sh->nlocal, odd = n % sh->nlocal;

        if (each == 0) { /* more tasks than cores: they take turns */
            first = index % n;
            count = 1;
        } else {
            first = index * each + (index < odd ? index : odd);
            count = each + (index < odd);
        }
    }
    for (size_t i = first; i < first + count; i++)
        flux_cpus_add(a->cpus, "core", flux_idset_nth(cores, i), set);
}

static void report(struct flux_shell *sh, const struct flux_shell_task *t, const cpu_set_t *set)
{
    FLUX_AUTO(idset) ids = flux_idset_new();
    FLUX_AUTO_STR text = NULL;

    for (unsigned i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, set))
            flux_idset_add(ids, i);
    text = flux_idset_encode(ids, FLUX_IDSET_RANGE);
    flux_shell_log(sh, FLUX_SHELL_NOTICE, "cpu-affinity", "%s: task %u: cpus: %s", sh->hostname,
                   t->rank, *text ? text : "none");
}

static int task_init(struct flux_shell *sh, struct flux_shell_task *t, void **data,
                     struct flux_error *err)
{
    struct affinity *a = *data;
    cpu_set_t set;
    int r = 0;

    if (!a->cpus)
        return 0;
    CPU_ZERO(&set);
    if (a->map)
        r = set_by_map(a, t->index, &set, err);
    else
        set_by_cores(sh, a, t->index, &set);
    if (r < 0)
        return r;
    if (a->verbose)
        report(sh, t, &set);
    if (!a->dry_run && CPU_COUNT(&set))
        t->cpus = flux_memdup(&set, sizeof(set));
    return 0;
}

static void done(struct flux_shell *sh, void **data)
{
    struct affinity *a = *data;

    if (!a)
        return;
    flux_cpus_free(a->cpus);
    free(a->text);
    free(a);
}

const struct flux_shell_plugin shell_plugin_affinity = {
    .api = FLUX_SHELL_API,
    .name = "affinity",
    .init = init,
    .task_init = task_init,
    .exit = done,
};
