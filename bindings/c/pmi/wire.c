// SPDX-License-Identifier: LGPL-3.0-only
/* Cutting of PMI-1 lines. Nothing here looks past `len`, and nothing is copied. */
#include "wire.h"

#include <limits.h>

struct pmi_word pmi_wire_word(const char *line, size_t len, const char *name, bool rest)
{
    size_t name_len = strlen(name);
    const char *p = line, *end = line + len;

    while (p < end) {
        const char *stop;

        if (*p == ' ') {
            p++;
            continue;
        }
        stop = memchr(p, ' ', end - p);
        if (!stop)
            stop = end;
        if ((size_t)(stop - p) > name_len && !memcmp(p, name, name_len) && p[name_len] == '=') {
            p += name_len + 1;
            return (struct pmi_word){p, (rest ? end : stop) - p};
        }
        p = stop;
    }
    return (struct pmi_word){NULL, 0};
}

bool pmi_wire_is(struct pmi_word w, const char *s)
{
    return w.s && w.len == strlen(s) && !memcmp(w.s, s, w.len);
}

int pmi_wire_int(struct pmi_word w, int *value)
{
    bool negative = w.len > 1 && w.s[0] == '-';
    long long n = 0;

    if (!w.s || !w.len)
        return -EINVAL;
    for (size_t i = negative; i < w.len; i++) {
        if (w.s[i] < '0' || w.s[i] > '9')
            return -EINVAL;
        n = n * 10 + (w.s[i] - '0');
        if (n > INT_MAX)
            return -ERANGE;
    }
    *value = negative ? -n : n;
    return 0;
}

ssize_t pmi_wire_line(const char *data, size_t len)
{
    const char *nl = len ? memchr(data, '\n', len) : NULL;

    return nl ? nl - data : -EAGAIN;
}
