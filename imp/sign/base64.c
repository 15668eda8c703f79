// SPDX-License-Identifier: LGPL-3.0-only
/* Base64 by libsodium, which refuses what is not canonical. */
#include "base64.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

char *base64_encode(const void *bytes, size_t len)
{
    size_t size = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);

    return text ? sodium_bin2base64(text, size, bytes, len, sodium_base64_VARIANT_ORIGINAL) : NULL;
}

/* The end is given: without it trailing garbage is an error of libsodium's own. */
static int decode(const char *text, size_t len, void *bytes, size_t size, size_t *ret_len)
{
    if (len % 4 != 0)
        return -EINVAL;
    return sodium_base642bin(bytes, size, text, len, NULL, ret_len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) < 0
               ? -EINVAL
               : 0;
}

int base64_decode(const char *text, size_t len, char **ret, size_t *ret_len)
{
    size_t size = len / 4 * 3;
    char *bytes = malloc(size + 1);

    if (!bytes)
        return -ENOMEM;
    if (decode(text, len, bytes, size, ret_len) < 0) {
        free(bytes);
        return -EINVAL;
    }
    bytes[*ret_len] = '\0';
    *ret = bytes;
    return 0;
}

int base64_decode_exact(const char *text, void *bytes, size_t len)
{
    size_t got;

    return decode(text, strlen(text), bytes, len, &got) < 0 || got != len ? -EINVAL : 0;
}
