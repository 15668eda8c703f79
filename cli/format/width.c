// SPDX-License-Identifier: LGPL-3.0-only
/* How wide text is on a terminal. Most text needs no tables: the C library's are asked (and its
 * locale loaded) only for characters beyond Latin, Greek, Cyrillic and the symbol blocks. */
#include "format.h"

#include <locale.h>
#include <wchar.h>

/* The character at *s, which moves on; a malformed byte counts as a character of its own. */
static unsigned next_char(const char **s)
{
    const unsigned char *p = (const unsigned char *)*s;
    unsigned n = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
    unsigned c = n == 3 ? p[0] & 7 : n == 2 ? p[0] & 15 : n == 1 ? p[0] & 31 : p[0];

    for (unsigned i = 1; i <= n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *s += 1;
            return 0xfffd;
        }
        c = c << 6 | (p[i] & 63);
    }
    *s += n + 1;
    return c;
}

static int char_columns(unsigned c)
{
    static bool loaded;
    int w;

    if (c < 0x300 || (c >= 0x370 && c < 0x483) || (c >= 0x2010 && c < 0x2310) ||
        (c >= 0x2500 && c < 0x2600) || (c >= 0x2701 && c < 0x2720 && c != 0x2705))
        return 1;
    if (!loaded) {
        loaded = true;
        if (!setlocale(LC_CTYPE, "C.UTF-8"))
            (void)setlocale(LC_CTYPE, "");
    }
    w = wcwidth((wchar_t)c);
    return w < 0 ? 1 : w;
}

size_t format_columns(const char *s)
{
    size_t columns = 0;

    while (*s) {
        if ((unsigned char)*s < 0x80) {
            s++;
            columns++;
        } else {
            columns += (size_t)char_columns(next_char(&s));
        }
    }
    return columns;
}

size_t format_fit(const char *s, size_t columns)
{
    const char *p = s;

    while (*p) {
        const char *at = p;
        size_t w = (size_t)char_columns(next_char(&p));

        if (w > columns)
            return (size_t)(at - s);
        columns -= w;
    }
    return (size_t)(p - s);
}
