// SPDX-License-Identifier: LGPL-3.0-only
/* job-exec: runs jobs that have resources (RFC 32), on the nodes by service Exec, or simulated. It
 * keeps no state over a restart: the job manager asks again for what should run. */
#ifndef JOB_EXEC_H
#define JOB_EXEC_H

#include <uthash.h>

#include <flux/idset.h>
#include <flux/job.h>
#include <flux/module.h>
#include <flux/v1/job_exec_service.h>

struct jobexec;

/* One job that runs. */
struct running {
    struct jobexec *je;
    uint64_t id;
    uint32_t userid;
    struct flux_call *call;      /* of the job manager; NULL once it has gone */
    char *ranks;                 /* idset, as text */
    struct flux_idset *pending;  /* ranks whose shells have not ended */
    struct flux_idset *starting; /* ranks whose shells have not started */
    struct flux_future *exec;
    double expiration, starttime; /* seconds since the epoch; 0 = none */
    uv_timer_t expire, killer, ended;
    unsigned handles; /* timers still to be closed */
    int status;       /* largest wait status so far */
    unsigned signum;  /* the last that a user sent */
    bool started, simulated, aborting, lost, timed_out, exit_timer_on;
    unsigned kills;
    double exit_timeout; /* as struct jobexec has it, or by the job's own option */
    double sim_duration;
    int sim_status;
    UT_hash_handle hh;
};

struct jobexec {
    struct flux *h;
    struct running *jobs;
    char *shell, *imp;
    double kill_timeout; /* seconds from SIGTERM to SIGKILL */
    double
        exit_timeout; /* seconds that other shells may go on after the first has ended; < 0 none */
    unsigned max_kills;
    bool guests;          /* are admitted */
    bool guests_simulate; /* may use simulated execution */
};

FLUX_JOB_EXEC_HANDLERS(job_exec);

/* run.c: on the nodes. `start` is the encoded start document of the shells. */
int run_start(struct running *job, const flux_job_exec_start_request *in, struct flux_error *err);
void run_kill(struct running *job, unsigned signum, bool group);
/* simulate.c. True if the jobspec asks for it (attributes.system.exec.test). */
bool simulate_wanted(struct running *job, const json_t *jobspec);
void simulate_start(struct running *job);
void simulate_kill(struct running *job, unsigned signum);

/* job.c: what happens to a running job, told to the job manager. */
struct running *running_new(struct jobexec *je, struct flux_call *call, uint64_t id,
                            uint32_t userid);
void running_free(struct running *job);
void running_started(struct running *job);
void running_exception(struct running *job, const char *type, unsigned severity, const char *fmt,
                       ...) __attribute__((format(printf, 4, 5)));
/* All shells have ended: tell, give everything back, forget it. */
void running_finished(struct running *job);
void running_abort(struct running *job, const char *type);
void running_set_expiration(struct running *job, double expiration);
void running_note_status(struct running *job, int status);

#endif
