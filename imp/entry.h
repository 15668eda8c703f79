// SPDX-License-Identifier: LGPL-3.0-only
/* The first thing that happens: whatever the caller could leave behind for a privileged program is
 * taken away or put aside. */
#ifndef IMP_ENTRY_H
#define IMP_ENTRY_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "conf/error.h"

struct entry {
    uid_t uid; /* of the caller: the real ids */
    gid_t gid;
    pid_t parent;
    bool privileged;    /* installed setuid root, called by somebody else */
    char **environment; /* the caller's, not to be trusted; environ is empty */
    struct rlimit limits[RLIM_NLIMITS];
};

/* `keep_document`: descriptor 3 is passed on. -EBADF, -EPERM, ... */
int entry_harden(struct entry *entry, bool keep_document, struct imp_error *err);

/* Give the calling process the caller's limits back, or those that the IMP itself runs with. */
int entry_restore_limits(const struct entry *entry);
void entry_own_limits(void);

/* Give up all privileges for good. 0 or -EPERM: then the process must end. */
int entry_drop(struct entry *entry);

#endif
