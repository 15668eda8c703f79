// SPDX-License-Identifier: LGPL-3.0-only
/* JSON to message. A message under construction is always one that
 * protobuf_c_message_free_unpacked() can free. */
#include <flux/protojson.h>

#include <inttypes.h>

#include "json_bytes.h"

static const char *short_name(const ProtobufCMessageDescriptor *d)
{
    return d->short_name;
}

static int mismatch(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f,
                    const char *want, struct flux_error *err)
{
    return flux_error_set(err, -EINVAL, "%s.%s: expected %s", short_name(d), f->name, want);
}

static int no_field(const ProtobufCMessageDescriptor *d, const char *key, struct flux_error *err)
{
    char names[200] = "";
    size_t n = 0;

    for (unsigned i = 0; i < d->n_fields && n < sizeof(names) - 1; i++) {
        int more = snprintf(names + n, sizeof(names) - n, " %s", d->fields[i].name);
        n += more > 0 ? (size_t)more : 0;
    }
    return flux_error_set(err, -EINVAL, "%s: no field '%s'; it has:%s", short_name(d), key,
                          names[0] ? names : " none");
}

static int to_integer(const json_t *o, int64_t lo, uint64_t hi, uint64_t *ret)
{
    char *end;

    if (json_is_string(o)) { /* a uint64 that JSON integers cannot hold, or an id as digits */
        const char *s = json_string_value(o);
        if (*s < '0' || *s > '9')
            return -EINVAL;
        errno = 0;
        *ret = strtoull(s, &end, 10);
        return errno || *end || *ret > hi ? -EINVAL : 0;
    }
    if (!json_is_integer(o) || json_integer_value(o) < lo ||
        (json_integer_value(o) > 0 && (uint64_t)json_integer_value(o) > hi))
        return -EINVAL;
    *ret = (uint64_t)json_integer_value(o);
    return 0;
}

static int to_enum(const ProtobufCEnumDescriptor *desc, const json_t *o, int *ret)
{
    const ProtobufCEnumValue *v = NULL;

    if (json_is_integer(o)) {
        *ret = (int)json_integer_value(o);
        return 0;
    }
    if (json_is_string(o))
        v = protobuf_c_enum_descriptor_get_value_by_name(desc, json_string_value(o));
    if (!v)
        return -EINVAL;
    *ret = v->value;
    return 0;
}

static int to_real(const json_t *o, double *ret)
{
    if (!json_is_number(o))
        return -EINVAL;
    *ret = json_number_value(o);
    return 0;
}

static int to_number(const ProtobufCFieldDescriptor *f, const json_t *o, void *p)
{
    uint64_t n = 0;
    double d = 0;
    int r;

    switch (f->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        r = to_integer(o, 0, UINT32_MAX, &n);
        *(uint32_t *)p = (uint32_t)n;
        return r;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return to_integer(o, 0, UINT64_MAX, p);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return to_integer(o, INT64_MIN, INT64_MAX, p);
    case PROTOBUF_C_TYPE_DOUBLE:
        return to_real(o, p);
    case PROTOBUF_C_TYPE_FLOAT:
        r = to_real(o, &d);
        *(float *)p = (float)d;
        return r;
    default:
        r = to_integer(o, INT32_MIN, INT32_MAX, &n);
        *(int32_t *)p = (int32_t)n;
        return r;
    }
}

static int to_value(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f,
                    const json_t *o, void *p, struct flux_error *err)
{
    ProtobufCBinaryData *b = p;

    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
        if (!json_is_string(o))
            return mismatch(d, f, "a string", err);
        *(char **)p = flux_strdup(json_string_value(o));
        return 0;
    case PROTOBUF_C_TYPE_BYTES:
        if (bytes_from_json(o, &b->data, &b->len) < 0)
            return mismatch(d, f, "a string or {\"base64\": ...}", err);
        return 0;
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(o))
            return mismatch(d, f, "true or false", err);
        *(protobuf_c_boolean *)p = json_is_true(o);
        return 0;
    case PROTOBUF_C_TYPE_ENUM:
        if (to_enum(f->descriptor, o, p) < 0)
            return mismatch(d, f, ((const ProtobufCEnumDescriptor *)f->descriptor)->short_name,
                            err);
        return 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return flux_proto_from_json(f->descriptor, o, p, err);
    default:
        if (to_number(f, o, p) < 0)
            return mismatch(d, f, "a number in range", err);
        return 0;
    }
}

