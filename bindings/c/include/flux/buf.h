// SPDX-License-Identifier: LGPL-3.0-only
/* A growing byte buffer, born with a ceiling. Always NUL-terminated past `len` once written to. */
#ifndef FLUX_BUF_H
#define FLUX_BUF_H

#include <flux/base.h>

#pragma GCC visibility push(default)

struct flux_buf {
    char *data; /* NULL until the first byte; owned */
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* ceiling on len; 0 = 16 MiB */
    int failed; /* -EMSGSIZE once an append would have passed the ceiling (sticky); else 0 */
};

#define FLUX_BUF_INIT(ceiling)                                                                     \
    {                                                                                              \
        .max = (ceiling)                                                                           \
    }
#define FLUX_AUTO_BUF __attribute__((cleanup(flux_buf_done))) struct flux_buf

/* Each returns 0 or -EMSGSIZE; after a failure the buffer keeps what it had. */
int flux_buf_add(struct flux_buf *b, const void *data, size_t n);
int flux_buf_puts(struct flux_buf *b, const char *s);
int flux_buf_putc(struct flux_buf *b, char c);
int flux_buf_printf(struct flux_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes at data+len (not counted until the caller adds to len), or NULL. */
char *flux_buf_reserve(struct flux_buf *b, size_t n);
/* Drop n bytes from the front. */
void flux_buf_consume(struct flux_buf *b, size_t n);
void flux_buf_reset(struct flux_buf *b); /* len = 0, memory kept */
/* Take the memory (NUL-terminated, "" if empty); the buffer is empty again. Caller frees. */
char *flux_buf_take(struct flux_buf *b);
void flux_buf_done(struct flux_buf *b);

#pragma GCC visibility pop
#endif
