// SPDX-License-Identifier: LGPL-3.0-only
/* The configuration of the privileged code: a small reader of TOML (tables, dotted and quoted keys,
 * arrays, inline tables, strings with escapes, integers, booleans, times in UTC, comments).
 * Everything else, and every unknown key, is an error with file and line. Sizes are bounded. */
#ifndef IMP_CONF_CONF_H
#define IMP_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "error.h"

enum conf_type {
    CONF_TABLE,
    CONF_ARRAY,
    CONF_STRING,
    CONF_INT,
    CONF_BOOL,
    CONF_TIME,
};

enum {
    CONF_FILE_MAX = 1 << 20, /* bytes of a file */
    CONF_FILES_MAX = 256,    /* files of a directory */
    CONF_DEPTH_MAX = 16,     /* tables and arrays in each other */
    CONF_NODES_MAX = 4096,   /* values of all files together */
};

struct conf; /* a value: the root of a configuration is a table */

/* The keys that a table may have: generated from proto/flux/v1/config.proto. */
struct conf_keys;
extern const struct conf_keys conf_keys_security, conf_keys_imp;

/* Every *.toml of a directory, in the order of their names, read through secure_open*() with that
 * `owner`. Tables merge; where two files set one key
 * the later one wins, and twice in one file is an error. At least one file must be there (-ENOENT).
 */
int conf_load(const char *dir, uid_t owner, struct conf **ret, struct imp_error *err);
/* From text that need not end with NUL; `name` stands for the file in messages. */
int conf_parse(const char *text, size_t len, const char *name, struct conf **ret,
               struct imp_error *err);
void conf_free(struct conf *root);

/* Check the keys and types of values; -EINVAL with file, line and the key nearest to a wrong one.
 */
int conf_check(const struct conf *root, const struct conf_keys *keys, struct imp_error *err);

/* The value at a dotted path ("exec.allowed-users"), or NULL. */
const struct conf *conf_get(const struct conf *table, const char *path);
/* 1 and *ret written if the path is set, 0 if it is not, -EINVAL if it is of another type. What is
 * returned belongs to the configuration. */
int conf_get_string(const struct conf *table, const char *path, const char **ret,
                    struct imp_error *err);
int conf_get_int(const struct conf *table, const char *path, int64_t *ret, struct imp_error *err);
int conf_get_bool(const struct conf *table, const char *path, bool *ret, struct imp_error *err);
int conf_get_time(const struct conf *table, const char *path, time_t *ret, struct imp_error *err);
/* An array of nothing but strings. */
int conf_get_strings(const struct conf *table, const char *path, const struct conf **ret,
                     struct imp_error *err);

enum conf_type conf_type(const struct conf *value);
/* Members of a table or array, and the i-th of them (NULL past the last). */
size_t conf_len(const struct conf *value);
const struct conf *conf_at(const struct conf *value, size_t i);
/* The key of a member of a table, "" for elements. */
const char *conf_key(const struct conf *value);
/* The text of a string; "" for other types. */
const char *conf_string(const struct conf *value);
/* Is `text` one of an array of strings? false for NULL. */
bool conf_has(const struct conf *array, const char *text);
/* "imp.toml:3": where a value was set. The buffer is the caller's; returns it. */
const char *conf_where(const struct conf *value, char *buf, size_t size);

#endif
