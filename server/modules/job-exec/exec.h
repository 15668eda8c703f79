// SPDX-License-Identifier: LGPL-3.0-only
/* job-exec: runs jobs that have resources (RFC 32), on the nodes by service Exec, or simulated. It
 * keeps no state over a restart: the job manager asks again for what should run. A rank whose
 * broker goes away is waited for (away.c): its shells live on without it. */
#ifndef JOB_EXEC_H
#define JOB_EXEC_H

#include <sys/queue.h>
#include <uthash.h>

#include <flux/idset.h>
#include <flux/job.h>
#include <flux/module.h>
#include <flux/v1/job_exec_service.h>

struct jobexec;

/* A Start or Attach call for some ranks of a job. */
struct exec_stream {
    struct running *job;
    struct flux_future *future;
    struct flux_idset *ranks; /* whose end it has not told yet */
    bool attach;
    LIST_ENTRY(exec_stream) link;
};

/* A signal on its way; its job may have ended when the answer comes. */
struct signalled {
    struct jobexec *je;
    uint64_t id;
    unsigned signum;
    struct flux_future *future;
    LIST_ENTRY(signalled) link;
};

/* A signal for ranks that were away when it was sent. */
struct missed {
    struct flux_idset *ranks;
    unsigned signum;
    STAILQ_ENTRY(missed) link;
};

/* One job that runs. */
struct running {
    struct jobexec *je;
    uint64_t id;
    uint32_t userid;
    struct flux_call *call;                /* of the job manager */
    const flux_job_exec_start_request *in; /* lives as long as the call */
    char *ranks;                           /* idset, as text */
    size_t nranks;
    struct flux_idset *pending;  /* ranks whose shells have not ended */
    struct flux_idset *starting; /* ranks whose shells have not started */
    struct flux_idset *away;     /* of the pending, those whose broker is not there */
    LIST_HEAD(, exec_stream) streams;
    STAILQ_HEAD(, missed) missed;
    double expiration, starttime; /* seconds since the epoch; 0 = none */
    double first_start;           /* monotonic: a shell may have been started then; 0 = none was */
    uv_timer_t expire, killer, ended, patience;
    unsigned handles; /* timers still to be closed */
    int status;       /* largest wait status so far */
    unsigned signum;  /* the last that a user sent */
    bool started, simulated, aborting, exit_timer_on;
    bool reattached; /* was running when the leader began */
    unsigned kills;
    double kill_began;   /* monotonic */
    double exit_timeout; /* as struct jobexec has it, or by the job's own option */
    double sim_duration;
    int sim_status;
    UT_hash_handle hh;
};

/* How jobs are killed. */
struct jobexec_killing {
    double timeout;    /* seconds from the first signal to the last */
    double time_limit; /* seconds after which they count as unkillable; < 0: by number */
    int most;          /* attempts after which they do */
    int first, last;   /* signals */
};

struct jobexec {
    struct flux *h;
    struct running *jobs;
    char *shell, *imp;
    struct jobexec_killing killing;
    double
        exit_timeout; /* seconds that other shells may go on after the first has ended; < 0 none */
    double lost_timeout;  /* seconds that a job waits for a rank that is away */
    bool guests;          /* are admitted */
    bool guests_simulate; /* may use simulated execution */

    LIST_HEAD(, signalled) signalled;

    /* away.c */
    struct flux_hostlist *hosts; /* by rank, or NULL */
    struct flux_future *follow;
    struct flux_idset *online;
    double began;
    double *gone_since; /* by rank, monotonic; 0 = it is there, as far as we know */
    bool *seen;         /* by rank: has been there since we began */
    uv_timer_t retry;

    /* reconcile.c */
    bool resumed;
    struct question *questions;
};

FLUX_JOB_EXEC_HANDLERS(job_exec);

/* run.c: on the nodes. `start` is the encoded start document of the shells. */
int run_start(struct running *job, const flux_job_exec_start_request *in, struct flux_error *err);
void run_kill(struct running *job, unsigned signum, bool group);
void run_kill_ranks(struct running *job, const struct flux_idset *ranks, unsigned signum,
                    bool group);
/* What ran on these is lost: an exception, and nobody waits for them any longer. */
void run_node_failure(struct running *job, const struct flux_idset *ranks, const char *text);
/* Once more, for ranks that are back: those where it may have been started are attached to. */
void run_again(struct running *job, struct flux_idset *ranks);
/* These have ended, or nobody waits for them any longer. */
void run_ended(struct running *job, const struct flux_idset *ranks);
/* Finish the job if nothing of it is left. It may be gone afterwards. */
void run_settle(struct running *job);
void run_free_streams(struct running *job);
void run_free_signalled(struct jobexec *je);
void run_exit_timer(struct running *job);

/* away.c: ranks that are not there. */
void away_start(struct jobexec *je);
void away_stop(struct jobexec *je);
/* Contact with these was lost, as `why` says. */
void away_add(struct running *job, const struct flux_idset *ranks, const char *why);
/* All that is pending runs already, if it does: found as the ranks are there. */
void away_begin(struct running *job);
/* Their shells were found. */
void away_found(struct running *job, const struct flux_idset *ranks);
bool away_all(const struct running *job);
/* These have not got the signal. */
void away_missed(struct running *job, const struct flux_idset *ranks, unsigned signum);
/* exec.lost-timeout has changed. */
void away_reload(struct jobexec *je);
/* Keep the signal for those that are away; a reference to the others, to be freed. */
struct flux_idset *away_signal(struct running *job, unsigned signum);
void away_forget(struct running *job);
/* "host[1-2] (rank 1-2)" */
char *away_describe(struct jobexec *je, const struct flux_idset *ranks);

/* configure.c: check `conf`, and with `apply` take it over. */
int jobexec_configure(struct jobexec *je, const json_t *conf, bool apply, struct flux_error *err);

/* reconcile.c */
void reconcile_stop(struct jobexec *je);
/* simulate.c. True if the jobspec asks for it (attributes.system.exec.test). */
bool simulate_wanted(struct running *job, const json_t *jobspec);
void simulate_start(struct running *job);
void simulate_kill(struct running *job, unsigned signum);

/* job.c: what happens to a running job, told to the job manager. */
struct running *running_new(struct jobexec *je, struct flux_call *call, uint64_t id,
                            uint32_t userid);
void running_free(struct running *job);
void running_started(struct running *job);
/* A line of the job's own exec eventlog; the context is JSON text or NULL. */
void running_event(struct running *job, const char *name, const char *context);
void running_exception(struct running *job, const char *type, unsigned severity, const char *fmt,
                       ...) __attribute__((format(printf, 4, 5)));
/* All shells have ended: tell, give everything back, forget it. */
void running_finished(struct running *job);
void running_abort(struct running *job, const char *type);
void running_set_expiration(struct running *job, double expiration);
void running_note_status(struct running *job, int status);

#endif
