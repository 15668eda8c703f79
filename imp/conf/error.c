// SPDX-License-Identifier: LGPL-3.0-only
/* Error texts: formatted, then escaped, so that no input can forge a line of a log. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void escape(struct imp_error *err, const char *raw)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;

    for (const unsigned char *p = (const unsigned char *)raw; *p; p++) {
        if (*p >= ' ' && *p < 0x7f) {
            if (n + 2 > sizeof(err->text))
                break;
            err->text[n++] = (char)*p;
            continue;
        }
        if (n + 5 > sizeof(err->text))
            break;
        err->text[n++] = '\\';
        err->text[n++] = 'x';
        err->text[n++] = hex[*p >> 4];
        err->text[n++] = hex[*p & 15];
    }
    err->text[n] = '\0';
}

int imp_error_set(struct imp_error *err, int r, const char *fmt, ...)
{
    char raw[sizeof(err->text)];
    va_list ap;

    if (!err)
        return r;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    escape(err, raw);
    return r;
}

int imp_error_sys(struct imp_error *err, int r, const char *fmt, ...)
{
    char raw[sizeof(err->text)];
    va_list ap;

    if (!err)
        return r;
    va_start(ap, fmt);
    int n = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(raw))
        snprintf(raw + n, sizeof(raw) - (size_t)n, ": %s", strerrordesc_np(-r) ?: "unknown error");
    escape(err, raw);
    return r;
}
