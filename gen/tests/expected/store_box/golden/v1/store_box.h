// SPDX-License-Identifier: LGPL-3.0-only
/* Generated from golden/v1/store_box.proto. */
#ifndef GOLDEN_V1_STORE_BOX_H
#define GOLDEN_V1_STORE_BOX_H

#include <flux/rpc.h>
#include <flux/proto.h>
#include <flux/v1/options.h>
#include <golden/v1/parts.h>
#include "golden/v1/store_box.pb-c.h"

#pragma GCC visibility push(default)

typedef Golden__V1__StoreBoxColour golden_store_box_colour;
#define GOLDEN_STORE_BOX_COLOUR_UNSPECIFIED GOLDEN__V1__STORE_BOX_COLOUR__STORE_BOX_COLOUR_UNSPECIFIED
#define GOLDEN_STORE_BOX_COLOUR_BLUE GOLDEN__V1__STORE_BOX_COLOUR__STORE_BOX_COLOUR_BLUE
#define golden_store_box_colour_descriptor golden__v1__store_box_colour__descriptor

typedef Golden__V1__StoreBoxGetRequest golden_store_box_get_request;
#define GOLDEN_STORE_BOX_GET_REQUEST_INIT GOLDEN__V1__STORE_BOX_GET_REQUEST__INIT
FLUX_PROTO_MESSAGE(golden_store_box_get_request);

typedef Golden__V1__StoreBoxGetResponse golden_store_box_get_response;
#define GOLDEN_STORE_BOX_GET_RESPONSE_INIT GOLDEN__V1__STORE_BOX_GET_RESPONSE__INIT
FLUX_PROTO_MESSAGE(golden_store_box_get_response);

typedef Golden__V1__StoreBoxGetResponse__CountsEntry golden_store_box_get_response_counts_entry;
#define GOLDEN_STORE_BOX_GET_RESPONSE_COUNTS_ENTRY_INIT GOLDEN__V1__STORE_BOX_GET_RESPONSE__COUNTS_ENTRY__INIT
FLUX_PROTO_MESSAGE(golden_store_box_get_response_counts_entry);

typedef Golden__V1__StoreBoxGetResponse__Label golden_store_box_get_response_label;
#define GOLDEN_STORE_BOX_GET_RESPONSE_LABEL_INIT GOLDEN__V1__STORE_BOX_GET_RESPONSE__LABEL__INIT
FLUX_PROTO_MESSAGE(golden_store_box_get_response_label);

typedef Golden__V1__StoreBoxRegisterRequest golden_store_box_register_request;
#define GOLDEN_STORE_BOX_REGISTER_REQUEST_INIT GOLDEN__V1__STORE_BOX_REGISTER_REQUEST__INIT
FLUX_PROTO_MESSAGE(golden_store_box_register_request);

typedef Golden__V1__StoreBoxRegisterResponse golden_store_box_register_response;
#define GOLDEN_STORE_BOX_REGISTER_RESPONSE_INIT GOLDEN__V1__STORE_BOX_REGISTER_RESPONSE__INIT
FLUX_PROTO_MESSAGE(golden_store_box_register_response);

typedef Golden__V1__StoreBoxWatchRequest golden_store_box_watch_request;
#define GOLDEN_STORE_BOX_WATCH_REQUEST_INIT GOLDEN__V1__STORE_BOX_WATCH_REQUEST__INIT
FLUX_PROTO_MESSAGE(golden_store_box_watch_request);

typedef Golden__V1__StoreBoxWatchResponse golden_store_box_watch_response;
#define GOLDEN_STORE_BOX_WATCH_RESPONSE_INIT GOLDEN__V1__STORE_BOX_WATCH_RESPONSE__INIT
FLUX_PROTO_MESSAGE(golden_store_box_watch_response);

/* Boxes, kept in order. */
#define GOLDEN_STORE_BOX_SERVICE "golden.v1.StoreBox"

/* Read one box. ENOENT: there is none. */
int golden_store_box_get(struct flux *h, struct flux_to to, const golden_store_box_get_request *in,
                         golden_store_box_get_response **out, struct flux_error *err);
struct flux_future *golden_store_box_get_async(struct flux *h, struct flux_to to,
                                               const golden_store_box_get_request *in);
int golden_store_box_get_result(struct flux_future *f, const golden_store_box_get_response **out,
                                struct flux_error *err);
extern const struct flux_method golden_store_box_get_method;

/* Put it away; a "quoted" \ word, and the end of a comment * / too. */
int golden_store_box_register(struct flux *h, struct flux_to to,
                              const golden_store_box_register_request *in,
                              golden_store_box_register_response **out, struct flux_error *err);
struct flux_future *golden_store_box_register_async(struct flux *h, struct flux_to to,
                                                    const golden_store_box_register_request *in);
int golden_store_box_register_result(struct flux_future *f,
                                     const golden_store_box_register_response **out,
                                     struct flux_error *err);
extern const struct flux_method golden_store_box_register_method;

/* Follow a box. */
struct flux_future *golden_store_box_watch_stream(struct flux *h, struct flux_to to,
                                                  const golden_store_box_watch_request *in);
int golden_store_box_watch_result(struct flux_future *f,
                                  const golden_store_box_watch_response **out,
                                  struct flux_error *err);
extern const struct flux_method golden_store_box_watch_method;

#pragma GCC visibility pop
#endif
