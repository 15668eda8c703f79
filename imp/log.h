// SPDX-License-Identifier: LGPL-3.0-only
/* The log of what was done and refused: syslog, facility authpriv, one line of printable text. */
#ifndef IMP_LOG_H
#define IMP_LOG_H

#include <stdnoreturn.h>
#include <syslog.h>

#include "entry.h"

/* "err", "warning", "info" (also "notice") or "debug"; 0 or -EINVAL. By default info. */
int log_set_level(const char *name);

/* What others gave must have passed imp_error_set(), or be escaped by this. */
void log_write(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Log, give up privileges, say it on standard error (which is the caller's), exit 1. */
noreturn void log_refuse(struct entry *entry, const char *text);

#endif
