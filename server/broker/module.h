// SPDX-License-Identifier: LGPL-3.0-only
/* One module: its thread, its port in the router, and the notes it sends home. Shared by modhost.c
 * (the broker's side) and modthread.c (what runs on the module's thread). */
#ifndef BROKER_MODULE_H
#define BROKER_MODULE_H

#include <pthread.h>

#include "modhost.h"

#define PARTS_MAX 16

/* Notes from a module's thread to the broker, in the order of its messages. They travel in the
 * router's mailbox as control messages with numbers that the wire does not know. */
enum note_kind {
    NOTE_REGISTER = 200, /* serves one more service */
    NOTE_READY = 201,    /* all parts have started */
    NOTE_EXITED = 202,   /* the thread is about to end (r, err: why) */
    NOTE_RELOADED = 203, /* has checked or taken over a configuration (r, err) */
};

struct note {
    int r;
    struct flux_error err;
    const struct flux_service *svc;
    struct flux_service_stats *stats;
};

enum module_state { MODULE_INIT = 'I', MODULE_RUN = 'R', MODULE_FINI = 'F', MODULE_EXITED = 'X' };

struct module {
    struct port port; /* first: the router hands it to us */
    struct modhost *mh;
    char *name, *path;
    void *dso;
    const struct flux_part *const *parts;
    const struct flux_part *dso_parts[2];
    int argc;
    char **argv;
    enum module_state state;
    double last; /* monotonic time of the last message from or to it */

    pthread_t thread;
    uv_loop_t loop;
    struct flux *h;
    struct flux_mailbox *box, *router_box;
    struct flux_thread_env env;
    json_t *conf, *new_conf;
    bool reload_apply;
    uv_async_t stop, reload;

    /* The module's thread alone. */
    void *states[PARTS_MAX];
    int started;
    bool stopping;              /* asked to, perhaps while parts were starting */
    struct note registered[64]; /* offered by the part that is starting */
    unsigned nregistered;

    void (*loaded)(int r, const char *name, const struct flux_error *err, void *arg);
    void *loaded_arg;
    void (*removed)(void *arg);
    void *removed_arg;
    struct module *next, *prev;
};

/* Make loop and handle (on the broker's thread), then run the thread. */
int module_start_thread(struct module *m, const struct flux_thread_env *env,
                        struct flux_error *err);
/* After NOTE_EXITED and router_remove(): join, close, free what the thread used. */
void module_join(struct module *m);
/* Ask the thread to stop its parts and end. */
void module_stop(struct module *m);
/* Ask it to check (or take over) m->new_conf. */
void module_reload(struct module *m, bool apply);

#endif
