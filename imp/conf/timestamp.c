// SPDX-License-Identifier: LGPL-3.0-only
/* Seconds since 1970 as a date in UTC, and back, without libc's calendar: that reads the time zone
 * of the host from a file, which a confined process cannot. */
#include "timestamp.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { DAY = 86400, LAST_YEAR = 9999 }; /* the form has room for four digits */

static int is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_year(int year)
{
    return 365 + is_leap(year);
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

int timestamp_encode(time_t value, char text[static TIMESTAMP_SIZE])
{
    int year = 1970, month = 1, second = (int)(value % DAY);
    int64_t day = value / DAY;

    if (value < 0)
        return -EINVAL;
    for (; year <= LAST_YEAR && day >= days_of_year(year); year++)
        day -= days_of_year(year);
    if (year > LAST_YEAR)
        return -EINVAL;
    for (; day >= days_of_month(year, month); month++)
        day -= days_of_month(year, month);
    snprintf(text, TIMESTAMP_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, (int)day + 1,
             second / 3600, second / 60 % 60, second % 60);
    return 0;
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
    int64_t days = 0;

    if (strlen(text) != sizeof(form) - 1)
        return -EINVAL;
    for (size_t i = 0; i < sizeof(form) - 1; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return -EINVAL;
    int year = number(text, 4), month = number(text + 5, 2), day = number(text + 8, 2);
    int hour = number(text + 11, 2), minute = number(text + 14, 2), second = number(text + 17, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) ||
        hour > 23 || minute > 59 || second > 59)
        return -EINVAL;
    for (int y = 1970; y < year; y++)
        days += days_of_year(y);
    for (int m = 1; m < month; m++)
        days += days_of_month(year, m);
    *ret = (days + day - 1) * DAY + hour * 3600 + minute * 60 + second;
    return 0;
}
