// SPDX-License-Identifier: LGPL-3.0-only
/* flux version: of the command, the library and, where one is named, the instance. */
#include "verb.h"

static void line(const char *label, const char *value)
{
    printf("%-16s%s\n", label, value);
}

static int run(struct cli *cli)
{
    const char *uri = getenv("FLUX_URI");

    line("commands:", FLUX_VERSION);
    line("libflux-core:", FLUX_VERSION);
    if (uri)
        line("FLUX_URI:", uri);
    return 0;
}

const struct flux_verb verb_version = {
    .path = "version",
    .summary = "Display flux version information",
    .run = run,
};
