// SPDX-License-Identifier: LGPL-3.0-only
/* Commands: a struct run is a Run call over ranks from here down, a struct command the process of
 * this rank. The command outlives the call when that goes away; then run is NULL. */
#ifndef EXEC_RUN_H
#define EXEC_RUN_H

#include "exec.h"
#include "stream.h"

struct command {
    struct local l; /* first */
    struct run *run;
    struct stream *in, *out[2];
    bool background;
    bool started, exited;
    struct spawn_exit exit;
    uint64_t spawn_id;
};

/* Output on its way up; a child's last chunk of an item carries the item's cost. */
struct chunk {
    STAILQ_ENTRY(chunk) link;
    uint32_t rank, stream;
    bool eof;
    uint8_t *data;
    size_t len;
    size_t child; /* index + 1; 0 = ours */
    uint32_t cost;
};

struct run {
    struct fan fan; /* first */
    struct exec *exec;
    const flux_exec_run_request *request; /* lives as long as the call */
    char *label;                          /* NULL: none */
    struct command *command;              /* the local part, while it lasts */
    STAILQ_HEAD(, chunk) queue;
    size_t queued;   /* bytes */
    uint32_t window; /* of credit, for each child */
    TAILQ_ENTRY(run) link;
    UT_hash_handle hh; /* if it has a label */
};

/* run.c, called by the command */
void run_output(struct run *run, uint32_t stream, uint8_t *data, size_t len);
bool run_can_take(const struct run *run);
struct run *run_find(struct exec *x, const char *label);

/* command.c */
void command_start(struct run *run);
void command_flow(struct command *c);
/* The caller is gone: unless it is to stay, kill it. */
void command_orphan(struct command *c);
void command_input(struct command *c, const void *data, size_t len, bool eof, stream_done_f done,
                   void *arg);

#endif
