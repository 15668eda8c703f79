// SPDX-License-Identifier: LGPL-3.0-only
/* Generated from golden/v1/parts.proto. */
#ifndef GOLDEN_V1_PARTS_H
#define GOLDEN_V1_PARTS_H

#include <flux/proto.h>
#include "golden/v1/parts.pb-c.h"

#pragma GCC visibility push(default)

/* A part of something. */
typedef Golden__V1__Part golden_part;
#define GOLDEN_PART_INIT GOLDEN__V1__PART__INIT
FLUX_PROTO_MESSAGE(golden_part);

#pragma GCC visibility pop
#endif
