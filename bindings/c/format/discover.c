// SPDX-License-Identifier: LGPL-3.0-only
/* Discovery of one node's cores and gpus. */
#include <flux/discover.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include <flux/paths.h>

#define CPUS_MAX 8192

/* First line of a small file, without its newline. */
static int read_line(const char *path, char *buf, size_t size)
{
    FLUX_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

    if (n < 0)
        return -errno;
    buf[n] = '\0';
    buf[strcspn(buf, "\n")] = '\0';
    return 0;
}

/* CPUs that share a core count once, whichever of them may be used. */
int flux_discover_cores(const char *root, const struct flux_idset *allowed, unsigned *ret,
                        struct flux_error *err)
{
    FLUX_AUTO(idset) left = flux_idset_copy(allowed);
    unsigned n = 0;

    if (flux_idset_empty(allowed))
        return flux_error_set(err, -ENODEV, "discovery: no CPU may be used");
    for (unsigned cpu; (cpu = flux_idset_first(left)) != FLUX_IDSET_NONE; n++) {
        FLUX_AUTO_STR path =
            flux_printf("%s/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", root, cpu);
        FLUX_AUTO(idset) siblings = NULL;
        char line[1024];

        /* without topology (some containers) each CPU is a core */
        if (read_line(path, line, sizeof(line)) == 0 &&
            flux_idset_decode(line, &siblings, NULL) == 0)
            flux_idset_remove_set(left, siblings);
        flux_idset_remove(left, cpu);
    }
    *ret = n;
    return 0;
}

static int allowed_cpus(bool restricted, struct flux_idset **ret, struct flux_error *err)
{
    FLUX_AUTO_MEM(cpu_set_t) mask = NULL;
    size_t size = CPU_ALLOC_SIZE(CPUS_MAX);
    char line[4096];

    if (!restricted && read_line("/sys/devices/system/cpu/online", line, sizeof(line)) == 0 &&
        flux_idset_decode(line, ret, NULL) == 0)
        return 0;
    mask = flux_alloc(size);
    if (sched_getaffinity(0, size, mask) < 0)
        return flux_error_sys(err, -errno, "discovery: sched_getaffinity");
    *ret = flux_idset_new();
    for (unsigned i = 0; i < CPUS_MAX; i++)
        if (CPU_ISSET_S(i, size, mask))
            flux_idset_add(*ret, i);
    return 0;
}

static bool any_gpu(void)
{
    static const char *const patterns[] = {"/dev/nvidia[0-9]*", "/dev/kfd", "/dev/dri/renderD*"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(patterns); i++) {
        glob_t g;
        int r = glob(patterns[i], GLOB_NOSORT, NULL, &g);

        globfree(&g);
        if (r == 0)
            return true;
    }
    return false;
}

/* Where the shared object is: beside other modules, or in our folder of the build tree. */
static void *open_hwloc(struct flux_error *err)
{
    FLUX_AUTO_STR dirs = flux_path_get("module_path");
    char *save, *dir = strtok_r(dirs, ":", &save);
    void *dso = NULL;

    for (; dir && !dso; dir = strtok_r(NULL, ":", &save)) {
        FLUX_AUTO_STR beside = flux_printf("%s/resource-hwloc.so", dir);
        FLUX_AUTO_STR below = flux_printf("%s/resource/resource-hwloc.so", dir);

        dso = dlopen(access(beside, R_OK) == 0 ? beside : below, RTLD_NOW | RTLD_LOCAL);
    }
    if (!dso)
        flux_error_set(err, -ENOENT, "discovery: %s", dlerror());
    return dso;
}

static int ask_hwloc(const char *xml, unsigned *ncores, unsigned *ngpus, struct flux_error *err)
{
    void *dso = open_hwloc(err);
    flux_hwloc_count_f count;
    int r;

    if (!dso)
        return -ENOENT;
    *(void **)&count = dlsym(dso, FLUX_HWLOC_SYMBOL);
    r = count ? count(xml, ncores, ngpus, err)
              : flux_error_set(err, -ENOENT, "discovery: resource-hwloc.so: %s", dlerror());
    dlclose(dso);
    return r;
}

int flux_discover_xml(const char *path, struct flux_discovered *ret, struct flux_error *err)
{
    *ret = (struct flux_discovered){0};
    return ask_hwloc(path, &ret->ncores, &ret->ngpus, err);
}

int flux_discover_node(bool restricted, struct flux_discovered *ret, struct flux_error *err)
{
    const char *xml = getenv("FLUX_HWLOC_XMLFILE");
    FLUX_AUTO(idset) cpus = NULL;
    unsigned unused;
    int r;

    *ret = (struct flux_discovered){0};
    if (xml && *xml)
        return flux_discover_xml(xml, ret, err);
    if ((r = allowed_cpus(restricted, &cpus, err)) < 0 ||
        (r = flux_discover_cores("", cpus, &ret->ncores, err)) < 0)
        return r;
    /* a node whose gpus cannot be counted still has its cores */
    if (any_gpu() && ask_hwloc(NULL, &unused, &ret->ngpus, err) < 0)
        ret->ngpus = 0;
    return 0;
}

int flux_discovered_add(const struct flux_discovered *d, struct flux_rset *set, unsigned rank,
                        const char *host, struct flux_error *err)
{
    FLUX_AUTO(idset) cores = flux_idset_new();
    FLUX_AUTO(idset) gpus = flux_idset_new();

    if (d->ncores)
        flux_idset_add_range(cores, 0, d->ncores - 1);
    if (d->ngpus)
        flux_idset_add_range(gpus, 0, d->ngpus - 1);
    return flux_rset_add(set, rank, host, cores, gpus, err);
}
