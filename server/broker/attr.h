// SPDX-License-Identifier: LGPL-3.0-only
/* Broker attributes. Values may be read from any thread: a value once given out stays valid until
 * the table is freed. */
#ifndef BROKER_ATTR_H
#define BROKER_ATTR_H

#include <flux/base.h>

struct attrs;

enum attr_flags {
    ATTR_READONLY = 1, /* set by the broker alone; not on the command line either */
    ATTR_RUNTIME = 2,  /* may be set while the broker runs */
    ATTR_COMMAND = 4,  /* was set on the command line: a config key does not override it */
    ATTR_CONFIG = 8,   /* was set by a config key */
};

struct attrs *attrs_new(void); /* with the defaults */
void attrs_free(struct attrs *a);
/* By the broker itself: no checks. value NULL removes. */
void attrs_set(struct attrs *a, const char *name, const char *value, int flags);
void attrs_setf(struct attrs *a, const char *name, int flags, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* -S NAME=VALUE. -EPERM: the broker sets it itself. */
int attrs_set_command(struct attrs *a, const char *assignment, struct flux_error *err);
/* flux setattr. -ENOENT (unless force), -EPERM. */
int attrs_set_runtime(struct attrs *a, const char *name, const char *value, bool force,
                      struct flux_error *err);
const char *attrs_get(struct attrs *a, const char *name); /* NULL: not set */
int attrs_flags(struct attrs *a, const char *name);       /* 0 if not set */
double attrs_get_fsd(struct attrs *a, const char *name, double otherwise);
long attrs_get_int(struct attrs *a, const char *name, long otherwise);
/* Visit in order of names. */
void attrs_visit(struct attrs *a,
                 void (*cb)(const char *name, const char *value, int flags, void *arg), void *arg);

#endif
