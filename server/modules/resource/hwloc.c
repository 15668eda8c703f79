// SPDX-License-Identifier: LGPL-3.0-only
/* A shared object apart, because libhwloc and its plugins take longer to load than a broker to
 * start: counts cores and gpus. Two devices behind one PCI function are one gpu. */
#include <flux/discover.h>

#include <hwloc.h>

#pragma GCC visibility push(default)
int flux_resource_hwloc(const char *xml, unsigned *ncores, unsigned *ngpus, struct flux_error *err);
#pragma GCC visibility pop

static bool is_gpu(hwloc_obj_t obj)
{
    static const char *const kinds[] = {"CUDA", "OpenCL", "RSMI", "NVML", "LevelZero"};

    if (obj->attr->osdev.type != HWLOC_OBJ_OSDEV_GPU &&
        obj->attr->osdev.type != HWLOC_OBJ_OSDEV_COPROC)
        return false;
    for (size_t i = 0; obj->subtype && i < FLUX_ARRAY_SIZE(kinds); i++)
        if (strcmp(obj->subtype, kinds[i]) == 0)
            return true;
    return false;
}

static unsigned count_gpus(hwloc_topology_t topo)
{
    const void *seen[256];
    unsigned n = 0, i;

    for (hwloc_obj_t obj = NULL; (obj = hwloc_get_next_osdev(topo, obj)) && n < 256;) {
        const void *device = obj->parent && obj->parent->type == HWLOC_OBJ_PCI_DEVICE
                                 ? (const void *)obj->parent
                                 : (const void *)obj;

        if (!is_gpu(obj))
            continue;
        for (i = 0; i < n && seen[i] != device; i++)
            ;
        if (i == n)
            seen[n++] = device;
    }
    return n;
}

static int load(hwloc_topology_t topo, const char *xml, struct flux_error *err)
{
    hwloc_topology_set_all_types_filter(topo, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_type_filter(topo, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_type_filter(topo, HWLOC_OBJ_PCI_DEVICE, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    hwloc_topology_set_type_filter(topo, HWLOC_OBJ_OS_DEVICE, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    hwloc_topology_set_flags(topo, HWLOC_TOPOLOGY_FLAG_NO_DISTANCES |
                                       HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS |
                                       HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS);
    if (xml && hwloc_topology_set_xml(topo, xml) < 0)
        return flux_error_sys(err, -errno, "%s", xml);
    if (hwloc_topology_load(topo) < 0)
        return flux_error_sys(err, -errno, "hwloc topology");
    return 0;
}

int flux_resource_hwloc(const char *xml, unsigned *ncores, unsigned *ngpus, struct flux_error *err)
{
    hwloc_topology_t topo;
    int n, r;

    if (hwloc_topology_init(&topo) < 0)
        return flux_error_set(err, -ENOMEM, "hwloc: cannot start");
    r = load(topo, xml, err);
    if (r == 0) {
        n = hwloc_get_nbobjs_by_type(topo, HWLOC_OBJ_CORE);
        *ncores = n > 0 ? n : hwloc_get_nbobjs_by_type(topo, HWLOC_OBJ_PU);
        *ngpus = count_gpus(topo);
    }
    hwloc_topology_destroy(topo);
    return r;
}
