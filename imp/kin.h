// SPDX-License-Identifier: LGPL-3.0-only
/* The processes of a job: those in our cgroup, if it is one of a job, else our descendants. The IMP
 * is a subreaper, so that what its child leaves behind stays among them. */
#ifndef IMP_KIN_H
#define IMP_KIN_H

#include <stdbool.h>
#include <stddef.h>

struct kin {
    char cgroup[4096]; /* directory below the cgroup2 mount, or "" */
    bool alone;        /* the cgroup is one job's: its basename begins "imp-shell" or "flux-" */
};

void kin_init(struct kin *kin);

/* SIGKILL to all but ourselves. The number found, which may have grown meanwhile: call it again
 * until there are none. */
int kin_kill(const struct kin *kin);

/* Is any process left in the cgroup of one job? false where there is none. */
bool kin_left(const struct kin *kin);

/* The path of the cgroup2 hierarchy in the text of /proc/PID/cgroup ("0::PATH"), without leading
 * "/..": 0 or -ENOENT. Exposed for tests. */
int kin_parse_cgroup(const char *text, char *path, size_t size);
bool kin_cgroup_is_job(const char *path);

#endif
