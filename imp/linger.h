// SPDX-License-Identifier: LGPL-3.0-only
/* The IMP stays as the parent of what it started: it passes signals on and ends as its child did.
 */
#ifndef IMP_LINGER_H
#define IMP_LINGER_H

#include <signal.h>
#include <stdbool.h>
#include <stdnoreturn.h>
#include <sys/types.h>

/* Before the fork: block all signals, of which linger_wait() reads those that it knows, and become
 * the one that orphans go to.
 * Returns a descriptor to read signals from, or a negative errno. */
int linger_begin(void);
/* When the caller, our parent, dies, everything of the job is killed: nobody else can tell us to.
 * -ESRCH: that has happened. */
int linger_follow(pid_t parent);
/* In the child, once it is who it will be: everything is as a program expects it, and it is killed
 * when its parent is. -ESRCH: that has happened. */
int linger_unblock(pid_t parent);

/* Wait for the child, then until its cgroup, if it has one of its own, is empty. Signals
 * (signals.h) go to the child (`group`: to its process group), or kill all of its processes.
 * Returns the wait status. */
int linger_wait(int fd, pid_t pid, bool group);

/* End with the same exit code, or by the same signal. */
noreturn void linger_exit(int status);

#endif
