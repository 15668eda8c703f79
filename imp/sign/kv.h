// SPDX-License-Identifier: LGPL-3.0-only
/* RFC 38: keys and typed values as bytes, KEY NUL TYPE VALUE NUL ..., and back. What is decoded is
 * valid as a whole: each value has the form of its type, and no key comes twice. */
#ifndef IMP_SIGN_KV_H
#define IMP_SIGN_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
    KV_SIZE_MAX = 32 << 20, /* bytes */
    KV_LEN_MAX = 4096,      /* entries */
};

struct kv;

struct kv *kv_new(void); /* NULL: out of memory */
void kv_free(struct kv *kv);

/* Set a key, which replaces what it had. 0, -EINVAL (empty key, time out of range), -E2BIG,
 * -ENOMEM. */
int kv_put_string(struct kv *kv, const char *key, const char *value);
int kv_put_int(struct kv *kv, const char *key, int64_t value);
int kv_put_double(struct kv *kv, const char *key, double value);
int kv_put_bool(struct kv *kv, const char *key, bool value);
int kv_put_time(struct kv *kv, const char *key, time_t value);
int kv_delete(struct kv *kv, const char *key); /* 0 or -ENOENT */

/* 0, -ENOENT, or -EINVAL for a value of another type. A string belongs to the kv until it changes.
 */
int kv_get_string(const struct kv *kv, const char *key, const char **ret);
int kv_get_int(const struct kv *kv, const char *key, int64_t *ret);
int kv_get_double(const struct kv *kv, const char *key, double *ret);
int kv_get_bool(const struct kv *kv, const char *key, bool *ret);
int kv_get_time(const struct kv *kv, const char *key, time_t *ret);

/* The entries in order: start with *pos = 0; false after the last. `value` is as encoded. */
struct kv_entry {
    const char *key;
    char type; /* s i d b t */
    const char *value;
};
bool kv_next(const struct kv *kv, size_t *pos, struct kv_entry *ret);
/* Put an entry of another kv as it is. */
int kv_put_entry(struct kv *kv, const struct kv_entry *entry);

/* Copy all of `from` under "PREFIX" + key into kv; and those of kv that begin with PREFIX, without
 * it, into `to`. 0 or a negative errno. */
int kv_join(struct kv *kv, const char *prefix, const struct kv *from);
int kv_split(const struct kv *kv, const char *prefix, struct kv *to);

/* The bytes; they belong to the kv until it changes. */
const void *kv_encode(const struct kv *kv, size_t *len);
/* 0, -EINVAL, -E2BIG or -ENOMEM. No bytes are an empty kv. */
int kv_decode(const void *bytes, size_t len, struct kv **ret);

#endif
