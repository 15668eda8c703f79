// SPDX-License-Identifier: LGPL-3.0-only
/* A growing buffer with a ceiling: len never passes max, and a failed append changes nothing. */
#include <flux/buf.h>

#include <stdio.h>

#define DEFAULT_CEILING ((size_t)16 << 20)

char *flux_buf_reserve(struct flux_buf *b, size_t n)
{
    size_t max = b->max ? b->max : DEFAULT_CEILING;
    size_t need = b->len + n + 1;

    if (n > max || b->len > max - n) {
        b->failed = -EMSGSIZE;
        return NULL;
    }
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        b->cap = cap > need ? cap : need;
        b->data = flux_realloc(b->data, b->cap, 1);
    }
    return b->data + b->len;
}

int flux_buf_add(struct flux_buf *b, const void *data, size_t n)
{
    char *room = flux_buf_reserve(b, n);

    if (!room)
        return -EMSGSIZE;
    if (n)
        memcpy(room, data, n);
    b->len += n;
    b->data[b->len] = '\0';
    return 0;
}

int flux_buf_puts(struct flux_buf *b, const char *s)
{
    return flux_buf_add(b, s, strlen(s));
}

int flux_buf_putc(struct flux_buf *b, char c)
{
    return flux_buf_add(b, &c, 1);
}

int flux_buf_printf(struct flux_buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    if (n < 0)
        return -EINVAL;
    if ((size_t)n < sizeof(small))
        return flux_buf_add(b, small, n);
    if (!flux_buf_reserve(b, n))
        return -EMSGSIZE;
    va_start(ap, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += n;
    return 0;
}

void flux_buf_consume(struct flux_buf *b, size_t n)
{
    if (n >= b->len)
        b->len = 0;
    else {
        memmove(b->data, b->data + n, b->len - n);
        b->len -= n;
    }
    if (b->data)
        b->data[b->len] = '\0';
}

void flux_buf_reset(struct flux_buf *b)
{
    b->len = 0;
    b->failed = 0;
}

char *flux_buf_take(struct flux_buf *b)
{
    char *data = b->data ? b->data : flux_strdup("");

    b->data = NULL;
    b->len = b->cap = 0;
    return data;
}

void flux_buf_done(struct flux_buf *b)
{
    free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
}
