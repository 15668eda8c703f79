// SPDX-License-Identifier: LGPL-3.0-only
/* RFC 38. The bytes are the representation: entries one after the other in one buffer, always
 * valid. A lookup is a walk, which for the few keys of a header is the fastest thing there is. */
#include "kv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "../conf/timestamp.h"
#include "kv_value.h"

struct kv {
    char *buf;
    size_t len, size;
    size_t entries;
};

struct kv *kv_new(void)
{
    return calloc(1, sizeof(struct kv));
}

void kv_free(struct kv *kv)
{
    if (kv)
        free(kv->buf);
    free(kv);
}

bool kv_next(const struct kv *kv, size_t *pos, struct kv_entry *ret)
{
    if (*pos >= kv->len)
        return false;
    ret->key = kv->buf + *pos;
    ret->type = ret->key[strlen(ret->key) + 1];
    ret->value = ret->key + strlen(ret->key) + 2;
    *pos = (size_t)(ret->value - kv->buf) + strlen(ret->value) + 1;
    return true;
}

static bool find(const struct kv *kv, const char *key, struct kv_entry *ret)
{
    for (size_t pos = 0; kv_next(kv, &pos, ret);)
        if (strcmp(ret->key, key) == 0)
            return true;
    return false;
}

int kv_delete(struct kv *kv, const char *key)
{
    struct kv_entry e;

    if (!find(kv, key, &e))
        return -ENOENT;
    size_t start = (size_t)(e.key - kv->buf);
    size_t end = (size_t)(e.value - kv->buf) + strlen(e.value) + 1;
    memmove(kv->buf + start, kv->buf + end, kv->len - end);
    kv->len -= end - start;
    kv->entries--;
    return 0;
}

static int reserve(struct kv *kv, size_t more)
{
    size_t size = kv->size ? kv->size : 256;

    if (more > KV_SIZE_MAX - kv->len)
        return -E2BIG;
    while (size < kv->len + more)
        size *= 2;
    if (size == kv->size)
        return 0;
    char *buf = realloc(kv->buf, size);
    if (!buf)
        return -ENOMEM;
    kv->buf = buf;
    kv->size = size;
    return 0;
}

static int put(struct kv *kv, const char *key, char type, const char *value)
{
    struct kv_entry e;
    size_t klen = strlen(key), vlen = strlen(value);

    if (klen == 0)
        return -EINVAL;
    if (klen > KV_SIZE_MAX || vlen > KV_SIZE_MAX || kv->entries >= KV_LEN_MAX)
        return -E2BIG;
    int r = reserve(kv, klen + vlen + 3);
    if (r < 0)
        return r;
    if (find(kv, key, &e))
        kv_delete(kv, key);
    memcpy(kv->buf + kv->len, key, klen + 1);
    kv->buf[kv->len + klen + 1] = type;
    memcpy(kv->buf + kv->len + klen + 2, value, vlen + 1);
    kv->len += klen + vlen + 3;
    kv->entries++;
    return 0;
}

int kv_put_string(struct kv *kv, const char *key, const char *value)
{
    return put(kv, key, 's', value);
}

int kv_put_int(struct kv *kv, const char *key, int64_t value)
{
    char text[KV_VALUE_MAX];

    kv_value_from_int(value, text);
    return put(kv, key, 'i', text);
}

int kv_put_double(struct kv *kv, const char *key, double value)
{
    char text[KV_VALUE_MAX];
    int r = kv_value_from_double(value, text);

    return r < 0 ? r : put(kv, key, 'd', text);
}

int kv_put_bool(struct kv *kv, const char *key, bool value)
{
    return put(kv, key, 'b', value ? "true" : "false");
}

int kv_put_time(struct kv *kv, const char *key, time_t value)
{
    char text[KV_VALUE_MAX];
    int r = timestamp_encode(value, text);

    return r < 0 ? r : put(kv, key, 't', text);
}

int kv_put_entry(struct kv *kv, const struct kv_entry *entry)
{
    return put(kv, entry->key, entry->type, entry->value);
}

static int get(const struct kv *kv, const char *key, char type, struct kv_entry *e)
{
    if (!find(kv, key, e))
        return -ENOENT;
    return e->type == type ? 0 : -EINVAL;
}

int kv_get_string(const struct kv *kv, const char *key, const char **ret)
{
    struct kv_entry e;
    int r = get(kv, key, 's', &e);

    if (r == 0)
        *ret = e.value;
    return r;
}

