// SPDX-License-Identifier: LGPL-3.0-only
/* Option gpu-affinity: which of the node's GPUs a task sees, through CUDA_VISIBLE_DEVICES. A job
 * without GPUs sees none. */
#include "../shell.h"
#include "plugins.h"

enum mode { OFF, ON, PER_TASK, MAP };

struct gpus {
    enum mode mode;
    char *map; /* "LIST;LIST;..." */
};

static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    const char *text = flux_shell_option_text(sh, "gpu-affinity", "on");
    struct gpus *g = *data = flux_alloc(sizeof(*g));
    FLUX_AUTO_STR list = NULL;

    if (!strcmp(text, "off"))
        return 0;
    if (!strncmp(text, "map:", 4)) {
        g->mode = MAP;
        g->map = flux_strdup(text + 4);
    } else if (!strcmp(text, "per-task"))
        g->mode = PER_TASK;
    else if (!strcmp(text, "on"))
        g->mode = ON;
    else
        return flux_error_set(err, -EINVAL, "gpu-affinity: unknown '%.32s'", text);
    list = flux_idset_encode(sh->node.ids[FLUX_RSET_GPU], 0);
    flux_shell_setenv(sh, "CUDA_DEVICE_ORDER", "PCI_BUS_ID");
    flux_shell_setenv(sh, "CUDA_VISIBLE_DEVICES", "%s", *list ? list : "-1");
    return 0;
}

/* Consecutive shares, the first tasks getting the odd ones. */
static struct flux_idset *share(const struct flux_idset *all, unsigned index, unsigned ntasks)
{
    struct flux_idset *mine = flux_idset_new();
    size_t n = flux_idset_count(all), each = n / ntasks, odd = n % ntasks;
    size_t first = index * each + (index < odd ? index : odd);

    for (size_t i = first; i < first + each + (index < odd); i++)
        flux_idset_add(mine, flux_idset_nth(all, i));
    return mine;
}

static int task_init(struct flux_shell *sh, struct flux_shell_task *t, void **data,
                     struct flux_error *err)
{
    struct gpus *g = *data;

    if (g->mode == PER_TASK) {
        FLUX_AUTO(idset) mine = share(sh->node.ids[FLUX_RSET_GPU], t->index, sh->nlocal);
        FLUX_AUTO_STR list = flux_idset_encode(mine, 0);

        flux_shell_task_setenv(t, "CUDA_VISIBLE_DEVICES", "%s", *list ? list : "-1");
    } else if (g->mode == MAP) {
        const char *p = g->map;

        for (unsigned i = 0; i < t->index && strchr(p, ';'); i++)
            p = strchr(p, ';') + 1;
        flux_shell_task_setenv(t, "CUDA_VISIBLE_DEVICES", "%.*s", (int)strcspn(p, ";"), p);
    }
    return 0;
}

static void done(struct flux_shell *sh, void **data)
{
    struct gpus *g = *data;

    if (g)
        free(g->map);
    free(g);
}

const struct flux_shell_plugin shell_plugin_gpubind = {
    .api = FLUX_SHELL_API,
    .name = "gpubind",
    .init = init,
    .task_init = task_init,
    .exit = done,
};
