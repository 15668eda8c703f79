// SPDX-License-Identifier: LGPL-3.0-only
/* Users: looked up once, with their groups, before any fork; becoming one is then system calls
 * only. */
#ifndef IMP_USER_H
#define IMP_USER_H

#include <stddef.h>
#include <sys/types.h>

#include "conf/error.h"

struct user {
    uid_t uid;
    gid_t gid;
    char *name, *home, *shell;
    gid_t *groups; /* all of them, the primary one too */
    int ngroups;
};

/* -ENOENT: no such user. End it with user_done(). */
int user_find(uid_t uid, struct user *ret, struct imp_error *err);
void user_done(struct user *user);

/* Become the user, with all of his groups and no capability, so that there is no way back, and
 * prove it. 0 or a negative errno: then the process must end at once. */
int user_become(const struct user *user);

#endif
