// SPDX-License-Identifier: LGPL-3.0-only
/* Which parts share a thread, and in which order modules start. */
#include "modhost.h"

#define PARTS(...) ((const struct flux_part *const[]){__VA_ARGS__, NULL})

const struct placement placements[] = {
    {0},
};
