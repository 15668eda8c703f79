// SPDX-License-Identifier: LGPL-3.0-only
/* Generated from golden/v1/store_box.proto: the method tables and the client's side. */
#include <flux/v1/options.h>
#include <golden/v1/store_box.h>

const struct flux_method golden_store_box_get_method = {
    .name = "golden.v1.StoreBox/Get",
    .request = &golden__v1__store_box_get_request__descriptor,
    .response = &golden__v1__store_box_get_response__descriptor,
    .access = FLUX_ACCESS_GUEST,
    .idempotent = true,
};

int golden_store_box_get(struct flux *h, struct flux_to to, const golden_store_box_get_request *in,
                         golden_store_box_get_response **out, struct flux_error *err)
{
    ProtobufCMessage *msg = NULL;
    int r = flux_rpc_wait(h, to, &golden_store_box_get_method, (const ProtobufCMessage *)in,
                          out ? &msg : NULL, err);

    if (r >= 0 && out)
        *out = (golden_store_box_get_response *)msg;
    return r;
}

struct flux_future *golden_store_box_get_async(struct flux *h, struct flux_to to,
                                               const golden_store_box_get_request *in)
{
    return flux_rpc(h, to, &golden_store_box_get_method, (const ProtobufCMessage *)in);
}

int golden_store_box_get_result(struct flux_future *f, const golden_store_box_get_response **out,
                                struct flux_error *err)
{
    const ProtobufCMessage *msg = NULL;
    int r = flux_rpc_result(f, &msg, err);

    if (r >= 0 && out)
        *out = (const golden_store_box_get_response *)msg;
    return r;
}

const struct flux_method golden_store_box_register_method = {
    .name = "golden.v1.StoreBox/Register",
    .request = &golden__v1__store_box_register_request__descriptor,
    .response = &golden__v1__store_box_register_response__descriptor,
    .access = FLUX_ACCESS_ADMIN,
    .max_body = 4096u,
};

int golden_store_box_register(struct flux *h, struct flux_to to,
                              const golden_store_box_register_request *in,
                              golden_store_box_register_response **out, struct flux_error *err)
{
    ProtobufCMessage *msg = NULL;
    int r = flux_rpc_wait(h, to, &golden_store_box_register_method, (const ProtobufCMessage *)in,
                          out ? &msg : NULL, err);

    if (r >= 0 && out)
        *out = (golden_store_box_register_response *)msg;
    return r;
}

struct flux_future *golden_store_box_register_async(struct flux *h, struct flux_to to,
                                                    const golden_store_box_register_request *in)
{
    return flux_rpc(h, to, &golden_store_box_register_method, (const ProtobufCMessage *)in);
}

int golden_store_box_register_result(struct flux_future *f,
                                     const golden_store_box_register_response **out,
                                     struct flux_error *err)
{
    const ProtobufCMessage *msg = NULL;
    int r = flux_rpc_result(f, &msg, err);

    if (r >= 0 && out)
        *out = (const golden_store_box_register_response *)msg;
    return r;
}

const struct flux_method golden_store_box_watch_method = {
    .name = "golden.v1.StoreBox/Watch",
    .request = &golden__v1__store_box_watch_request__descriptor,
    .response = &golden__v1__store_box_watch_response__descriptor,
    .access = FLUX_ACCESS_OWNER,
    .stream = true,
    .flow = true,
    .max_open = 8u,
};

struct flux_future *golden_store_box_watch_stream(struct flux *h, struct flux_to to,
                                                  const golden_store_box_watch_request *in)
{
    return flux_rpc(h, to, &golden_store_box_watch_method, (const ProtobufCMessage *)in);
}

int golden_store_box_watch_result(struct flux_future *f,
                                  const golden_store_box_watch_response **out,
                                  struct flux_error *err)
{
    const ProtobufCMessage *msg = NULL;
    int r = flux_rpc_result(f, &msg, err);

    if (r >= 0 && out)
        *out = (const golden_store_box_watch_response *)msg;
    return r;
}
