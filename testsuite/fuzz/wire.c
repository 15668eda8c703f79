// SPDX-License-Identifier: LGPL-3.0-only
/* Any bytes as what a peer sends: frames are cut, envelopes decoded, and what was decoded can be
 * encoded again. */
#include <assert.h>

#include <flux/msg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_frame(struct flux_bytes *frame, void *arg)
{
    struct flux_buf head = FLUX_BUF_INIT(0);
    struct flux_error err = {""};
    struct flux_msg *m;

    if (flux_msg_decode(frame, 0, frame->len, &m, &err) == 0) {
        size_t bound = flux_msg_head_size(m);
        assert(flux_msg_encode_head(m, &head) == 0);
        assert(head.len <= bound);
        flux_msg_free(m);
    } else {
        assert(err.text[0]);
    }
    flux_buf_done(&head);
    flux_bytes_unref(frame);
    return 0;
}

static int on_oversize(size_t len, void *arg)
{
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flux_frame_reader r = {.max = 4096};
    struct flux_bytes *whole = flux_bytes_copy(data, size);
    size_t half = size / 2;

    on_frame(whole, NULL); /* with no framing, so that it is found quickly */
    flux_frame_feed(&r, data, half, on_frame, on_oversize, NULL);
    flux_frame_feed(&r, data + half, size - half, on_frame, on_oversize, NULL);
    flux_frame_done(&r);
    return 0;
}
