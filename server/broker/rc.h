// SPDX-License-Identifier: LGPL-3.0-only
/* The start and stop scripts rc1 and rc3. */
#ifndef BROKER_RC_H
#define BROKER_RC_H

#include "broker.h"

struct rc;

/* Run `command` with /bin/sh -c. What it writes is logged line by line under `name`, then how it
 * ended. done(status) is called once from the loop with the wait status, then *ret is gone. */
int rc_start(struct broker *b, const char *name, const char *command,
             void (*done)(int status, void *arg), void *arg, struct rc **ret,
             struct flux_error *err);
/* End it early; done() is still called. */
void rc_kill(struct rc *rc, int signum);

#endif
