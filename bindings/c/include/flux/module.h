// SPDX-License-Identifier: LGPL-3.0-only
/* Broker modules. A part is one folder of server/modules: it serves one service or a few that share
 * state. A module is a thread with one or more parts, as the placement list says, or a shared
 * object that exports `const struct flux_part flux_module_part`. */
#ifndef FLUX_MODULE_H
#define FLUX_MODULE_H

#include <flux/handle.h>

#pragma GCC visibility push(default)

struct flux_part {
    const char *name; /* "job-manager" */
    /* Runs on the module's thread. Makes the state, registers services, starts what it needs. May
     * block in calls to other services: those not ready yet are waited for by the router. On
     * failure (negative errno, text in err) it has undone what it did; the module is unloaded. */
    int (*start)(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err);
    /* Flush and end, while services placed before this one still answer (it may block in calls);
     * then free the state. Parts stop in the reverse order of their start. */
    void (*stop)(struct flux *h, void *state);
    /* The configuration is about to become `conf`: check (apply = false), then take over (apply =
     * true). NULL: this part takes its configuration only at start. */
    int (*reload)(struct flux *h, void *state, const json_t *conf, bool apply,
                  struct flux_error *err);
};

#pragma GCC visibility pop
#endif
