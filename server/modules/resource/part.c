// SPDX-License-Identifier: LGPL-3.0-only
/* The resource module's start and stop. */
#include "part.h"
#include "resource.h"

static const struct flux_resource_discovery_ops discovery_ops =
    FLUX_RESOURCE_DISCOVERY_OPS(discovery);

static void stop(struct flux *h, void *state)
{
    struct resource *res = state;

    if (res->rank == 0)
        service_stop(res);
    gather_stop(res);
    free(res);
}

static int start(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err)
{
    struct resource *res = flux_alloc(sizeof(*res));
    int r;

    res->h = h;
    res->rank = flux_rank(h);
    res->size = flux_size(h);
    r = flux_resource_discovery_serve(h, &discovery_ops, res, err);
    if (r == 0 && res->rank == 0)
        r = service_start(res, err);
    if (r == 0)
        r = gather_start(res, err);
    if (r < 0)
        stop(h, res);
    else
        *state = res;
    return r;
}

/* What is excluded is decided at the start, but a name that is none is refused at once. */
static int reload(struct flux *h, void *state, const json_t *conf, bool apply,
                  struct flux_error *err)
{
    struct resource *res = state;
    FLUX_AUTO(idset) exclude = NULL;

    if (apply || res->rank != 0 || !res->st.all)
        return 0;
    return inventory_exclude(conf, res->st.all, &exclude, err);
}

const struct flux_part resource_part = {
    .name = "resource", .start = start, .stop = stop, .reload = reload};
