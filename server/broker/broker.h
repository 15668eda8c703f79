// SPDX-License-Identifier: LGPL-3.0-only
/* One broker: what its parts share. All of it belongs to the main thread, but for attributes, the
 * log ring and what modules are given in flux_thread_env. */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include <jansson.h>
#include <uv.h>

#include <flux/idset.h>
#include <flux/topology.h>

#include "attr.h"
#include "local.h"
#include "logring.h"
#include "modhost.h"
#include "router.h"
#include "state.h"
#include "subproc.h"

struct settings;
struct overlay;

/* What `flux shutdown` asked for. */
struct archive_wish {
    bool gc, skip_gc;
    char *dump; /* path or "auto"; NULL = as the attribute content.dump says */
};

struct broker {
    uv_loop_t loop;
    uint32_t rank, size, owner;
    double started;   /* monotonic */
    double starttime; /* wall clock */
    int verbose;
    struct attrs *attrs;
    json_t *conf;              /* in force */
    struct settings *settings; /* where it comes from */
    struct flux_topology *topo;
    struct router *router;
    struct modhost *modhost;
    struct local *local;
    struct access *access; /* who may connect: of `conf` */
    struct logring *log;
    struct overlay *overlay; /* NULL in an instance of one */
    struct flux_thread_env env;
    struct flux *h; /* the broker's own handle */
    struct state *state;
    struct subproc *program; /* the initial program, while it runs */
    char **program_argv;     /* NULL = the user's shell */
    bool no_program;
    int exit_status; /* wait status of the initial program, or W_EXITCODE of a failure */
    uv_signal_t sigterm, sigint, sighup;
    struct archive_wish archive;
    bool jobs_ended;  /* in cleanup */
    bool told_to_end; /* rank 0: by flux shutdown */
    bool keep_jobs;   /* ended by a signal, to come back: running jobs go on meanwhile */
    int helper;       /* keeps the spawn helper from counting us as gone; -1 = none */
    bool rundir_made, statedir_made;
};

/* What boot_*.c finds out: who we are in the instance. */
int broker_boot(struct broker *b, struct flux_error *err);

/* boot done: join the tree. EVENT_PARENT_READY is posted when the parent has let us in. */
int broker_overlay_start(struct broker *b, struct flux_error *err);
/* Ask every connected child to end; EVENT_CHILDREN_COMPLETE is posted when none is left. */
void broker_overlay_shutdown_children(struct broker *b);
/* Tell the parent goodbye; EVENT_GOODBYE is posted when that has gone out. */
void broker_overlay_goodbye(struct broker *b);
void broker_overlay_free(struct broker *b);
/* Attributes and b->conf have changed: take over what acts at run time. */
void broker_overlay_configure(struct broker *b);
/* Ranks online, as known here (rank 0: of the instance); borrowed. */
const struct flux_idset *broker_online(struct broker *b);

/* `conf` is new: who may connect, and as what, follows it from now on. */
void broker_access_load(struct broker *b);

/* Not as it should be: end, with a status that says so (broker.exit-restart). */
void broker_fail(struct broker *b);
int broker_failure_status(struct broker *b); /* a wait status */

/* Services that the broker itself offers; each registers on b->h. */
int broker_service_start(struct broker *b, struct flux_error *err);  /* Broker */
int module_service_start(struct broker *b, struct flux_error *err);  /* Module */
int log_service_start(struct broker *b, struct flux_error *err);     /* Log */
int config_service_start(struct broker *b, struct flux_error *err);  /* Config */
int event_service_start(struct broker *b, struct flux_error *err);   /* Event */
int overlay_service_start(struct broker *b, struct flux_error *err); /* Overlay */
int collective_service_start(struct broker *b, struct flux_error *err);
int trace_service_start(struct broker *b, struct flux_error *err); /* Trace */
void event_service_stop(struct broker *b);
void overlay_service_stop(struct broker *b);
void collective_service_stop(struct broker *b);
void trace_service_stop(struct broker *b);
void log_service_stop(struct broker *b);
void broker_service_stop(struct broker *b);
/* For Broker/WatchState: the state or the set of ranks online has changed. */
void broker_service_changed(struct broker *b);

/* The ring with this broker's outlets behind it. */
struct logring *broker_log_new(struct broker *b);
void broker_log(struct broker *b, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
