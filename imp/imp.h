// SPDX-License-Identifier: LGPL-3.0-only
/* flux-imp, the one program of Flux that runs as root: what its commands share. Everything here
 * fails closed: an error, out of memory included, ends the program before anything was started. */
#ifndef IMP_IMP_H
#define IMP_IMP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "conf/error.h"
#include "entry.h"
#include "sign/kv.h"
#include "user.h"

struct imp {
    int argc;
    char **argv; /* from the name of the command on */
    struct entry entry;
    struct user caller;
    struct conf *conf; /* /etc/flux/imp */
};

/* A command: `ask` runs without privileges and turns what the caller says into a request; `act` is
 * root and believes none of it. A command without `ask` has dropped privileges when it acts. */
struct command {
    const char *name;
    const char *usage;
    const char *users; /* key of those who may, below the table; NULL: anyone */
    int (*ask)(struct imp *imp, struct kv *request, struct imp_error *err);
    int (*act)(struct imp *imp, struct kv *request, struct imp_error *err);
};

extern const struct command command_casign, command_exec, command_kill, command_run,
    command_version, command_whoami;

/* Is the caller in the array of names at this path of the configuration? 0 or -EPERM. */
int imp_check_caller(const struct imp *imp, const char *path, struct imp_error *err);

#endif
