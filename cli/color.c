// SPDX-License-Identifier: LGPL-3.0-only
/* --color, NO_COLOR, and whether there is a terminal. */
#include "color.h"

#include <unistd.h>

int cli_color(const struct cli *cli, bool *ret, struct flux_error *err)
{
    const char *when = cli_str(cli, "color", NULL);
    const char *no_color = getenv("NO_COLOR");

    if (!when)
        when = cli_has(cli, "color") ? "always" : no_color && *no_color ? "never" : "auto";
    if (strcmp(when, "always") == 0)
        *ret = true;
    else if (strcmp(when, "never") == 0)
        *ret = false;
    else if (strcmp(when, "auto") == 0)
        *ret = isatty(STDOUT_FILENO);
    else
        return flux_error_set(err, -EINVAL, "Invalid argument to --color: '%s'", when);
    return 0;
}
