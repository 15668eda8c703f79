// SPDX-License-Identifier: LGPL-3.0-only
/* The job manager: what its files share. A job is in the table from its submission until it is
 * inactive. Everything that happens to it is an event: post_event() writes the line, changes the
 * state, and queues both for the next commit; job_advance() then does what the state calls for. */
#ifndef JOB_MANAGER_H
#define JOB_MANAGER_H

#include <uthash.h>
#include <utlist.h>

#include <flux/job.h>
#include <flux/jobspec.h>
#include <flux/module.h>
#include <flux/v1/job_exec.h>
#include <flux/v1/job_manager_service.h>
#include <flux/v1/kvs.h>
#include <flux/v1/sched.h>

struct dependency {
    char *description; /* "after-success=ƒ...": all that is known of it */
    uint64_t after;    /* the job that it waits for, or 0 */
    bool singleton;    /* it waits for those of its user and name */
    bool timed;        /* begin-time */
    uv_timer_t *timer; /* for that */
    struct dependency *next, *prev;
};

struct manager;

struct job {
    struct manager *mgr;
    uint64_t id;
    uint32_t userid, urgency, priority, flags;
    double t_submit;
    enum flux_job_state state;
    char *jobspec; /* JSON text as submitted */
    char *brief;   /* without environment, files, shell options */
    char *j;       /* signed request, or NULL */
    char *r;       /* JSON text once granted */
    char *queue;   /* NULL = the anonymous queue */
    char *name;    /* job.name, or NULL */
    double duration;
    struct flux_buf log;      /* the eventlog, whole lines */
    size_t log_committed;     /* bytes of it that are in a commit, done or under way */
    size_t log_told;          /* bytes of it that the journal has sent */
    struct flux_buf exec_log; /* lines of the guest exec eventlog not yet in a commit */
    bool dirty, told_r, r_unsaved;

    struct tenant *tenant; /* whose it is, if not the owner's */
    size_t weight;         /* bytes that it counts as, then */
    struct dependency *dependencies;
    bool enqueued;      /* the scheduler has been asked */
    bool has_resources; /* granted and not yet freed */
    bool r_durable;
    bool started;       /* exec has been asked */
    bool maybe_started; /* exec may have been asked before a restart */
    bool ended_before;  /* and that is stored: a crash came before it was taken from the active ones
                         */
    bool running;       /* the start event was posted */
    bool has_namespace; /* in the KVS, which is to be kept at its end */
    bool finished, released, aborted, freed;
    unsigned holds; /* prolog or epilog under way */
    int status;     /* wait status, once finished */
    int severity;   /* of the worst exception; -1 = none */
    char *exception_type, *exception_note;
    json_t *annotations; /* volatile and stored memos */
    struct flux_future *exec;

    struct job *next_dirty, *prev_dirty;
    UT_hash_handle hh;
};

/* A call that is answered when the commit with what it asked for is done. */
struct waiter {
    struct flux_call *call;
    void (*done)(struct waiter *w, int r, const char *text);
    void *arg;
    struct waiter *next;
};

struct queue {
    char *name; /* "" = the anonymous queue */
    bool enabled, started;
    char *disable_reason, *stop_reason;
    json_t *kept; /* its state as a restart finds it; NULL = as a new one */
    UT_hash_handle hh;
};

struct tenant;
struct zombie;
struct journal;
struct outcome;

struct manager {
    struct flux *h;
    struct job *jobs;   /* active, by id */
    unsigned count[8];  /* by bit number of the state */
    unsigned nenqueued; /* jobs that wait for a grant */
    unsigned nfresh;    /* jobs whose first commit has not begun */
    unsigned nended;    /* jobs that left since memory was last given back */
    uint64_t max_id;

    /* commit.c */
    uv_prepare_t prepare;
    bool flush_due, backing_off, failing;
    uv_timer_t retry;
    struct job *dirty;
    flux_kvs_op **ops;
    size_t nops, ops_room;
    bool queues_unsaved;
    struct flux_arena *ops_arena; /* strings of the ops being gathered */
    struct waiter *waiters, *waiters_tail;
    struct flux_future *commit; /* under way */
    struct waiter *committing;  /* waiters of that */
    struct batch *batch;        /* jobs in that */
    bool restarting;

    /* alloc.c */
    struct flux_future *sched;
    bool sched_ready;
    uv_timer_t sched_retry;
    uint64_t *to_enqueue, *to_free, *to_cancel, *to_prioritize;
    size_t nenqueue, nfree, ncancel, nprioritize;

    struct tenant *tenants; /* those who have active jobs */
    int64_t guest_jobs_max; /* of each; 0: no limit */

    struct queue *queues;
    struct flux_future *hold; /* hold.c: while it is there, nothing is scheduled */
    struct waiter *drain_waiters, *idle_waiters;
    /* drain.c: `activity` counts what goes to and comes from the scheduler; when a round trip to it
     * began at `sync_activity` and has ended, `quiet` is that. */
    uint64_t activity, sync_activity, quiet;
    struct flux_future *sync;
    struct zombie *zombies;
    struct journal *journals;
    struct outcome *outcomes; /* of the jobs that ended last, for dependencies on them */

    double age_limit; /* seconds; < 0 none */
    int64_t num_limit;
    uv_timer_t purge_timer;
    bool stopping;
};

/* job.c */
struct job *job_new(struct manager *mgr, uint64_t id, uint32_t userid, uint32_t urgency,
                    uint32_t flags, double t);
