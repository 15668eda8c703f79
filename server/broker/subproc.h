// SPDX-License-Identifier: LGPL-3.0-only
/* The few processes that the broker itself starts: the initial program and rc scripts. (Job shells
 * and commands are the spawn helper's.) */
#ifndef BROKER_SUBPROC_H
#define BROKER_SUBPROC_H

#include <uv.h>

#include <flux/base.h>

struct subproc;

struct subproc_options {
    char *const *argv; /* argv[0] is searched in PATH */
    char *const *envp;
    bool own_group; /* a process group of its own */
    int output;     /* file descriptor for its output and errors; 0: ours */
    /* Called once from the loop with the wait status; the subproc is freed when it returns. */
    void (*on_exit)(int status, void *arg);
    void *arg;
};

int subproc_start(uv_loop_t *loop, const struct subproc_options *opts, struct subproc **ret,
                  struct flux_error *err);
void subproc_kill(struct subproc *p, int signum);

#endif
