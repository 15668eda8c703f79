// SPDX-License-Identifier: LGPL-3.0-only
/* Moments as text, "2023-08-18T14:59:45Z": the one form that configuration and kv know. */
#ifndef IMP_CONF_TIMESTAMP_H
#define IMP_CONF_TIMESTAMP_H

#include <time.h>

enum { TIMESTAMP_SIZE = 32 };

/* 0, or -EINVAL before 1970 and after 9999. */
int timestamp_encode(time_t value, char text[static TIMESTAMP_SIZE]);
/* 0, or -EINVAL for anything that timestamp_encode() would write differently. */
int timestamp_decode(const char *text, time_t *ret);

#endif
