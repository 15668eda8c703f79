// SPDX-License-Identifier: LGPL-3.0-only
/* Errors: a function returns 0 (or a meaning >= 0) or a negative errno; the text for a person goes
 * into an optional struct flux_error, written once, by the first who knows. */
#ifndef FLUX_ERROR_H
#define FLUX_ERROR_H

#include <errno.h>
#include <stdarg.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* One line, no newline at the end: what was wrong, where, and what to do. */
struct flux_error {
    char text[320];
};

/* Format `err->text` (err may be NULL) and return `r`, a negative errno, so that a caller can write
 * `return flux_error_set(err, -EINVAL, "idset: bad range at '%.16s'", s);`. Too long a text is cut.
 */
int flux_error_set(struct flux_error *err, int r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with the error's own text ("No such file or directory") appended after ": ". */
int flux_error_sys(struct flux_error *err, int r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "PREFIX: " before a text already set by a callee; returns `r`. */
int flux_error_prefix(struct flux_error *err, int r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Name of an errno ("ENOENT"); "E<number>" for an unknown one (a static per-thread buffer then). */
const char *flux_errname(int errnum);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
