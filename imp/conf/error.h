// SPDX-License-Identifier: LGPL-3.0-only
/* Errors of the privileged code: 0 (or a meaning >= 0) or a negative errno, and one line of text
 * for a person. What came from outside and cannot be printed is escaped, so that a text may go to a
 * log as it is. */
#ifndef IMP_CONF_ERROR_H
#define IMP_CONF_ERROR_H

#include <errno.h>

struct imp_error {
    char text[512];
};

/* Format `err->text` (err may be NULL) and return `r`. Too long a text is cut; bytes outside of
 * printable ASCII become \xNN. */
int imp_error_set(struct imp_error *err, int r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, with ": " and the text of the errno -r after it. */
int imp_error_sys(struct imp_error *err, int r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
