// SPDX-License-Identifier: LGPL-3.0-only
/* Base64 (RFC 4648, with padding). */
#ifndef FLUX_BASE64_H
#define FLUX_BASE64_H

#include <flux/buf.h>

#pragma GCC visibility push(default)

/* Caller frees. */
char *flux_base64_encode(const void *data, size_t len);
/* Append what `text` stands for. -EINVAL: it is not base64; -EMSGSIZE: past the buffer's ceiling.
 * The buffer then has a part of it. */
int flux_base64_decode(const char *text, struct flux_buf *out);

#pragma GCC visibility pop
#endif
