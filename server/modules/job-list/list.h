// SPDX-License-Identifier: LGPL-3.0-only
/* job-list: follows the job manager's journal. Active jobs are in memory; when a job is inactive
 * its row goes to the history (SQLite), and when that is written it leaves memory. */
#ifndef JOB_LIST_H
#define JOB_LIST_H

#include <uthash.h>

#include <flux/job.h>
#include <flux/module.h>
#include <flux/v1/job_list_service.h>
#include <flux/v1/job_manager.h>

#define HISTORY_FILE "job-history.sqlite"

/* A job as it is listed: the message, with strings of our own. */
struct record {
    flux_job_list_job job;
    json_t *annotations;
    bool ended; /* inactive: it is in the list of those without a row */
    struct record *next, *prev;
    UT_hash_handle hh;
};

struct history;

struct wait_state {
    struct flux_call *call;
    uint64_t id;
    uint32_t states;
    struct wait_state *next, *prev;
};

struct list {
    struct flux *h;
    struct record *jobs;      /* active and `unwritten`, by id */
    struct record *unwritten; /* inactive, without a row yet: the disk was full */
    uv_timer_t *retry;
    bool failing;
    struct history *history;
    struct rebuild *rebuild; /* NULL: none is under way */
    struct flux_future *journal;
    bool caught_up; /* the journal has told all that was before */
    struct wait_state *waits;
    flux_job_list_stats_response stats;
};

FLUX_JOB_LIST_HANDLERS(job_list);

/* query.c: may the caller know of the job? */
bool list_visible(struct flux_call *call, const flux_job_list_job *job);

/* record.c */
struct record *record_new(uint64_t id);
void record_free(struct record *r);
void record_set_jobspec(struct record *r, const char *jobspec);
void record_set_r(struct record *r, const char *text);
/* Apply one or more lines of the eventlog. */
void record_apply(struct record *r, const char *events);
void record_replace(const char **field, const char *value);

/* history.c. Errors are negative errnos with a text. */
/* A file that cannot be used is put aside, and *note says so (caller frees). */
int history_open(const char *path, struct history **ret, char **note, struct flux_error *err);
/* May jobs be missing that the KVS has? Until history_set_complete(), also over restarts. */
bool history_is_incomplete(const struct history *hy);
void history_set_complete(struct history *hy);
/* It lacks what could not be written: until the next commit this is so for a restart, too. */
void history_fell_behind(struct history *hy);
/* It is of the store with this mark: one of another store is emptied, and true returned. */
bool history_claim(struct history *hy, const char *store);
bool history_has(struct history *hy, uint64_t id);
/* Called for a row that is damaged; with id 0 when rows cannot be reached at all. */
void history_on_bad(struct history *hy, void (*fn)(void *arg, uint64_t id), void *arg);
void history_close(struct history *hy);
void history_begin(struct history *hy);
int history_commit(struct history *hy, struct flux_error *err);
int history_put(struct history *hy, const flux_job_list_job *job, struct flux_error *err);
void history_remove(struct history *hy, uint64_t id);
bool history_get(struct history *hy, uint64_t id, flux_job_list_job *ret, struct flux_call *call);
/* Newest first; cb returns false to stop. The job's strings live until the call is answered. */
void history_visit(struct history *hy, const flux_job_list_list_request *in, bool any_user,
                   struct flux_call *call, bool (*cb)(flux_job_list_job *job, void *arg),
                   void *arg);
void history_count(struct history *hy, flux_job_list_stats_response *stats);
uint64_t *history_oldest(struct history *hy, double before, int64_t keep, uint32_t batch,
                         size_t *count);

/* rebuild.c: put into the history what the KVS has and it has not */
struct rebuild;
/* At the start, which it holds up for two reads. */
void rebuild_prepare(struct list *l);
/* The journal has told what is active. */
void rebuild_start(struct list *l);
/* A job whose row is damaged; 0: any may be missing. */
void rebuild_job(struct list *l, uint64_t id);
void rebuild_stop(struct list *l);

/* journal.c */
void journal_follow(struct list *l);
void journal_stop(struct list *l);
/* Something could not be written: it is tried again in a while. */
void journal_history_failed(struct list *l, const char *text);
/* stats.c: a job is counted where it is; sign is +1 or -1. */
void stats_count(struct list *l, const flux_job_list_job *job, int sign);
void waits_check(struct list *l, const struct record *r);
void waits_done(struct list *l);

#endif