int kv_get_int(const struct kv *kv, const char *key, int64_t *ret)
{
    struct kv_entry e;
    int r = get(kv, key, 'i', &e);

    return r < 0 ? r : kv_value_to_int(e.value, ret);
}

int kv_get_double(const struct kv *kv, const char *key, double *ret)
{
    struct kv_entry e;
    int r = get(kv, key, 'd', &e);

    return r < 0 ? r : kv_value_to_double(e.value, ret);
}

int kv_get_bool(const struct kv *kv, const char *key, bool *ret)
{
    struct kv_entry e;
    int r = get(kv, key, 'b', &e);

    if (r == 0)
        *ret = strcmp(e.value, "true") == 0;
    return r;
}

int kv_get_time(const struct kv *kv, const char *key, time_t *ret)
{
    struct kv_entry e;
    int r = get(kv, key, 't', &e);

    return r < 0 ? r : timestamp_decode(e.value, ret);
}

static int put_prefixed(struct kv *kv, const char *prefix, const struct kv_entry *e)
{
    char *key;

    if (asprintf(&key, "%s%s", prefix, e->key) < 0)
        return -ENOMEM;
    int r = put(kv, key, e->type, e->value);
    free(key);
    return r;
}

int kv_join(struct kv *kv, const char *prefix, const struct kv *from)
{
    struct kv_entry e;
    int r = 0;

    for (size_t pos = 0; r == 0 && kv_next(from, &pos, &e);)
        r = put_prefixed(kv, prefix, &e);
    return r;
}

int kv_split(const struct kv *kv, const char *prefix, struct kv *to)
{
    struct kv_entry e;
    size_t n = strlen(prefix);
    int r = 0;

    for (size_t pos = 0; r == 0 && kv_next(kv, &pos, &e);)
        if (strncmp(e.key, prefix, n) == 0)
            r = put(to, e.key + n, e.type, e.value);
    return r;
}

const void *kv_encode(const struct kv *kv, size_t *len)
{
    *len = kv->len;
    return kv->len ? kv->buf : "";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int refuse_twice(const struct kv *kv)
{
    struct kv_entry e;
    size_t n = 0;
    const char **keys = calloc(kv->entries ? kv->entries : 1, sizeof(*keys));
    int r = 0;

    if (!keys)
        return -ENOMEM;
    for (size_t pos = 0; kv_next(kv, &pos, &e);)
        keys[n++] = e.key;
    qsort(keys, n, sizeof(*keys), by_name);
    for (size_t i = 1; i < n && r == 0; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            r = -EINVAL;
    free(keys);
    return r;
}

/* The length of the first entry of `len` bytes that end with NUL, or -EINVAL. */
static ssize_t check_entry(const char *bytes, size_t len)
{
    size_t klen = strlen(bytes);

    if (klen == 0 || klen + 2 >= len)
        return -EINVAL;
    const char *value = bytes + klen + 2;
    if (bytes[klen + 1] == '\0' || kv_value_check(bytes[klen + 1], value) < 0)
        return -EINVAL;
    return (ssize_t)(klen + 2 + strlen(value) + 1);
}

static int check_bytes(const char *bytes, size_t len, size_t *entries)
{
    size_t n = 0;

    if (len > 0 && bytes[len - 1] != '\0')
        return -EINVAL;
    for (size_t pos = 0; pos < len; n++) {
        ssize_t step = check_entry(bytes + pos, len - pos);
        if (step < 0)
            return -EINVAL;
        if (n == KV_LEN_MAX)
            return -E2BIG;
        pos += (size_t)step;
    }
    *entries = n;
    return 0;
}

int kv_decode(const void *bytes, size_t len, struct kv **ret)
{
    size_t entries;

    if (len > KV_SIZE_MAX)
        return -E2BIG;
    int r = check_bytes(bytes, len, &entries);
    if (r < 0)
        return r;
    struct kv *kv = kv_new();
    if (!kv)
        return -ENOMEM;
    r = reserve(kv, len);
    if (r == 0) {
        if (len > 0)
            memcpy(kv->buf, bytes, len);
        kv->len = len;
        kv->entries = entries;
        r = refuse_twice(kv);
    }
    if (r < 0) {
        kv_free(kv);
        return r;
    }
    *ret = kv;
    return 0;
}
