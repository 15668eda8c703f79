// SPDX-License-Identifier: LGPL-3.0-only
/* UTF-8, integers, and strings with escapes. */
#include "text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the sequence that begins here, or 0: overlong forms, surrogates, too great, cut off. */
static size_t sequence(const unsigned char *s, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;

    if (n < 2 || n > len)
        return n == 1 && s[0] != 0 ? 1 : 0;
    uint32_t c = s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

size_t text_utf8(const char *text, size_t len)
{
    size_t pos = 0, n;

    while (pos < len && (n = sequence((const unsigned char *)text + pos, len - pos)) > 0)
        pos += n;
    return pos;
}

int text_to_int(const char *text, int64_t *ret)
{
    bool negative = *text == '-';
    const char *p = text + (*text == '-' || *text == '+');
    uint64_t value = 0, max = (uint64_t)INT64_MAX + negative;
    bool digit = false;

    if (p[0] == '0' && p[1] != '\0')
        return -EINVAL;
    for (; *p; p++) {
        if (*p == '_' && digit && p[1] >= '0' && p[1] <= '9')
            continue;
        digit = *p >= '0' && *p <= '9';
        if (!digit)
            return -EINVAL;
        uint64_t d = (uint64_t)(*p - '0');
        if (value > (max - d) / 10)
            return -EINVAL;
        value = value * 10 + d;
    }
    if (!digit)
        return -EINVAL;
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code point of \uXXXX or \UXXXXXXXX at *p (after the letter), as UTF-8. */
static int code_point(const char **p, const char *end, int digits, char **out)
{
    uint32_t c = 0;

    if (end - *p < digits)
        return -EINVAL;
    for (int i = 0; i < digits; i++) {
        int d = hex_digit((*p)[i]);
        if (d < 0)
            return -EINVAL;
        c = c << 4 | (uint32_t)d;
    }
    *p += digits;
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return -EINVAL;
    int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    *(*out)++ = (char)(lead[more] | c >> (6 * more));
    while (more-- > 0)
        *(*out)++ = (char)(0x80 | ((c >> (6 * more)) & 0x3f));
    return 0;
}

/* What follows a backslash. */
static int escape(const char **p, const char *end, char **out)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";

    if (*p >= end)
        return -EINVAL;
    char c = *(*p)++;
    if (c == 'u' || c == 'U')
        return code_point(p, end, c == 'u' ? 4 : 8, out);
    const char *at = c ? strchr(from, c) : NULL;
    if (!at)
        return -EINVAL;
    *(*out)++ = to[at - from];
    return 0;
}

int text_unquote(const char **p, const char *end, char **ret, const char **why)
{
    char quote = *(*p)++;
    /* no escape is shorter than what it stands for */
    char *buf = malloc((size_t)(end - *p) + 1), *out = buf;

    if (!buf)
        return -ENOMEM;
    while (*p < end && **p != quote && **p != '\n') {
        char c = *(*p)++;
        int r = 0;
        *why = "control character in a string";
        if (((unsigned char)c < ' ' && c != '\t') || c == 0x7f)
            r = -EINVAL;
        else if (c != '\\' || quote == '\'')
            *out++ = c;
        else if ((r = escape(p, end, &out)) < 0)
            *why = "unknown escape in a string";
        if (r < 0) {
            free(buf);
            return r;
        }
    }
    if (*p >= end || **p != quote) {
        *why = "a string does not end on its line";
        free(buf);
        return -EINVAL;
    }
    (*p)++;
    *out = '\0';
    char *tight = realloc(buf, (size_t)(out - buf) + 1);
    *ret = tight ? tight : buf;
    return 0;
}
