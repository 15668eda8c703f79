// SPDX-License-Identifier: LGPL-3.0-only
/* The shared test tables: JSON files in ../shared/vectors beside the project, or $FLUX_VECTORS. */
#ifndef TEST_VECTORS_H
#define TEST_VECTORS_H

#include <jansson.h>

/* Load e.g. "core/idset.json". NULL when the tables are not present: the test then calls skip(). */
json_t *vectors_load(const char *path);

#endif
