// SPDX-License-Identifier: LGPL-3.0-only
/* Messages as JSON objects, for people and scripts, by the descriptors that protobuf-c keeps.
 *
 * Field names are those of the proto file. Numbers are numbers (a uint64 above 2^63-1 is a string
 * of digits), enums their names, bytes a string where they are UTF-8 text and else {"base64":
 * "..."}. Written are all fields that have a value: members of a oneof and messages only if set. */
#ifndef FLUX_PROTOJSON_H
#define FLUX_PROTOJSON_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include <flux/base.h>

#pragma GCC visibility push(default)

/* A new object. */
json_t *flux_proto_to_json(const ProtobufCMessage *msg);

/* The message of an object; enums also by number, bytes as above. 0, or -EINVAL with a text like
 * "KvsGetRequest: no field 'kye'; it has: namespace key". Free with
 * protobuf_c_message_free_unpacked(). */
int flux_proto_from_json(const ProtobufCMessageDescriptor *desc, const json_t *o,
                         ProtobufCMessage **ret, struct flux_error *err);

/* Add "FIELD=VALUE", as typed in a shell, to an object that becomes a `desc`: strings, bytes and
 * enums are taken as they stand, everything else is JSON. A repeated field may be given several
 * times, or once as a JSON array. 0 or -EINVAL. */
int flux_proto_set_json(const ProtobufCMessageDescriptor *desc, json_t *o, const char *assignment,
                        struct flux_error *err);

#pragma GCC visibility pop
#endif
