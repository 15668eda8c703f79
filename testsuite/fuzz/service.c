// SPDX-License-Identifier: LGPL-3.0-only
/* Any bytes as the request or the response of an rpc: an error or an answer, nothing else. What was
 * decoded can be encoded, said as JSON and read back. */
#include "service.h"

#include <assert.h>

#include <flux/protojson.h>

/* What a decoder let through must survive everything that is done with messages. */
static void examine(const ProtobufCMessage *msg)
{
    size_t n = protobuf_c_message_get_packed_size(msg);
    uint8_t *packed = flux_alloc(n + 1);
    json_t *o = flux_proto_to_json(msg);
    ProtobufCMessage *again;

    assert(protobuf_c_message_pack(msg, packed) == n);
    again = protobuf_c_message_unpack(msg->descriptor, NULL, n, packed);
    if (again) /* protobuf-c keeps unknown fields of number 0, and does not read them again */
        protobuf_c_message_free_unpacked(again, NULL);
    if (flux_proto_from_json(msg->descriptor, o, &again, NULL) == 0)
        protobuf_c_message_free_unpacked(again, NULL);
    json_decref(o);
    free(packed);
}

int fuzz_handle(struct flux_call *call, const ProtobufCMessage *in, ProtobufCMessage *out)
{
    assert(flux_call_data(call) == NULL);
    examine(in);
    if (!out)
        return flux_call_fail(call, ENOTSUP, "%s: no items here", flux_call_method(call));
    assert(protobuf_c_message_get_packed_size(out) == 0);
    return 0;
}

static void as_response(const struct flux_method *m, const uint8_t *data, size_t size)
{
    ProtobufCMessage *msg = protobuf_c_message_unpack(m->response, NULL, size, data);

    if (!msg)
        return;
    examine(msg);
    protobuf_c_message_free_unpacked(msg, NULL);
}

int fuzz_service(const struct flux_service *svc, const void *ops, const uint8_t *data, size_t size)
{
    const struct flux_method *m;
    FLUX_AUTO_HANDLE h = NULL;
    struct flux_error err = {""};
    const void *body;
    size_t len;
    int r;

    if (size < 1)
        return 0;
    m = svc->methods[data[0] % svc->count].method;
    as_response(m, data + 1, size - 1);
    h = flux_open_loop();
    r = flux_service_register(h, svc, ops, NULL, &err);
    assert(r == 0);
    {
        FLUX_AUTO(future) f = flux_rpc_bytes(h, FLUX_ANY, m, data + 1, size - 1);
        r = flux_rpc_result_bytes(f, &body, &len, &err);
        assert(r == 0 || r == -EPROTO || r == -ENOTSUP || r == -EMSGSIZE);
        assert(r == 0 || err.text[0]);
    }
    return 0;
}
