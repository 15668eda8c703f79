// SPDX-License-Identifier: LGPL-3.0-only
/* Times of log lines and messages. */
#include "stamp.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static void print_iso(double t)
{
    time_t sec = (time_t)t;
    char buf[32];
    struct tm tm;

    gmtime_r(&sec, &tm);
    strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm);
    printf("%s.%06dZ ", buf, (int)((t - floor(t)) * 1e6));
}

void stamp_print(struct stamp *s, double t)
{
    time_t sec = (time_t)t;
    char buf[32];
    struct tm tm;

    if (!s->human) {
        print_iso(t);
        return;
    }
    if (s->minute && s->minute == sec / 60) {
        printf("[%+11.6f] ", t - s->base);
        if (s->delta)
            s->base = t;
        return;
    }
    localtime_r(&sec, &tm);
    strftime(buf, sizeof(buf), "%b%d %H:%M", &tm);
    printf("[%s] ", buf);
    s->minute = sec / 60;
    s->base = t;
}
