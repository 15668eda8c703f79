// SPDX-License-Identifier: LGPL-3.0-only
/* What the two directions between messages and JSON share. */
#ifndef FLUX_WIRE_JSON_BYTES_H
#define FLUX_WIRE_JSON_BYTES_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include <flux/base.h>

/* A string where the bytes are UTF-8 text without NULs, else {"base64": "..."}. */
json_t *bytes_to_json(const uint8_t *data, size_t len);
/* The other way; *data is malloc'd (NULL if empty). 0 or -EINVAL. */
int bytes_from_json(const json_t *o, uint8_t **data, size_t *len);

/* Bytes that one element of a field takes in memory. */
size_t json_element_size(const ProtobufCFieldDescriptor *f);

#endif
