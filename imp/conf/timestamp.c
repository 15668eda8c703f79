// SPDX-License-Identifier: LGPL-3.0-only
/* Seconds since 1970 as a date in UTC, and back. */
#include "timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int timestamp_encode(time_t value, char text[static TIMESTAMP_SIZE])
{
    struct tm tm;

    /* four digits of year, which is what the form has room for */
    if (value < 0 || value > 253402300799 || !gmtime_r(&value, &tm))
        return -EINVAL;
    return strftime(text, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) ? 0 : -EINVAL;
}

static int number(const char *text, int digits)
{
    int value = 0;

    for (int i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

int timestamp_decode(const char *text, time_t *ret)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    char again[TIMESTAMP_SIZE];

    if (strlen(text) != sizeof(form) - 1)
        return -EINVAL;
    for (size_t i = 0; i < sizeof(form) - 1; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return -EINVAL;
    struct tm tm = {.tm_year = number(text, 4) - 1900,
                    .tm_mon = number(text + 5, 2) - 1,
                    .tm_mday = number(text + 8, 2),
                    .tm_hour = number(text + 11, 2),
                    .tm_min = number(text + 14, 2),
                    .tm_sec = number(text + 17, 2)};
    time_t value = timegm(&tm);
    /* timegm makes February 31 a day of March: the text must come back as it was */
    if (timestamp_encode(value, again) < 0 || strcmp(again, text) != 0)
        return -EINVAL;
    *ret = value;
    return 0;
}
