// SPDX-License-Identifier: LGPL-3.0-only
/* Numbers of RFC 38 as text, and back; the form of any value. */
#include "kv_value.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../conf/timestamp.h"

void kv_value_from_int(int64_t value, char *text)
{
    snprintf(text, KV_VALUE_MAX, "%" PRId64, value);
}

int kv_value_from_double(double value, char *text)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", NULL);

    if (!c)
        return -ENOMEM;
    locale_t old = uselocale(c);
    snprintf(text, KV_VALUE_MAX, "%f", value);
    uselocale(old);
    freelocale(c);
    return 0;
}

int kv_value_to_int(const char *text, int64_t *ret)
{
    char again[KV_VALUE_MAX], *end;

    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end)
        return -EINVAL;
    kv_value_from_int(value, again);
    if (strcmp(again, text) != 0)
        return -EINVAL;
    *ret = value;
    return 0;
}

int kv_value_to_double(const char *text, double *ret)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
    char *end;

    if (!c)
        return -ENOMEM;
    double value = strtod_l(text, &end, c);
    freelocale(c);
    if (end == text || *end || strchr(" \t\n\v\f\r", text[0]))
        return -EINVAL;
    *ret = value;
    return 0;
}

int kv_value_check(char type, const char *text)
{
    int64_t i;
    double d;
    time_t t;

    switch (type) {
    case 's':
        return 0;
    case 'i':
        return kv_value_to_int(text, &i);
    case 'd':
        return kv_value_to_double(text, &d);
    case 'b':
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ? 0 : -EINVAL;
    case 't':
        return timestamp_decode(text, &t);
    default:
        return -EINVAL;
    }
}
