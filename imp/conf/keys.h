// SPDX-License-Identifier: LGPL-3.0-only
/* The form of the generated tables of known keys. */
#ifndef IMP_CONF_KEYS_H
#define IMP_CONF_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum conf_kind {
    CONF_KIND_BOOL,
    CONF_KIND_INT,
    CONF_KIND_STRING,
    CONF_KIND_PATH,
    CONF_KIND_KEYS,
};

struct conf_key {
    const char *name;
    enum conf_kind kind;
    const struct conf_keys *keys; /* of CONF_KIND_KEYS: a table with these */
    bool repeated;                /* an array of such values */
    bool map;                     /* a table of such values under any name */
};

struct conf_keys {
    const struct conf_key *rows;
    size_t len;
};

#endif