void job_free(struct job *job);
struct dependency *dependency_new(const char *description);
void dependency_free(struct dependency *d);
/* Take queue, duration and name out of the jobspec. `brief` (NULL or empty: to be made) is the
 * jobspec without environment, files and shell options. */
int job_set_jobspec(struct job *job, const char *jobspec, const char *brief,
                    struct flux_error *err);
/* `o` is the jobspec with its updates; it loses what the brief leaves out. */
void job_set_brief(struct job *job, json_t *o);
struct job *manager_find_active(struct manager *mgr, uint64_t id);
void manager_add(struct manager *mgr, struct job *job);
void manager_remove(struct manager *mgr, struct job *job);
unsigned manager_count(const struct manager *mgr, unsigned states);
void manager_set_state(struct manager *mgr, struct job *job, enum flux_job_state state);

/* tenants.c: users other than the owner. -EAGAIN if the user of a job that is not in the table yet
 * has too many. */
int tenant_check(const struct manager *mgr, const struct job *job, struct flux_error *err);
void tenant_enter(struct manager *mgr, struct job *job);
/* Its eventlog has grown. */
void tenant_grow(struct job *job, size_t bytes);
/* There is room left for what is needed to end the job, and for nothing else. */
bool tenant_is_full(const struct job *job);
void tenant_leave(struct manager *mgr, struct job *job);
void tenant_configure(struct manager *mgr, const json_t *conf);

/* event.c. The context is JSON text, printf-like, or NULL: numbers only; strings that come from
 * outside go through post_event_json(), which takes over `context`. */
void post_event(struct manager *mgr, struct job *job, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void post_event_json(struct manager *mgr, struct job *job, const char *name, json_t *context);
void post_exception(struct manager *mgr, struct job *job, const char *type, unsigned severity,
                    const char *note, uint32_t userid);
/* Apply one line of a stored log to a job being loaded. -EPROTO. */
int replay_event(struct manager *mgr, struct job *job, const char *line, size_t len,
                 struct flux_error *err);
/* Do what the job's state calls for next. */
void job_advance(struct manager *mgr, struct job *job);

/* commit.c */
void commit_init(struct manager *mgr);
void commit_done(struct manager *mgr);
void manager_mark_dirty(struct manager *mgr, struct job *job);
/* Something is to be sent at the end of this loop turn. */
void manager_flush_later(struct manager *mgr);
void commit_put(struct manager *mgr, const char *key, const char *value);
void commit_unlink(struct manager *mgr, const char *key);
/* The state of the queues goes along, in this commit or, if it fails, in one that does not. */
void commit_queues(struct manager *mgr);
/* `done` is called after the commit that holds everything queued so far. */
void commit_wait(struct manager *mgr, struct flux_call *call,
                 void (*done)(struct waiter *w, int r, const char *text), void *arg);
/* The job is inactive and that is stored: it leaves the table. Frees it. */
void commit_forget(struct manager *mgr, struct job *job);
/* Block until nothing is left to commit (module stop). */
void commit_drain(struct manager *mgr);

/* alloc.c: the scheduler. */
/* hold.c: jobs have been restored; done at the end. */
void hold_init(struct manager *mgr);
void hold_done(struct manager *mgr);
void alloc_init(struct manager *mgr);
void alloc_done(struct manager *mgr);
void alloc_attach(struct manager *mgr);
void alloc_request(struct manager *mgr, struct job *job);
void alloc_cancel(struct manager *mgr, struct job *job);
void alloc_free(struct manager *mgr, struct job *job, const char *ranks);
void alloc_prioritize(struct manager *mgr, struct job *job);
void alloc_flush(struct manager *mgr);
void alloc_set_enqueued(struct job *job, bool on);

/* start.c: execution. */
void start_job(struct manager *mgr, struct job *job, bool reattach);
void abort_job(struct manager *mgr, struct job *job);

/* queue.c */
void queue_init(struct manager *mgr);
void queue_done(struct manager *mgr);
struct queue *queue_find(struct manager *mgr, const char *name);
bool queue_started(struct manager *mgr, const struct job *job);
int queue_configure(struct manager *mgr, const json_t *conf, bool apply, struct flux_error *err);
void queue_put(struct manager *mgr);
int queue_load(struct manager *mgr, const char *json);
/* If the configuration wants it; `flux queue start` starts them again. */
void queue_stop_after_restart(struct manager *mgr);

/* namespace.c */
/* Move what is in the namespace of a job that has ended to its place in the primary one. */
void namespace_keep(struct manager *mgr, uint64_t id);
/* Jobs have been restored: which have one; what is there of others is kept. */
void namespace_restore(struct manager *mgr);

/* wait.c, drain.c, journal.c, purge.c, restart.c */
void wait_note_inactive(struct manager *mgr, struct job *job);
void wait_done(struct manager *mgr);
void drain_check(struct manager *mgr);
void drain_done(struct manager *mgr);
void journal_tell(struct manager *mgr, struct job *job);
void journal_purged(struct manager *mgr, uint64_t id);
void journal_flush(struct manager *mgr);
void journal_done(struct manager *mgr);
void purge_init(struct manager *mgr);
void purge_done(struct manager *mgr);
int purge_configure(struct manager *mgr, const json_t *conf, bool apply, struct flux_error *err);
int restart_load(struct manager *mgr, struct flux_error *err);

#endif
