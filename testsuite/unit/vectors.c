// SPDX-License-Identifier: LGPL-3.0-only
/* Finds the shared test tables; a table that is there but broken fails the test run. */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

json_t *vectors_load(const char *path)
{
    const char *dir = getenv("FLUX_VECTORS");
    char name[4096];
    json_error_t e;
    json_t *o;

    if (!dir)
        dir = SOURCE_ROOT "/../shared/vectors";
    snprintf(name, sizeof(name), "%s/%s", dir, path);
    if (access(name, R_OK) < 0) {
        fprintf(stderr, "# no test table %s\n", name);
        return NULL;
    }
    o = json_load_file(name, JSON_ALLOW_NUL, &e);
    if (!o) {
        fprintf(stderr, "%s: %s\n", name, e.text);
        exit(1);
    }
    return o;
}
