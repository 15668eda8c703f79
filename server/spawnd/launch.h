// SPDX-License-Identifier: LGPL-3.0-only
/* One process to be made, everything prepared: the child between clone and exec allocates nothing.
 */
#ifndef SPAWND_LAUNCH_H
#define SPAWND_LAUNCH_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct fd_map {
    int target;
    int source;
};

struct launch {
    char **argv;
    char **envp;
    char **paths; /* what to try to execute, in order; NULL at the end */
    const char *cwd;
    const char *cgroup_procs; /* file to write oneself into, or NULL */
    struct fd_map *map;       /* each source is an open CLOEXEC descriptor */
    unsigned nmap;
    int max_target;
    bool session;
    struct rlimit nofile;
    /* results */
    int errnum;        /* 0: it runs */
    const char *stage; /* what failed */
    const char *object;
};

/* Make it: returns its pid and *ret_pidfd (CLOEXEC), or a negative errno with l->stage, l->object.
 */
pid_t launch_process(struct launch *l, int *ret_pidfd);

#endif
