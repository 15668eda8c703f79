// SPDX-License-Identifier: LGPL-3.0-only
/* Boot: which of the ways to find out who we are. broker.boot-method names it, else what is there
 * decides: a [bootstrap] table, a PMI server, or nobody but us. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"

int boot_single(struct broker *b, struct flux_error *err)
{
    b->rank = 0;
    b->size = 1;
    if (!attrs_get(b->attrs, "hostlist"))
        attrs_set(b->attrs, "hostlist", attrs_get(b->attrs, "hostname"), 0);
    attrs_set(b->attrs, "broker.mapping", "[[0,1,1,1]]", ATTR_READONLY);
    attrs_set(b->attrs, "broker.boot-method", "single", ATTR_READONLY);
    return flux_topology_new("kary:32", 1, &b->topo, err);
}

int broker_boot(struct broker *b, struct flux_error *err)
{
    const char *method = attrs_get(b->attrs, "broker.boot-method");

    if (!method && json_object_get(json_object_get(b->conf, "bootstrap"), "hosts"))
        method = "config";
    if (!method)
        method = getenv("PMI_FD") ? "simple" : "single";
    if (!strcmp(method, "config"))
        return boot_config(b, err);
    if (!strcmp(method, "simple"))
        return boot_pmi(b, err);
    if (!strcmp(method, "single"))
        return boot_single(b, err);
    return flux_error_set(err, -EINVAL, "broker.boot-method '%s' is none of config, simple, single",
                          method);
}
