// SPDX-License-Identifier: LGPL-3.0-only
/* Frames out of a byte stream: a big-endian uint32 length, then that many bytes. A frame over the
 * ceiling is skipped as it streams by, so nobody can make us allocate more than the ceiling. */
#include <flux/msg.h>

static size_t take(size_t *left, size_t want)
{
    size_t n = *left < want ? *left : want;

    *left -= n;
    return n;
}

static int begin_frame(struct flux_frame_reader *r, int (*on_oversize)(size_t, void *), void *arg)
{
    size_t max = r->max ? r->max : FLUX_MESSAGE_MAX;
    size_t len = (size_t)r->prefix[0] << 24 | r->prefix[1] << 16 | r->prefix[2] << 8 | r->prefix[3];

    r->have_prefix = 0;
    if (len > max) {
        r->skip = len;
        return on_oversize(len, arg);
    }
    r->bytes = flux_bytes_new(len);
    r->have = 0;
    return 0;
}

int flux_frame_feed(struct flux_frame_reader *r, const void *data, size_t n,
                    int (*on_frame)(struct flux_bytes *, void *),
                    int (*on_oversize)(size_t, void *), void *arg)
{
    const uint8_t *p = data;
    size_t m;
    int rc;

    while (n > 0 || (r->bytes && r->have == r->bytes->len)) {
        if (r->skip) {
            m = take(&n, r->skip);
            r->skip -= m;
        } else if (!r->bytes) {
            m = take(&n, sizeof(r->prefix) - r->have_prefix);
            memcpy(r->prefix + r->have_prefix, p, m);
            r->have_prefix += m;
            if (r->have_prefix == sizeof(r->prefix) && (rc = begin_frame(r, on_oversize, arg)) < 0)
                return rc;
        } else {
            m = take(&n, r->bytes->len - r->have);
            memcpy(r->bytes->data + r->have, p, m);
            r->have += m;
            if (r->have == r->bytes->len && (rc = on_frame(FLUX_GIVE(r->bytes), arg)) < 0)
                return rc;
        }
        p += m;
    }
    return 0;
}

void flux_frame_done(struct flux_frame_reader *r)
{
    flux_bytes_unref(r->bytes);
    r->bytes = NULL;
}
