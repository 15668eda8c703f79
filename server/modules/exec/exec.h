// SPDX-License-Identifier: LGPL-3.0-only
/* The exec service: job shells and commands on this rank and on those below it. One struct exec a
 * broker. A process of this rank is a struct local; a call that covers several ranks is a struct
 * fan, which splits by child subtree and merges what comes back. */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include <sys/queue.h>
#include <uthash.h>

#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/service.h>
#include <flux/v1/exec_service.h>

#include "fan.h"
#include "spawn.pb-c.h"
#include "spawn_client.h"

struct local;
struct shell;
struct job_starts;
struct run;
struct gather;
struct reconcile;
TAILQ_HEAD(run_list, run);

struct exec {
    struct flux *h;
    uint32_t rank;
    struct spawn_client *spawn;
    bool helper_up, helper_failed; /* while starting: which of the two it was */
    struct flux_error helper_err;
    struct fan_loop *fans;
    struct reconcile *reconcile; /* NULL once it is clear what is wanted of the shells found */
    struct shell *shells;        /* by job id: running here, or ended and not yet told */
    unsigned shells_ended;       /* of these */
    struct job_starts *starts;   /* calls, by job id */
    struct run *runs;            /* by label, those that have one */
    struct run_list all_runs;    /* calls */
    TAILQ_HEAD(, gather) gathers;
    TAILQ_HEAD(, waiter) waiters; /* Wait calls */
    TAILQ_HEAD(, local) locals;   /* all processes of this rank that run */
    struct flux_hostlist *hosts;  /* by rank, or NULL */
    char *default_shell;
    char *local_uri;
    char *rundir;
    char *hostname;
    char *cgroup;     /* directory of the one that is ours to divide, or NULL */
    char *core_units; /* of this node, for start documents; NULL until the first */
};

/* What the spawn client calls back into. Embedded in a shell or a run's process. */
struct local_ops {
    void (*started)(struct local *l, int r, const char *why);
    /* `l` is out of the list of locals already and may be freed. */
    void (*exited)(struct local *l, uint64_t spawn_id, const struct spawn_exit *e);
};
struct local {
    struct exec *exec;
    const struct local_ops *ops;
    struct spawn_process *process; /* NULL: not running */
    uint64_t id;                   /* job, or 0 */
    uint32_t userid;
    bool imp;
    char *label;
    char *command;
    TAILQ_ENTRY(local) link; /* while there is a process */
};

/* local.c */
/* Free what is in it; forget the process if it still runs. */
void local_done(struct local *l);
int local_spawn(struct local *l, struct spawn_request *req, uint32_t attempt,
                struct flux_error *err);
void local_kill(struct local *l, int signum, bool group);
extern const struct spawn_ops local_spawn_ops;

/* shell.c: a process that an earlier broker started belongs to a job. */
struct local *shell_found(struct exec *x, const Flux__V1__SpawnCookie *cookie,
                          const struct spawn_found *f);
/* The jobs whose shells are here; the number, and an array that the caller frees. */
size_t shell_list(struct exec *x, uint64_t **ids);
/* Nobody will ask for it: SIGKILL if it runs, and forget its end. False: it is gone. */
bool shell_discard(struct exec *x, uint64_t id);
/* Start what waited for the reconciliation. */
void shell_start_held(struct exec *x);
void shell_free_all(struct exec *x);
/* imp_io.c: what an IMP reads (a descriptor, or a negative errno); its standard error, of which
 * *ours is our own descriptor; and afterwards what it said there: that is logged, and if it refused
 * the line comes back (caller frees). */
int imp_make_input(const char *j);
int imp_make_log(int *ours);
char *imp_read_log(struct exec *x, uint64_t id, int fd);
/* cgroup.c: the directory that is ours to divide, or NULL; that of a job's shell in it, by name and
 * made (NULL: it cannot be); caller frees. */
char *cgroup_find(void);
char *cgroup_path(const char *own, uint64_t id);
char *cgroup_make(const char *own, uint64_t id);
void cgroup_remove(const char *path); /* if it is empty; NULL is fine */
void cgroup_clear(const char *path);  /* with all that is left in it */
void cgroup_sweep(const char *own);   /* remove those that are empty */
/* command.c: one that belongs to a command; the caller that it had is gone. */
struct local *command_found(struct exec *x, const Flux__V1__SpawnCookie *cookie);
/* run.c */
void run_free_all(struct exec *x);

/* gather.c: a unary call to some ranks below; answered when all parts are done. */
struct gather *gather_new(struct flux_call *call);
void gather_expect(struct gather *g); /* one part more; */
void gather_future(struct gather *g,
                   struct flux_future *f); /* one that ends with f, if not NULL; */
void gather_part(struct gather *g);        /* one part is done */
/* Part of a Kill call, for these ranks (taken over): whether they were reached is in the answer. */
void gather_kill(struct gather *g, struct flux_future *f, char *ranks);
/* Everything has been asked for: returns what the handler returns. */
int gather_go(struct gather *g);
void gather_free_all(struct exec *x);

/* reconcile.c: shells left by an earlier broker, whose jobs may have ended. Until it is known which
 * are still wanted, and the others are gone, nothing new is started. */
void reconcile_begin(struct exec *x);
/* A shell has ended. */
void reconcile_check(struct exec *x);
void reconcile_free(struct exec *x);

/* list.c: answer the Wait calls for it. */
void list_tell_exit(struct local *l, const struct spawn_exit *e);
void list_free_all(struct exec *x);

FLUX_EXEC_HANDLERS(exec);

#endif
