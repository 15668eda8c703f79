// SPDX-License-Identifier: LGPL-3.0-only
/* The text forms of RFC 38 values. Independent of the locale; one value has one form, except that
 * doubles may be written in any way that strtod reads. */
#ifndef IMP_SIGN_KV_VALUE_H
#define IMP_SIGN_KV_VALUE_H

#include <stdint.h>

enum {
    KV_VALUE_MAX = 400
}; /* of the text of a number: DBL_MAX has 309 digits and 6 after the point */

void kv_value_from_int(int64_t value, char *text);
int kv_value_from_double(double value, char *text);

/* 0 or -EINVAL. */
int kv_value_to_int(const char *text, int64_t *ret);
int kv_value_to_double(const char *text, double *ret);
int kv_value_check(char type, const char *text);

#endif
