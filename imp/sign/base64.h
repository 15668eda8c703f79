// SPDX-License-Identifier: LGPL-3.0-only
/* RFC 4648 base64: standard alphabet, padded, nothing else in between. */
#ifndef IMP_SIGN_BASE64_H
#define IMP_SIGN_BASE64_H

#include <stddef.h>

/* A new string, or NULL: out of memory. */
char *base64_encode(const void *bytes, size_t len);
/* *ret is a new buffer with a NUL after its end. 0, -EINVAL or -ENOMEM. */
int base64_decode(const char *text, size_t len, char **ret, size_t *ret_len);
/* Text that stands for exactly `len` bytes. 0 or -EINVAL. */
int base64_decode_exact(const char *text, void *bytes, size_t len);

#endif
