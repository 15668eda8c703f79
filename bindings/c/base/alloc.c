// SPDX-License-Identifier: LGPL-3.0-only
/* Allocation that cannot fail (it aborts with one line on stderr), and the two clocks. */
#include <flux/base.h>

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void *checked(void *p)
{
    if (!p) {
        static const char msg[] = "flux: out of memory\n";
        if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0)
            _exit(1);
        abort();
    }
    return p;
}

void *flux_alloc(size_t size)
{
    return checked(calloc(1, size ? size : 1));
}

void *flux_realloc(void *p, size_t count, size_t size)
{
    return checked(reallocarray(p, count ? count : 1, size ? size : 1));
}

char *flux_strdup(const char *s)
{
    return s ? checked(strdup(s)) : NULL;
}

char *flux_strndup(const char *s, size_t n)
{
    return checked(strndup(s, n));
}

void *flux_memdup(const void *p, size_t n)
{
    void *copy = checked(malloc(n ? n : 1));

    if (n)
        memcpy(copy, p, n);
    return copy;
}

char *flux_vprintf(const char *fmt, va_list ap)
{
    char *s = NULL;

    if (vasprintf(&s, fmt, ap) < 0)
        s = NULL;
    return checked(s);
}

char *flux_printf(const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = flux_vprintf(fmt, ap);
    va_end(ap);
    return s;
}

void flux_autoclose(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static double clock_seconds(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

double flux_monotime(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

static double walltime_ahead;

void flux_walltime_shift(double seconds)
{
    walltime_ahead = seconds;
}

double flux_walltime(void)
{
    return clock_seconds(CLOCK_REALTIME) + walltime_ahead;
}
