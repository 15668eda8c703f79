// SPDX-License-Identifier: LGPL-3.0-only
/* Generated from golden/v1/store_box.proto: dispatch, registration, answers. */
#include <flux/v1/options.h>
#include <golden/v1/store_box_service.h>

static int dispatch_get(struct flux_call *call, const void *ops, const ProtobufCMessage *in,
                        ProtobufCMessage *out)
{
    const struct golden_store_box_ops *o = ops;

    if (!o->get)
        return -ENOSYS;
    return o->get(call, (const golden_store_box_get_request *)in,
                  (golden_store_box_get_response *)out);
}

static int dispatch_register(struct flux_call *call, const void *ops, const ProtobufCMessage *in,
                             ProtobufCMessage *out)
{
    const struct golden_store_box_ops *o = ops;

    if (!o->register_)
        return -ENOSYS;
    return o->register_(call, (const golden_store_box_register_request *)in,
                        (golden_store_box_register_response *)out);
}

static int dispatch_watch(struct flux_call *call, const void *ops, const ProtobufCMessage *in,
                          ProtobufCMessage *out)
{
    const struct golden_store_box_ops *o = ops;

    if (!o->watch)
        return -ENOSYS;
    return o->watch(call, (const golden_store_box_watch_request *)in);
}

static const struct flux_service_method methods[] = {
    {&golden_store_box_get_method, dispatch_get},
    {&golden_store_box_register_method, dispatch_register},
    {&golden_store_box_watch_method, dispatch_watch},
};

const struct flux_service golden_store_box_service = {
    .name = "golden.v1.StoreBox",
    .short_name = "box",
    .home = FLUX_HOME_LEADER,
    .methods = methods,
    .count = sizeof(methods) / sizeof(methods[0]),
};

int golden_store_box_serve(struct flux *h, const struct golden_store_box_ops *ops, void *data,
                           struct flux_error *err)
{
    return flux_service_register(h, &golden_store_box_service, ops, data, err);
}

int golden_store_box_get_reply(struct flux_call *call, const golden_store_box_get_response *out)
{
    return flux_call_reply(call, (const ProtobufCMessage *)out);
}

int golden_store_box_register_reply(struct flux_call *call,
                                    const golden_store_box_register_response *out)
{
    return flux_call_reply(call, (const ProtobufCMessage *)out);
}

int golden_store_box_watch_send(struct flux_call *call, const golden_store_box_watch_response *item)
{
    return flux_call_send(call, (const ProtobufCMessage *)item);
}
