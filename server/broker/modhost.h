// SPDX-License-Identifier: LGPL-3.0-only
/* Modules: threads that host parts (flux/module.h). Started in the order of the placement list, in
 * parallel; stopped in reverse order, one after the other. All functions on the broker's thread. */
#ifndef BROKER_MODHOST_H
#define BROKER_MODHOST_H

#include <uv.h>

#include <flux/module.h>

#include "router.h"

/* One row of the placement list: a module, its parts in start order, and where it runs. */
struct placement {
    const char *name;
    const struct flux_part *const *parts; /* NULL-terminated */
    bool leader_only;
    bool store;      /* belongs to what modhost_start_store() starts */
    bool by_request; /* only with `flux module load` */
};
extern const struct placement placements[]; /* ends with name NULL */

struct modhost;

struct modhost_ops {
    /* All modules of the initial list serve (r = 0), or one has failed. */
    void (*on_loaded)(int r, const struct flux_error *err, void *arg);
    /* The last module has ended after modhost_stop_all(). */
    void (*on_stopped)(void *arg);
    /* A module has failed after it was running: it has `ended`, or could not offer a service. */
    void (*on_failed)(const char *name, bool ended, const struct flux_error *err, void *arg);
    void *arg;
};

/* `env` is a template: each module gets a copy (its register fields are filled in here). `conf` in
 * it is borrowed and replaced by modhost_set_conf(). */
struct modhost *modhost_new(uv_loop_t *loop, struct router *router,
                            const struct flux_thread_env *env, const struct modhost_ops *ops);
void modhost_free(struct modhost *mh);
/* The handle of the broker's own services, on the broker's loop; they are offered at once. Freed by
 * modhost_free(). */
struct flux *modhost_handle(struct modhost *mh);
/* Start all modules of the placement list that belong on this rank and do not run yet; on_loaded()
 * tells when they serve. */
void modhost_start_all(struct modhost *mh);
/* The KVS and what it needs, alone: for what must be done before the others look into it. */
void modhost_start_store(struct modhost *mh);
/* Stop modules, the last first; on_stopped() tells when it is over. */
void modhost_stop_all(struct modhost *mh);
/* All but those of modhost_start_store(). */
void modhost_stop_users(struct modhost *mh);
/* Load one by name or path; `done` is called once. */
void modhost_load(struct modhost *mh, const char *path, const char *name, int argc, char **argv,
                  void (*done)(int r, const char *name, const struct flux_error *err, void *arg),
                  void *arg);
/* -ENOENT. `done` when it has ended. */
int modhost_remove(struct modhost *mh, const char *name, void (*done)(void *arg), void *arg,
                   struct flux_error *err);
/* Every part checks `conf`, then (with `apply`) every part takes it over; or none does (done with
 * r < 0). `conf` must live until `done`. */
void modhost_reload(struct modhost *mh, const json_t *conf, bool apply,
                    void (*done)(int r, const struct flux_error *err, void *arg), void *arg);
/* What modules that start from now on get, and the broker's own handle; borrowed. */
void modhost_set_conf(struct modhost *mh, const json_t *conf);
/* Call cb for each module, sorted by name; strings are valid during the call. */
bool modhost_has(struct modhost *mh, const char *name);
void modhost_visit(struct modhost *mh,
                   void (*cb)(const char *name, const char *path, char state, double idle,
                              const char *services, unsigned recvq, void *arg),
                   void *arg);

#endif
