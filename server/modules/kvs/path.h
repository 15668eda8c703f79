// SPDX-License-Identifier: LGPL-3.0-only
/* Keys: dotted paths. Empty components vanish ("a..b." is "a.b"), "." alone is the root. */
#ifndef MODULES_KVS_PATH_H
#define MODULES_KVS_PATH_H

#include <flux/base.h>

#define KVS_KEY_MAX 1024
#define KVS_DEPTH_MAX 64
#define KVS_NAMESPACE_MAX 255

struct kvs_path {
    char text[KVS_KEY_MAX + 1]; /* normalized: components joined by single dots; "" = root */
    uint16_t len;
    uint16_t count;
    struct {
        uint16_t at, len;
    } part[KVS_DEPTH_MAX];
};

/* -EINVAL: too long or deep, not UTF-8, or with control characters. */
int kvs_path_parse(const char *key, struct kvs_path *ret, struct flux_error *err);
/* The path `target` followed by the components of `p` from `from` on. */
int kvs_path_join(const char *target, const struct kvs_path *p, int from, struct kvs_path *ret,
                  struct flux_error *err);
/* A namespace name: 1 to 255 bytes of printable UTF-8 without ':' pairs. */
int kvs_namespace_check(const char *name, struct flux_error *err);

static inline const char *kvs_path_part(const struct kvs_path *p, int i)
{
    return p->text + p->part[i].at;
}

#endif
