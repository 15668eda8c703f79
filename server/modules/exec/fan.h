// SPDX-License-Identifier: LGPL-3.0-only
/* A streaming call over a set of ranks: this rank's own part, and one call a child for its subtree.
 * What the parts report is collected and sent up once a turn of the loop, so that a thousand ranks
 * that start together cost each hop a few messages. Where the fan gathers, what says only that all
 * goes well waits, for a moment at most, until it is true of all ranks: messages upward then do not
 * grow with the number of ranks below. Each rank ends exactly once: exited, or failed. */
#ifndef EXEC_FAN_H
#define EXEC_FAN_H

#include <sys/queue.h>

#include <flux/idset.h>
#include <flux/service.h>
#include <flux/v1/exec.h>

struct fan;
struct fan_loop; /* the fans of a handle that have something to send this turn */

/* What was collected, in the shape of the messages; borrowed for the time of the call. */
struct fan_items {
    const char *started;
    size_t n_exits, n_failures;
    flux_exec_exit **exits;
    flux_exec_failure **failures;
};

struct fan_child {
    struct fan *fan;
    uint32_t rank;
    struct flux_idset *ranks;   /* what it was asked for */
    struct flux_idset *pending; /* of these, not yet ended */
    struct flux_future *future; /* NULL once it has ended */
};

enum fan_sent { FAN_SENT_ALL, FAN_SENT_STARTED, FAN_SENT_NOTHING };

struct fan_ops {
    bool gathers; /* starts, and exits with status 0, may wait for those of other ranks */
    /* Call the child for `ranks`. */
    struct flux_future *(*call_child)(struct fan *f, uint32_t child, const char *ranks);
    /* Take the present item of the child's stream: fan_merge() and what else there is in it.
     * Returns the result function's value. */
    int (*take_item)(struct fan *f, struct fan_child *c, struct flux_error *err);
    /* Send what was collected; may be called with nothing in it. What is not sent now is kept
     * (fan_touch() brings it back). */
    enum fan_sent (*send)(struct fan *f, const struct fan_items *items);
    /* All has been told and the call is answered: free what it is embedded in. */
    void (*end)(struct fan *f);
    /* The caller has gone (the call dies): fan_cancel() and free. */
    void (*gone)(struct fan *f);
};

/* Embedded in a call's state. */
struct fan {
    struct fan_loop *loop;
    const struct fan_ops *ops;
    struct flux_call *call;
    struct flux_hostlist *hosts; /* by rank, or NULL; borrowed */
    bool local_pending;
    bool dirty;
    bool held; /* something waits to be sent with more of its kind */
    bool due;  /* it has waited long enough */
    unsigned nranks, nstarted;
    struct fan_child *children;
    size_t nchildren;
    struct flux_idset *started;
    struct fan_exits {
        int status;
        struct flux_idset *ranks;
    } * exits;
    size_t nexits;
    struct fan_failures {
        int errnum;
        char *text;
        struct flux_idset *ranks;
    } * failures;
    size_t nfailures;
    TAILQ_ENTRY(fan) link;
    TAILQ_ENTRY(fan) held_link;
};

struct fan_loop *fan_loop_new(struct flux *h);
void fan_loop_free(struct fan_loop *loop);

/* Split the text `ranks`, call the children; local_pending tells whether this rank is in the set.
 * Negative: the call is to be refused, nothing was started (text set by flux_call_fail). */
int fan_start(struct fan *f, struct fan_loop *loop, const struct fan_ops *ops,
              struct flux_call *call, const char *ranks);
/* The local part. */
void fan_local_started(struct fan *f, uint32_t rank);
void fan_local_exited(struct fan *f, uint32_t rank, int status);
void fan_local_failed(struct fan *f, uint32_t rank, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A child's report. */
void fan_merge(struct fan *f, struct fan_child *c, const struct fan_items *items);
/* There is something to send at the end of this turn. */
void fan_touch(struct fan *f);
/* The part of `ranks` (NULL: all) that child i was asked for and that has not ended, as text; NULL
 * for none. Caller frees. */
char *fan_child_part(const struct fan *f, size_t i, const struct flux_idset *ranks);
/* Stop the children's calls and free what fan_start() made. */
void fan_cancel(struct fan *f);

#endif
