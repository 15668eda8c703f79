// SPDX-License-Identifier: LGPL-3.0-only
/* Reference-counted bytes. What is shared is never written to again. */
#include <flux/msg.h>

#include <stdatomic.h>

struct flux_bytes *flux_bytes_new(size_t len)
{
    struct flux_bytes *b = malloc(sizeof(*b) + len);

    if (!b)
        abort();
    *b = (struct flux_bytes){.refs = 1, .len = len, .data = (uint8_t *)(b + 1)};
    return b;
}

struct flux_bytes *flux_bytes_copy(const void *data, size_t len)
{
    struct flux_bytes *b = flux_bytes_new(len);

    if (len)
        memcpy(b->data, data, len);
    return b;
}

struct flux_bytes *flux_bytes_adopt(void *data, size_t len, void (*release)(void *), void *arg)
{
    struct flux_bytes *b = flux_alloc(sizeof(*b));

    *b = (struct flux_bytes){.refs = 1, .len = len, .release = release, .arg = arg, .data = data};
    return b;
}

struct flux_bytes *flux_bytes_ref(struct flux_bytes *b)
{
    if (b)
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void flux_bytes_unref(struct flux_bytes *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (b->release)
        b->release(b->arg);
    free(b);
}
