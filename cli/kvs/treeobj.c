// SPDX-License-Identifier: LGPL-3.0-only
/* Tree objects of RFC 11: {"ver":1,"type":...,"data":...}, the form in which snapshots, values and
 * links are shown and taken. */
#include "kvs.h"

#include <jansson.h>

#include <flux/base64.h>

static char *treeobj(const char *type, json_t *data)
{
    json_t *o = json_pack("{s:o, s:s, s:i}", "data", data, "type", type, "ver", 1);
    char *text = json_dumps(o, JSON_COMPACT);

    json_decref(o);
    return text;
}

char *kvs_treeobj_dirref(const char *ref)
{
    return treeobj("dirref", json_pack("[s]", ref));
}

char *kvs_treeobj_value(const void *data, size_t len)
{
    FLUX_AUTO_STR text = flux_base64_encode(data, len);

    return treeobj("val", json_string(text));
}

char *kvs_treeobj_symlink(const char *target, const char *ns)
{
    json_t *data = json_pack("{s:s}", "target", target);

    if (*ns)
        json_object_set_new(data, "namespace", json_string(ns));
    return treeobj("symlink", data);
}

char *kvs_at(const struct cli *cli)
{
    const char *at = cli_str(cli, "at", NULL), *ref = NULL;
    char *copy = NULL;
    json_t *o;

    if (!at)
        return flux_strdup("");
    if (*at != '{')
        return flux_strdup(at);
    o = json_loads(at, 0, NULL);
    if (json_unpack(o, "{s:[s]}", "data", &ref) == 0)
        copy = flux_strdup(ref);
    else
        cli_fail(cli, "--at: expected a dirref object or a root reference");
    json_decref(o);
    return copy;
}

int kvs_treeobj_op(const char *text, flux_kvs_op *op, struct flux_buf *value,
                   struct flux_error *err)
{
    json_t *o = json_loads(text, 0, NULL);
    const char *type, *data, *target, *ns = "";
    int r = 0;

    if (!o || json_unpack(o, "{s:s}", "type", &type) < 0)
        r = flux_error_set(err, -EINVAL, "this is not an RFC 11 tree object");
    else if (strcmp(type, "val") == 0 && json_unpack(o, "{s:s}", "data", &data) == 0) {
        r = flux_base64_decode(data, value);
        if (r < 0)
            flux_error_set(err, r, "the data of the val object is not base64");
    } else if (strcmp(type, "symlink") == 0 &&
               json_unpack(o, "{s:{s:s, s?s}}", "data", "target", &target, "namespace", &ns) == 0) {
        op->kind = FLUX_KVS_OP_SYMLINK;
        op->target = flux_strdup(target);
        op->target_namespace = flux_strdup(ns);
    } else if (strcmp(type, "dir") == 0)
        op->kind = FLUX_KVS_OP_MKDIR;
    else
        r = flux_error_set(err, -EOPNOTSUPP,
                           "objects of type '%s' cannot be put; use flux kvs copy", type);
    json_decref(o);
    return r;
}
