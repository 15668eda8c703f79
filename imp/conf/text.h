// SPDX-License-Identifier: LGPL-3.0-only
/* Bytes to values, for the reader of TOML. */
#ifndef IMP_CONF_TEXT_H
#define IMP_CONF_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The offset of the first byte that is not part of UTF-8 text without NUL; `len` if all is well. */
size_t text_utf8(const char *text, size_t len);
/* A decimal integer with an optional sign, and '_' between digits. 0 or -EINVAL. */
int text_to_int(const char *text, int64_t *ret);
/* A string in "" (with escapes) or '' (without) that begins at *p: *ret is a new string and *p is
 * after the quote. -EINVAL with *why, or -ENOMEM. */
int text_unquote(const char **p, const char *end, char **ret, const char **why);

#endif
