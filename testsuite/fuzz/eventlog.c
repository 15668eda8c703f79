// SPDX-License-Identifier: LGPL-3.0-only
/* Eventlogs: each entry that decodes can be encoded and decodes again under the same name. */
#include <flux/eventlog.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct flux_eventlog_entry *e)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);
    FLUX_AUTO_EVENT back = {0};
    struct flux_error err;

    if (flux_eventlog_encode(&b, e->timestamp, e->name, e->context, &err) < 0)
        return;
    if (b.data[b.len - 1] != '\n' || memchr(b.data, '\n', b.len - 1))
        abort();
    /* too small a timestamp is written as zero */
    if (e->timestamp >= 1e-6 && flux_eventlog_entry_decode(&back, b.data, b.len, &err) < 0)
        abort();
    if (back.name && strcmp(back.name, e->name) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flux_eventlog_cursor c = {(const char *)data, (const char *)data + size, 0};
    struct flux_eventlog_entry e;
    struct flux_error err;
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);

    while (flux_eventlog_next(&c, &e, &err) > 0) {
        again(&e);
        flux_eventlog_entry_done(&e);
    }
    flux_eventlog_put_string(&b, (const char *)data, size);
    return 0;
}
