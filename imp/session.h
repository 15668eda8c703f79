// SPDX-License-Identifier: LGPL-3.0-only
/* The PAM session of a job: service "flux", opened as root before the fork, closed after the job.
 */
#ifndef IMP_SESSION_H
#define IMP_SESSION_H

#include "conf/error.h"
#include "user.h"

struct session;

/* For `user`, asked for by `requester`. Credentials are established, then the session is opened;
 * what succeeded is undone if a later step fails. -EPERM. */
int session_open(const struct user *user, const char *requester, struct session **ret,
                 struct imp_error *err);
/* "NAME=value" strings that the modules set, with NULL at the end; they are the caller's. */
char **session_environment(struct session *session);
/* Failures are logged. */
void session_close(struct session *session);

#endif
