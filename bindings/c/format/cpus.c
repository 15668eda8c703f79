// SPDX-License-Identifier: LGPL-3.0-only
/* Logical cores of the node as hwloc numbers them (packages, NUMA domains, then cores, each by its
 * lowest unit), read from /sys without loading a topology; or from a list that somebody has made
 * once for all ("0,64;1,65;..."). */
#include <flux/buf.h>
#include <flux/cpus.h>
#include <flux/idset.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SYS_CPU "/sys/devices/system/cpu"
#define SYS_NODE "/sys/devices/system/node"

struct core {
    unsigned package, node; /* lowest unit of each */
    unsigned first;         /* lowest unit of the core */
    unsigned package_id, node_id;
    struct flux_idset *units;
};

struct flux_cpus {
    struct core *cores;
    unsigned ncores;
    struct flux_idset **nodes; /* by NUMA id */
    unsigned nnodes;
    bool placed; /* packages and nodes of cores are known */
};

static int read_text(const char *path, char *text, size_t size)
{
    FLUX_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

    if (n < 0)
        return -ENOENT;
    while (n && text[n - 1] == '\n')
        n--;
    text[n] = '\0';
    return 0;
}

static struct flux_idset *read_list(const char *path)
{
    struct flux_idset *set;
    char text[4096];

    if (read_text(path, text, sizeof(text)) < 0 || flux_idset_decode(text, &set, NULL) < 0)
        return NULL;
    return set;
}

static long read_number(const char *path, long otherwise)
{
    char text[64];

    return read_text(path, text, sizeof(text)) < 0 ? otherwise : strtol(text, NULL, 10);
}

static struct flux_idset *siblings(unsigned cpu)
{
    char path[128];
    struct flux_idset *set;

    snprintf(path, sizeof(path), SYS_CPU "/cpu%u/topology/thread_siblings_list", cpu);
    set = read_list(path);
    if (!set) {
        set = flux_idset_new();
        flux_idset_add(set, cpu);
    }
    return set;
}

bool flux_cpus_whole_node(unsigned ncores)
{
    FLUX_AUTO(idset) online = read_list(SYS_CPU "/online");
    FLUX_AUTO(idset) first = NULL;
    size_t threads = 1;

    if (!online)
        return true; /* nothing is known: bind nothing */
    if (read_number(SYS_CPU "/smt/active", 1) != 0) {
        first = siblings(flux_idset_first(online));
        threads = flux_idset_count(first);
    }
    return ncores * threads >= flux_idset_count(online);
}

static void read_nodes(struct flux_cpus *c)
{
    FLUX_AUTO(idset) ids = read_list(SYS_NODE "/online");

    if (!ids || flux_idset_empty(ids))
        return;
    c->nnodes = flux_idset_last(ids) + 1;
    c->nodes = flux_alloc(c->nnodes * sizeof(*c->nodes));
    FLUX_IDSET_FOREACH(ids, id)
    {
        char path[128];

        snprintf(path, sizeof(path), SYS_NODE "/node%u/cpulist", id);
        c->nodes[id] = read_list(path);
    }
}