static int to_repeated(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f,
                       const json_t *o, char *base, struct flux_error *err)
{
    size_t size = json_element_size(f), *count = (size_t *)(base + f->quantifier_offset);
    char *list;

    if (!json_is_array(o))
        return mismatch(d, f, "an array", err);
    if (json_array_size(o) == 0)
        return 0;
    list = flux_alloc(json_array_size(o) * size);
    *(void **)(base + f->offset) = list;
    for (size_t i = 0; i < json_array_size(o); i++) {
        int r = to_value(d, f, json_array_get(o, i), list + i * size, err);
        if (r < 0)
            return r;
        *count = i + 1; /* what is counted is whole: it can be freed */
    }
    return 0;
}

static int set_field(const ProtobufCMessageDescriptor *d, ProtobufCMessage *msg, const char *key,
                     const json_t *o, struct flux_error *err)
{
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(d, key);
    char *base = (char *)msg;
    int r;

    if (!f)
        return no_field(d, key, err);
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return to_repeated(d, f, o, base, err);
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && *(uint32_t *)(base + f->quantifier_offset))
        return flux_error_set(err, -EINVAL, "%s.%s: only one member of its oneof can be set",
                              short_name(d), key);
    r = to_value(d, f, o, base + f->offset, err);
    if (r == 0 && f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        *(uint32_t *)(base + f->quantifier_offset) = f->id;
    return r;
}

int flux_proto_from_json(const ProtobufCMessageDescriptor *desc, const json_t *o,
                         ProtobufCMessage **ret, struct flux_error *err)
{
    ProtobufCMessage *msg;
    const char *key;
    json_t *value;

    if (!json_is_object(o))
        return flux_error_set(err, -EINVAL, "%s: expected an object", short_name(desc));
    msg = flux_alloc(desc->sizeof_message);
    protobuf_c_message_init(desc, msg);
    json_object_foreach ((json_t *)o, key, value) {
        int r = set_field(desc, msg, key, value, err);
        if (r < 0) {
            protobuf_c_message_free_unpacked(msg, NULL);
            return r;
        }
    }
    *ret = msg;
    return 0;
}

static bool is_text(const ProtobufCFieldDescriptor *f, const char *value)
{
    return f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_ENUM ||
           (f->type == PROTOBUF_C_TYPE_BYTES && strncmp(value, "{\"base64\"", 9) != 0);
}

int flux_proto_set_json(const ProtobufCMessageDescriptor *desc, json_t *o, const char *assignment,
                        struct flux_error *err)
{
    const char *eq = strchr(assignment, '=');
    FLUX_AUTO_STR key = eq ? flux_strndup(assignment, eq - assignment) : NULL;
    const ProtobufCFieldDescriptor *f;
    bool list;
    json_t *value;

    if (!eq)
        return flux_error_set(err, -EINVAL, "'%s' is not FIELD=VALUE", assignment);
    f = protobuf_c_message_descriptor_get_field_by_name(desc, key);
    if (!f)
        return no_field(desc, key, err);
    list = f->label == PROTOBUF_C_LABEL_REPEATED;
    if (is_text(f, eq + 1) && !(list && eq[1] == '['))
        value = json_string(eq + 1);
    else
        value = json_loads(eq + 1, JSON_DECODE_ANY, NULL);
    if (!value && f->type != PROTOBUF_C_TYPE_MESSAGE)
        value = json_string(eq + 1); /* digits of an id; else refused by type later */
    if (!value)
        return flux_error_set(err, -EINVAL, "%s.%s: '%.40s' is not JSON", short_name(desc), key,
                              eq + 1);
    if (!list || json_is_array(value))
        return json_object_set_new(o, key, value) < 0 ? -EINVAL : 0;
    if (!json_object_get(o, key))
        json_object_set_new(o, key, json_array());
    return json_array_append_new(json_object_get(o, key), value) < 0 ? -EINVAL : 0;
}
