// SPDX-License-Identifier: LGPL-3.0-only
/* Whether to colour standard output: alike for all verbs that can. */
#ifndef FLUX_CLI_COLOR_H
#define FLUX_CLI_COLOR_H

#include "verb.h"

#define COLOR_OPTION(key)                                                                          \
    {                                                                                              \
        "color", key, OPT_OPTSTR, "always|never|auto", "Colour the output (auto: on a terminal)"   \
    }

#define COLOR_RED "\033[31m"
#define COLOR_YELLOW "\033[33m"

/* By --color[=WHEN] and NO_COLOR. -EINVAL for another word. */
int cli_color(const struct cli *cli, bool *ret, struct flux_error *err);

#endif
