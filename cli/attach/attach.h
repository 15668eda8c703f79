// SPDX-License-Identifier: LGPL-3.0-only
/* Following jobs from a terminal: events, output, input and signals, until they have ended. Used by
 * run, submit --wait/--watch, batch, alloc, job attach and job status. */
#ifndef FLUX_CLI_ATTACH_H
#define FLUX_CLI_ATTACH_H

#include <signal.h>
#include <uv.h>

#include <flux/buf.h>
#include <flux/eventlog.h>
#include <flux/rpc.h>

#include "verb.h"

struct attach_options {
    bool output;      /* print the jobs' output */
    bool input;       /* give our standard input to the job */
    bool signals;     /* our signals act on the job */
    bool terminal;    /* the job has a terminal of its own: ours is only its keyboard and screen */
    bool status_line; /* on a terminal, while the job is pending */
    bool label;       /* -l */
    bool quiet;       /* no message about how the job ended */
    bool show_events; /* -vv, -E */
    bool show_exec_events;   /* -vvv, -X */
    const char *wait_event;  /* be done with a job at this event of its eventlog; NULL = its end */
    const char *wait_key;    /* ... if its context has this; NULL = whatever it has */
    const char *input_tasks; /* idset of tasks that get the input; NULL or "all" = all */
    int exception_code;      /* exit code of a job without a status; 0 = 1 */
    uint64_t tail;           /* bytes of old output to begin with; 0 = all */
    FILE *out, *err;         /* NULL = stdout, stderr */
    /* Called when the following of a job has ended; may be NULL. */
    void (*on_done)(uint64_t id, int exit_code, void *arg);
    void *arg;
};

struct attach;

/* One at a time in a program. `options` are copied. */
struct attach *attach_new(struct cli *cli, const struct attach_options *options);
/* Begin to follow a job; before attach_run(), or during it. */
void attach_add(struct attach *a, uint64_t id);
/* Follow all of them to their end. The largest of their exit codes. */
int attach_run(struct attach *a);
void attach_free(struct attach *a);

/* --- between the files of this folder --- */
struct attach_job {
    struct attach_job *next;
    struct attach *attach;
    uint64_t id;
    double t_submit;
    struct flux_future *events, *exec_events, *output;
    uint32_t unreturned; /* bytes of output whose credit is not given back yet */
    bool started, events_done, output_done, canceled_by_exception;
    bool has_status;
    int status; /* wait status */
    int code;
};

struct attach_output {
    FILE *out, *err;
    struct flux_buf pending; /* for standard output */
    bool label, line_open[2];
    uint32_t last_task;
};

struct attach {
    struct cli *cli;
    struct flux *h;
    struct attach_options options;
    struct attach_job *jobs;
    size_t open;
    int code;
    struct attach_output output;
    uv_timer_t timer;
    bool timer_used;
    double started;
    bool status_shown;
    struct attach_input *input;
};

void attach_output_frames(struct attach_job *job, struct flux_future *f);
void attach_output_flush(struct attach_output *o);
/* Input and signals of the one job of `a`. */
void attach_input_start(struct attach_job *job);
void attach_input_stop(struct attach *a);
/* Stop following now, and end with this code (detached). */
void attach_leave(struct attach *a, int code);
void attach_status_clear(struct attach *a);

#endif
