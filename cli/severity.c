// SPDX-License-Identifier: LGPL-3.0-only
/* Names of log levels. */
#include "severity.h"

#include <flux/base.h>

static const char *const names[] = {"emerg",   "alert",  "crit", "err",
                                    "warning", "notice", "info", "debug"};

const char *cli_severity_name(unsigned level)
{
    return names[level < 7 ? level : 7];
}

int cli_severity_parse(const char *text)
{
    if (text[0] >= '0' && text[0] <= '7' && !text[1])
        return text[0] - '0';
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(names); i++)
        if (!strcmp(text, names[i]))
            return (int)i;
    return -EINVAL;
}
