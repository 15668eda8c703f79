// SPDX-License-Identifier: LGPL-3.0-only
/* The few processes that the broker itself starts: the initial program and rc scripts. (Job shells
 * and commands are the spawn helper's.) */
#ifndef BROKER_SUBPROC_H
#define BROKER_SUBPROC_H

#include <uv.h>

#include <flux/base.h>

struct subproc;

/* Start argv[0] (searched in PATH) with our standard streams and `envp`. `on_exit(status)` is
 * called once from the loop with the wait status; the subproc is freed when it returns. */
int subproc_start(uv_loop_t *loop, char *const *argv, char *const *envp, bool own_group,
                  void (*on_exit)(int status, void *arg), void *arg, struct subproc **ret,
                  struct flux_error *err);
void subproc_kill(struct subproc *p, int signum);
pid_t subproc_pid(const struct subproc *p);

#endif
