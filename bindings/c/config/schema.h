// SPDX-License-Identifier: LGPL-3.0-only
/* The form of the generated table of known configuration keys. */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <flux/config.h>

enum config_kind {
    CONFIG_BOOL,
    CONFIG_INT,
    CONFIG_FLOAT,
    CONFIG_STRING,
    CONFIG_FSD,
    CONFIG_IDSET,
    CONFIG_HOSTLIST,
    CONFIG_PATH,
    CONFIG_COMMAND,
    CONFIG_SIGNAL,
    CONFIG_SIZE,
    CONFIG_ENDPOINT,
    CONFIG_TABLE,
    CONFIG_ANY,
    CONFIG_MESSAGE,
};

struct config_field {
    const char *key;
    enum config_kind kind;
    const struct config_table *table; /* of a CONFIG_MESSAGE */
    bool repeated;                    /* an array of such values */
    bool map;                         /* a table of such values under any name */
    bool required;                    /* the table is refused without it */
    bool restart;                     /* acts only after a restart of the broker */
    bool unused;                      /* nothing in this version acts on it */
    bool has_range;
    int64_t min, max;          /* ... of a number */
    const char *const *values; /* the only ones that are accepted; NULL-terminated */
    const char *otherwise;     /* the default, as text for a person */
    const char *doc;
};

struct config_table {
    const struct config_field *fields;
    size_t len;
    bool either; /* the value has the form of one of the fields */
};

extern const struct config_table *const config_roots[]; /* by enum flux_configfile_space */

/* What a value of a kind looks like, for people: "must be ..." */
const char *config_kind_text(enum config_kind kind);
/* Whether a value is of a kind (not CONFIG_MESSAGE). */
bool config_kind_fits(enum config_kind kind, json_t *o);

/* The field of a key, or NULL. */
const struct config_field *config_table_find(const struct config_table *table, const char *key);
/* The known key nearest to a wrong one, or NULL if none is near. */
const char *config_table_nearest(const struct config_table *table, const char *key);

#endif
