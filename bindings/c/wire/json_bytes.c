// SPDX-License-Identifier: LGPL-3.0-only
/* Bytes in JSON: text where they are text, base64 (RFC 4648) where not. */
#include "json_bytes.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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

static json_t *encode(const uint8_t *p, size_t len)
{
    char *text = flux_alloc((len + 2) / 3 * 4 + 1), *out = text;
    json_t *o;

    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        if (i + 1 < len)
            v |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < len)
            v |= p[i + 2];
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < len ? digits[v & 63] : '=';
    }
    o = json_pack("{s:s}", "base64", text);
    free(text);
    return o;
}

json_t *bytes_to_json(const uint8_t *data, size_t len)
{
    json_t *o = len == 0 || !memchr(data, 0, len) ? json_stringn((const char *)data, len) : NULL;

    if (len == 0)
        return o ? o : json_string("");
    return o ? o : encode(data, len);
}

static int decode(const char *text, uint8_t *out, size_t *len)
{
    size_t n = strlen(text);
    uint32_t v = 0;

    *len = 0;
    if (n % 4)
        return -EINVAL;
    while (n && text[n - 1] == '=' && n % 4 != 2)
        n--;
    for (size_t i = 0; i < n; i++) {
        const char *d = memchr(digits, text[i], 64);
        if (!d)
            return -EINVAL;
        v = v << 6 | (uint32_t)(d - digits);
        if (i % 4)
            out[(*len)++] = v >> (6 - 2 * (i % 4));
    }
    return 0;
}

int bytes_from_json(const json_t *o, uint8_t **data, size_t *len)
{
    const char *text = json_string_value(json_object_get(o, "base64"));
    int r = 0;

    *data = NULL;
    *len = 0;
    if (json_is_string(o)) {
        *len = json_string_length(o);
        *data = *len ? flux_memdup(json_string_value(o), *len) : NULL;
        return 0;
    }
    if (!text)
        return -EINVAL;
    *data = flux_alloc(strlen(text) + 1);
    r = decode(text, *data, len);
    if (r < 0 || !*len) {
        free(*data);
        *data = NULL;
        *len = 0;
    }
    return r;
}
