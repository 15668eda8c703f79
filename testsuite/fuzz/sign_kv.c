// SPDX-License-Identifier: LGPL-3.0-only
/* Any bytes to the decoder of RFC 38; what is accepted is what comes back, entry by entry. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../imp/sign/kv.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static int again(struct kv *to, const struct kv *from, const struct kv_entry *e)
{
    const char *s;
    int64_t i;
    double d;
    bool b;
    time_t t;

    switch (e->type) {
    case 's':
        return kv_get_string(from, e->key, &s) < 0 ? -1 : kv_put_string(to, e->key, s);
    case 'i':
        return kv_get_int(from, e->key, &i) < 0 ? -1 : kv_put_int(to, e->key, i);
    case 'd': /* many texts stand for one number */
        return kv_get_double(from, e->key, &d) < 0 ? -1 : kv_put_entry(to, e);
    case 'b':
        return kv_get_bool(from, e->key, &b) < 0 ? -1 : kv_put_bool(to, e->key, b);
    default:
        return kv_get_time(from, e->key, &t) < 0 ? -1 : kv_put_time(to, e->key, t);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct kv *kv = NULL, *copy = kv_new(), *part = kv_new();
    struct kv_entry e;
    size_t n;

    if (kv_decode(data, size, &kv) == 0) {
        for (size_t pos = 0; kv_next(kv, &pos, &e);)
            assert(again(copy, kv, &e) == 0);
        const void *bytes = kv_encode(copy, &n);
        assert(n == size && memcmp(bytes, data, n) == 0);
        (void)kv_split(kv, "a", part);
        for (size_t pos = 0; kv_next(kv, &pos, &e); pos = 0) /* the first, until none is left */
            assert(kv_delete(kv, e.key) == 0);
        kv_encode(kv, &n);
        assert(n == 0);
    }
    kv_free(kv);
    kv_free(copy);
    kv_free(part);
    return 0;
}
