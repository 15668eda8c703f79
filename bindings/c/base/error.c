// SPDX-License-Identifier: LGPL-3.0-only
/* Error texts: one fixed buffer, cut rather than grown, never overwritten by a later failure. */
#include <flux/base.h>

#include <stdio.h>

static void set_text(struct flux_error *err, const char *fmt, va_list ap)
{
    if (err)
        vsnprintf(err->text, sizeof(err->text), fmt, ap);
}

int flux_error_set(struct flux_error *err, int r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    return r;
}

int flux_error_sys(struct flux_error *err, int r, const char *fmt, ...)
{
    va_list ap;
    size_t n;

    if (!err)
        return r;
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    n = strlen(err->text);
    snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerror(r < 0 ? -r : r));
    return r;
}

int flux_error_prefix(struct flux_error *err, int r, const char *fmt, ...)
{
    char old[sizeof(err->text)];
    va_list ap;
    size_t n;

    if (!err)
        return r;
    memcpy(old, err->text, sizeof(old));
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    n = strlen(err->text);
    snprintf(err->text + n, sizeof(err->text) - n, ": %s", old);
    return r;
}

const char *flux_errname(int errnum)
{
    static __thread char unknown[16];
    const char *name = strerrorname_np(errnum);

    if (name)
        return name;
    snprintf(unknown, sizeof(unknown), "E%d", errnum);
    return unknown;
}
