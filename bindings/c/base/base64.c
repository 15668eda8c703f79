// SPDX-License-Identifier: LGPL-3.0-only
/* Base64, written here because a library for this alone would make every command start later. */
#include <flux/base64.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *flux_base64_encode(const void *data, size_t len)
{
    char *text = flux_alloc((len + 2) / 3 * 4 + 1), *out = text;
    const unsigned char *p = data;

    for (size_t i = 0; i < len; i += 3) {
        unsigned v = (unsigned)p[i] << 16 | (i + 1 < len ? (unsigned)p[i + 1] << 8 : 0) |
                     (i + 2 < len ? p[i + 2] : 0);

        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < len ? digits[v & 63] : '=';
    }
    return text;
}

int flux_base64_decode(const char *text, struct flux_buf *out)
{
    size_t n = strlen(text);
    unsigned v = 0;

    if (n % 4)
        return -EINVAL;
    while (n && text[n - 1] == '=' && n % 4 != 2)
        n--;
    for (size_t i = 0; i < n; i++) {
        const char *d = memchr(digits, text[i], 64);
        int r = 0;

        if (!d)
            return -EINVAL;
        v = v << 6 | (unsigned)(d - digits);
        if (i % 4)
            r = flux_buf_putc(out, (char)(v >> (6 - 2 * (i % 4))));
        if (r < 0)
            return r;
    }
    return 0;
}
