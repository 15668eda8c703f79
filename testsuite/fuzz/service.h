// SPDX-License-Identifier: LGPL-3.0-only
/* What generated fuzz targets of services are made of: one input is one request with a hostile
 * body, through the real dispatcher, on a handle that is connected to itself. */
#ifndef FUZZ_SERVICE_H
#define FUZZ_SERVICE_H

#include <flux/service.h>

/* The first byte chooses the rpc, the rest is the body of its request. 0. */
int fuzz_service(const struct flux_service *svc, const void *ops, const uint8_t *data, size_t size);

/* The body of every handler: look at all of `in`; `out` (NULL for streams) must be its defaults. */
int fuzz_handle(struct flux_call *call, const ProtobufCMessage *in, ProtobufCMessage *out);

#endif
