// SPDX-License-Identifier: LGPL-3.0-only
/* Message to JSON. Nothing here can fail: what cannot be said as text is said as base64. */
#include <flux/protojson.h>

#include <inttypes.h>
#include <stdio.h>

#include "json_bytes.h"

static json_t *from_enum(const ProtobufCEnumDescriptor *desc, int number)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(desc, number);

    return v ? json_string(v->name) : json_integer(number);
}

static json_t *from_u64(uint64_t n)
{
    char digits[24];

    if (n <= INT64_MAX)
        return json_integer((json_int_t)n);
    snprintf(digits, sizeof(digits), "%" PRIu64, n);
    return json_string(digits);
}

static json_t *from_text(const char *s)
{
    json_t *o = json_string(s ? s : "");

    return o ? o : bytes_to_json((const uint8_t *)s, strlen(s));
}

static json_t *from_bytes(const ProtobufCBinaryData *b)
{
    return bytes_to_json(b->data, b->len);
}

/* json_real() refuses what JSON cannot say. */
static json_t *from_real(double d)
{
    json_t *o = json_real(d);

    return o ? o : json_string(d > 0 ? "inf" : d < 0 ? "-inf" : "nan");
}

static json_t *from_value(const ProtobufCFieldDescriptor *f, const void *p)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *)p);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *)p);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return json_integer(*(const int64_t *)p);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return from_u64(*(const uint64_t *)p);
    case PROTOBUF_C_TYPE_FLOAT:
        return from_real(*(const float *)p);
    case PROTOBUF_C_TYPE_DOUBLE:
        return from_real(*(const double *)p);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)p);
    case PROTOBUF_C_TYPE_ENUM:
        return from_enum(f->descriptor, *(const int *)p);
    case PROTOBUF_C_TYPE_STRING:
        return from_text(*(const char *const *)p);
    case PROTOBUF_C_TYPE_BYTES:
        return from_bytes(p);
    case PROTOBUF_C_TYPE_MESSAGE:
        return flux_proto_to_json(*(const ProtobufCMessage *const *)p);
    }
    return json_null();
}

static json_t *from_repeated(const ProtobufCFieldDescriptor *f, const void *member, size_t count)
{
    json_t *list = json_array();
    const char *p = *(const char *const *)member;

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, from_value(f, p + i * json_element_size(f)));
    return list;
}

static bool is_set(const ProtobufCFieldDescriptor *f, const char *msg)
{
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)(msg + f->quantifier_offset) == f->id;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(const void *const *)(msg + f->offset) != NULL;
    return true;
}

json_t *flux_proto_to_json(const ProtobufCMessage *msg)
{
    json_t *o = json_object();
    const char *base = (const char *)msg;

    for (unsigned i = 0; i < msg->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &msg->descriptor->fields[i];
        const void *member = base + f->offset;
        if (f->label == PROTOBUF_C_LABEL_REPEATED)
            json_object_set_new(
                o, f->name,
                from_repeated(f, member, *(const size_t *)(base + f->quantifier_offset)));
        else if (is_set(f, base))
            json_object_set_new(o, f->name, from_value(f, member));
    }
    return o;
}
