// SPDX-License-Identifier: LGPL-3.0-only
/* Generated from golden/v1/store_box.proto. */
#include <golden/v1/store_box_service.h>

#include "service.h"

static int handle_get(struct flux_call *call, const golden_store_box_get_request *in,
                      golden_store_box_get_response *out)
{
    return fuzz_handle(call, (const ProtobufCMessage *)in, (ProtobufCMessage *)out);
}

static int handle_register(struct flux_call *call, const golden_store_box_register_request *in,
                           golden_store_box_register_response *out)
{
    return fuzz_handle(call, (const ProtobufCMessage *)in, (ProtobufCMessage *)out);
}

static int handle_watch(struct flux_call *call, const golden_store_box_watch_request *in)
{
    return fuzz_handle(call, (const ProtobufCMessage *)in, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct golden_store_box_ops ops = {
        .get = handle_get,
        .register_ = handle_register,
        .watch = handle_watch,
    };

    return fuzz_service(&golden_store_box_service, &ops, data, size);
}
