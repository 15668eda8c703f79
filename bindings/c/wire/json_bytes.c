// SPDX-License-Identifier: LGPL-3.0-only
/* Bytes in JSON: text where they are text, base64 where not. */
#include "json_bytes.h"

#include <flux/base64.h>

size_t json_element_size(const ProtobufCFieldDescriptor *f)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    default:
        return 4;
    }
}

json_t *bytes_to_json(const uint8_t *data, size_t len)
{
    json_t *o = len == 0 || !memchr(data, 0, len) ? json_stringn((const char *)data, len) : NULL;

    if (len == 0)
        return o ? o : json_string("");
    if (!o) {
        FLUX_AUTO_STR text = flux_base64_encode(data, len);

        o = json_pack("{s:s}", "base64", text);
    }
    return o;
}

int bytes_from_json(const json_t *o, uint8_t **data, size_t *len)
{
    const char *text = json_string_value(json_object_get(o, "base64"));
    FLUX_AUTO_BUF out = FLUX_BUF_INIT(SIZE_MAX);

    *data = NULL;
    *len = 0;
    if (json_is_string(o)) {
        *len = json_string_length(o);
        *data = *len ? flux_memdup(json_string_value(o), *len) : NULL;
        return 0;
    }
    if (!text || flux_base64_decode(text, &out) < 0)
        return -EINVAL;
    *len = out.len;
    *data = out.len ? (uint8_t *)flux_buf_take(&out) : NULL;
    return 0;
}
