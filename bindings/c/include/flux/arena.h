// SPDX-License-Identifier: LGPL-3.0-only
/* Memory that is given back all at once: a request, its answer and their strings die together. */
#ifndef FLUX_ARENA_H
#define FLUX_ARENA_H

#include <protobuf-c/protobuf-c.h>

#include <flux/base.h>

#pragma GCC visibility push(default)

struct flux_arena_block;
struct flux_arena {
    struct flux_arena_block *blocks;
    size_t used;                  /* of the first block */
    ProtobufCAllocator allocator; /* hand &arena->allocator to protobuf_c_message_unpack() */
};

void flux_arena_init(struct flux_arena *a);
void *flux_arena_alloc(struct flux_arena *a, size_t size); /* zeroed, aligned for anything */
char *flux_arena_strdup(struct flux_arena *a, const char *s);
/* Give everything back; the arena may be used again. */
void flux_arena_reset(struct flux_arena *a);

#pragma GCC visibility pop
#endif
