// SPDX-License-Identifier: LGPL-3.0-only
/* Boot: who we are in the instance. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker.h"

static int boot_single(struct broker *b, struct flux_error *err)
{
    char host[256];

    b->rank = 0;
    b->size = 1;
    if (!attrs_get(b->attrs, "hostlist") && gethostname(host, sizeof(host)) == 0)
        attrs_set(b->attrs, "hostlist", host, 0);
    attrs_set(b->attrs, "broker.boot-method", "single", ATTR_READONLY);
    return flux_topology_new("kary:32", 1, &b->topo, err);
}

int broker_boot(struct broker *b, struct flux_error *err)
{
    return boot_single(b, err);
}
