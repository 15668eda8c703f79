// SPDX-License-Identifier: LGPL-3.0-only
/* Keys come from outside: every bound is checked here, once. */
#include "path.h"
#include "node.h"

/* Length of the UTF-8 sequence at s, or 0 if it is not one (overlong and surrogates included). */
static int utf8_length(const unsigned char *s)
{
    int n = s[0] < 0x80   ? 1
            : s[0] < 0xc2 ? 0
            : s[0] < 0xe0 ? 2
            : s[0] < 0xf0 ? 3
            : s[0] < 0xf5 ? 4
                          : 0;

    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

static bool is_printable(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    while (*s) {
        int n = utf8_length(s);

        if (n == 0 || *s < 0x20 || *s == 0x7f)
            return false;
        s += n;
    }
    return true;
}

static int add_part(struct kvs_path *p, const char *key, size_t len, struct flux_error *err)
{
    if (len > KVS_NAME_MAX)
        return flux_error_set(err, -EINVAL, "kvs: '%.32s...': a component has more than %d bytes",
                              key, KVS_NAME_MAX);
    if (p->count == KVS_DEPTH_MAX)
        return flux_error_set(err, -EINVAL, "kvs: a key has at most %d components", KVS_DEPTH_MAX);
    if (p->len + len + 1 > KVS_KEY_MAX)
        return flux_error_set(err, -EINVAL, "kvs: a key has at most %d bytes", KVS_KEY_MAX);
    if (p->count)
        p->text[p->len++] = '.';
    p->part[p->count].at = p->len;
    p->part[p->count++].len = len;
    memcpy(p->text + p->len, key, len);
    p->len += len;
    p->text[p->len] = '\0';
    return 0;
}

static int add_key(struct kvs_path *p, const char *key, struct flux_error *err)
{
    int r = 0;

    while (*key && r == 0) {
        size_t len = strcspn(key, ".");

        if (len)
            r = add_part(p, key, len, err);
        key += len + (key[len] == '.');
    }
    return r;
}

int kvs_path_parse(const char *key, struct kvs_path *ret, struct flux_error *err)
{
    ret->len = ret->count = 0;
    ret->text[0] = '\0';
    if (!*key)
        return flux_error_set(err, -EINVAL, "kvs: a key may not be empty ('.' is the root)");
    if (strnlen(key, KVS_KEY_MAX + 1) > KVS_KEY_MAX)
        return flux_error_set(err, -EINVAL, "kvs: a key has at most %d bytes", KVS_KEY_MAX);
    if (!is_printable(key))
        return flux_error_set(err, -EINVAL,
                              "kvs: a key must be UTF-8 text without control characters");
    return add_key(ret, key, err);
}

int kvs_path_join(const char *target, const struct kvs_path *p, int from, struct kvs_path *ret,
                  struct flux_error *err)
{
    int r;

    ret->len = ret->count = 0;
    ret->text[0] = '\0';
    r = add_key(ret, target, err);
    for (int i = from; i < p->count && r == 0; i++)
        r = add_part(ret, kvs_path_part(p, i), p->part[i].len, err);
    return r;
}

int kvs_namespace_check(const char *name, struct flux_error *err)
{
    if (!*name || strlen(name) > KVS_NAMESPACE_MAX || strstr(name, "::") || !is_printable(name))
        return flux_error_set(err, -EINVAL,
                              "kvs: a namespace name has 1 to %d bytes of text and no '::'",
                              KVS_NAMESPACE_MAX);
    return 0;
}
