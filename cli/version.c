// SPDX-License-Identifier: LGPL-3.0-only
/* flux version: of the command, the library and, where one is named, the instance. */
#include "handle.h"

static void line(const char *label, const char *value)
{
    printf("%-16s%s\n", label, value);
}

static int run(struct cli *cli)
{
    const char *uri = getenv("FLUX_URI");
    const char *broker = uri ? flux_attr(cli_handle(cli), "version") : NULL;

    line("commands:", FLUX_VERSION);
    line("libflux-core:", FLUX_VERSION);
    if (broker)
        line("broker:", broker);
    if (uri)
        line("FLUX_URI:", uri);
    line("build-options:", "+curve+hwloc+sqlite");
    return 0;
}

const struct flux_verb verb_version = {
    .path = "version",
    .summary = "Display flux version information",
    .run = run,
};
