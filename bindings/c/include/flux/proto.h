// SPDX-License-Identifier: LGPL-3.0-only
/* What every generated header leans on: freeing messages. */
#ifndef FLUX_PROTO_H
#define FLUX_PROTO_H

#include <protobuf-c/protobuf-c.h>

#include <flux/base.h>

/* For a message type T: T_free(p), for messages that a blocking call handed over (NULL is fine),
 * and what FLUX_AUTO_MSG needs. */
#define FLUX_PROTO_MESSAGE(type)                                                                   \
    static inline void type##_free(type *p)                                                        \
    {                                                                                              \
        protobuf_c_message_free_unpacked((ProtobufCMessage *)p, NULL);                             \
    }                                                                                              \
    static inline void type##_autofree(type **p)                                                   \
    {                                                                                              \
        type##_free(*p);                                                                           \
    }                                                                                              \
    struct flux_proto /* takes the semicolon */

/* FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;   freed on every way out. */
#define FLUX_AUTO_MSG(type) __attribute__((cleanup(type##_autofree))) type *

#endif