static int compare(const void *a, const void *b)
{
    const struct core *x = a, *y = b;

    if (x->package != y->package)
        return x->package < y->package ? -1 : 1;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static void add_core(struct flux_cpus *c, struct flux_idset *units)
{
    struct core *core;

    c->cores = flux_realloc(c->cores, c->ncores + 1, sizeof(*c->cores));
    core = &c->cores[c->ncores++];
    *core = (struct core){.first = flux_idset_first(units), .units = units};
}

static void place_core(const struct flux_cpus *c, struct core *core)
{
    char path[128];

    snprintf(path, sizeof(path), SYS_CPU "/cpu%u/topology/physical_package_id", core->first);
    core->package_id = read_number(path, 0);
    for (unsigned i = 0; i < c->nnodes; i++)
        if (c->nodes[i] && flux_idset_contains(c->nodes[i], core->first)) {
            core->node_id = i;
            core->node = flux_idset_first(c->nodes[i]);
        }
}

static void place(struct flux_cpus *c)
{
    if (c->placed)
        return;
    c->placed = true;
    read_nodes(c);
    for (unsigned i = 0; i < c->ncores; i++)
        place_core(c, &c->cores[i]);
}

/* The lowest unit of each package, for the order of packages. */
static void order_packages(struct flux_cpus *c)
{
    for (unsigned i = 0; i < c->ncores; i++) {
        c->cores[i].package = c->cores[i].first;
        for (unsigned k = 0; k < c->ncores; k++)
            if (c->cores[k].package_id == c->cores[i].package_id &&
                c->cores[k].first < c->cores[i].package)
                c->cores[i].package = c->cores[k].first;
    }
    qsort(c->cores, c->ncores, sizeof(*c->cores), compare);
}

static int read_sys(struct flux_cpus *c, struct flux_error *err)
{
    FLUX_AUTO(idset) online = read_list(SYS_CPU "/online");

    if (!online)
        return flux_error_set(err, -ENOENT, "cannot read " SYS_CPU "/online");
    FLUX_IDSET_FOREACH(online, cpu)
    {
        FLUX_AUTO(idset) units = siblings(cpu);

        flux_idset_keep_set(units, online);
        if (flux_idset_first(units) == cpu)
            add_core(c, FLUX_GIVE(units));
    }
    place(c);
    order_packages(c);
    return 0;
}

static int read_given(struct flux_cpus *c, const char *given, struct flux_error *err)
{
    while (*given) {
        size_t n = strcspn(given, ";");
        FLUX_AUTO_STR text = flux_strndup(given, n);
        struct flux_idset *units;
        int r = flux_idset_decode(text, &units, err);

        if (r < 0)
            return flux_error_prefix(err, r, "list of cores");
        add_core(c, units);
        given += n + (given[n] == ';');
    }
    return 0;
}

struct flux_cpus *flux_cpus_read(const char *given, struct flux_error *err)
{
    struct flux_cpus *c = flux_alloc(sizeof(*c));

    if ((given && *given ? read_given(c, given, err) : read_sys(c, err)) == 0)
        return c;
    flux_cpus_free(c);
    return NULL;
}

void flux_cpus_free(struct flux_cpus *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->ncores; i++)
        flux_idset_free(c->cores[i].units);
    for (unsigned i = 0; i < c->nnodes; i++)
        flux_idset_free(c->nodes[i]);
    free(c->cores);
    free(c->nodes);
    free(c);
}

unsigned flux_cpus_ncores(const struct flux_cpus *c)
{
    return c->ncores;
}

static void add_units(const struct flux_idset *units, cpu_set_t *set)
{
    FLUX_IDSET_FOREACH(units, id)
    {
        if (id < CPU_SETSIZE)
            CPU_SET(id, set);
    }
}

int flux_cpus_add(struct flux_cpus *c, const char *type, unsigned index, cpu_set_t *set)
{
    bool any = false;

    if (!strcmp(type, "pu")) {
        if (index >= CPU_SETSIZE)
            return -ENOENT;
        CPU_SET(index, set);
        return 0;
    }
    if (strcmp(type, "core"))
        place(c);
    for (unsigned i = 0; i < c->ncores; i++) {
        const struct core *core = &c->cores[i];

        if ((!strcmp(type, "core") && i == index) ||
            (!strcmp(type, "numa") && core->node_id == index) ||
            (!strcmp(type, "package") && core->package_id == index)) {
            add_units(core->units, set);
            any = true;
        }
    }
    return any ? 0 : -ENOENT;
}

char *flux_cpus_encode(const struct flux_cpus *c)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);

    for (unsigned i = 0; i < c->ncores; i++) {
        FLUX_AUTO_STR units = flux_idset_encode(c->cores[i].units, FLUX_IDSET_RANGE);

        flux_buf_printf(&b, "%s%s", i ? ";" : "", units);
    }
    return flux_buf_take(&b);
}
